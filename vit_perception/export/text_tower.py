# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Exports CLIP's text tower as the files with which robots encode names without torch."""

from __future__ import annotations

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from vit_perception.bundle.files import TextEncoderFiles
from vit_perception.export.onnx_graph import to_onnx
from vit_perception.models.text.clip import ClipText


class _Tower(nn.Module):
    """Maps tokens int64 [N, L] of equal length to unit-length text embeddings [N, D].

    Attention is causal and the first end-of-text token is pooled, so texts of equal length need
    no mask.
    """

    def __init__(self, clip: ClipText) -> None:
        super().__init__()
        self.tower = clip.tower

    def forward(self, tokens: Tensor) -> Tensor:
        return functional.normalize(self.tower(input_ids=tokens).text_embeds, dim=-1)


def text_encoder_files(clip: ClipText) -> TextEncoderFiles:
    """Returns graph and tokenizer, see `vit_perception.text.graph_encoder`."""
    tokens = torch.full((2, 5), clip.tokenizer.eos_token_id)
    names = ("tokens", "text_embeddings")
    dynamic = {"tokens": {0: "texts", 1: "length"}, "text_embeddings": {0: "texts"}}
    graph = to_onnx(_Tower(clip), (tokens,), names[:1], names[1:], dynamic)
    tokenizer = Tokenizer.from_str(clip.tokenizer.backend_tokenizer.to_str())
    tokenizer.no_padding()
    tokenizer.enable_truncation(clip.positions)
    return TextEncoderFiles(graph, tokenizer.to_str().encode())
