# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A text encoder for a bundle, made without torch: the mean of its tokens' vectors."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from vit_perception.bundle.files import TextEncoderFiles

WORDS = ("red", "mug", "spoon", "fork")
DIMENSION = 8
MAX_TOKENS = 6


def tiny_tokenizer(max_tokens: int | None = MAX_TOKENS) -> Tokenizer:
    """Whole words between [START] and [END]; any other word is [UNKNOWN]."""
    tokens = ("[START]", "[END]", "[UNKNOWN]", *WORDS)
    numbers = {token: index for index, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.WordLevel(numbers, unk_token="[UNKNOWN]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.RobertaProcessing(("[END]", 1), ("[START]", 0))
    if max_tokens is not None:
        tokenizer.enable_truncation(max_tokens)
    return tokenizer


def tiny_graph(**changes: Any) -> bytes:
    """`changes`: dimension, scale (of the unit embeddings), names of the input and output."""
    dimension, scale = changes.get("dimension", DIMENSION), changes.get("scale", 1.0)
    tokens, embeddings = changes.get("names", ("tokens", "text_embeddings"))
    rows = np.random.default_rng(0).normal(size=(3 + len(WORDS), dimension)) * 1.0
    nodes = [
        helper.make_node("Gather", ["vectors", tokens], ["taken"]),
        helper.make_node("ReduceMean", ["taken"], ["mean"], axes=[1], keepdims=0),
        helper.make_node("LpNormalization", ["mean"], ["unit"], axis=1, p=2),
        helper.make_node("Mul", ["unit", "scale"], [embeddings]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(tokens, TensorProto.INT64, ["N", "L"])],
        [helper.make_tensor_value_info(embeddings, TensorProto.FLOAT, ["N", dimension])],
        [
            numpy_helper.from_array(rows.astype(np.float32), "vectors"),
            numpy_helper.from_array(np.float32(scale), "scale"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


def tiny_encoder_files(tokenizer: bytes | None = None, **changes: Any) -> TextEncoderFiles:
    data = tiny_tokenizer().to_str().encode() if tokenizer is None else tokenizer
    return TextEncoderFiles(tiny_graph(**changes), data)
