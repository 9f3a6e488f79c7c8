# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""all-MiniLM-L6-v2 (Reimers & Gurevych, 2019; Wang et al., 2020) through transformers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional
from transformers import AutoTokenizer, BertModel

MAX_TOKENS = 256


class MiniLM:
    """The reference of `vit_perception.text.encoder.TextEncoder`, with padding and masks.

    `directory` is the encoder's folder, read offline.
    """

    def __init__(self, directory: Path | str) -> None:
        self.tokenizer = AutoTokenizer.from_pretrained(str(directory), local_files_only=True)
        self.model = BertModel.from_pretrained(str(directory), local_files_only=True).eval()

    @torch.inference_mode()
    def __call__(self, names: Sequence[str]) -> NDArray[np.float32]:
        """Encodes N texts: float32 [N, 384], unit length."""
        batch = self.tokenizer(
            list(names),
            padding=True,
            truncation=True,
            max_length=MAX_TOKENS,
            return_tensors="pt",
        )
        hidden = self.model(**batch).last_hidden_state
        mask = batch["attention_mask"].unsqueeze(-1).to(hidden.dtype)
        mean = (hidden * mask).sum(1) / mask.sum(1)
        embeddings: NDArray[np.float32] = functional.normalize(mean, dim=-1).numpy()
        return embeddings
