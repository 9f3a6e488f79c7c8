# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A segmenter without weights: the class of a pixel is its strongest colour."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from vit_perception.bundle.bundle import Bundle
from vit_perception.vocabulary import Vocabulary

from .toy_bundle import write_toy_bundle

CLASSES = ("background", "table", "thing")
"""Red, green and blue."""


def toy_segmenter(
    height: int = 64,
    width: int = 96,
    stride: int = 4,
    *,
    output: str = "class_logits",
    factor: float = 1.0,
) -> bytes:
    """Returns a graph that averages the channels over cells of `stride` pixels.

    Args:
        height, width: of the input.
        stride: of the output.
        output: its name.
        factor: of the logits; NaN for a broken one.
    """
    nodes = [
        helper.make_node("Cast", ["image"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["floats"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node(
            "AveragePool", ["planes"], ["means"], kernel_shape=[stride] * 2, strides=[stride] * 2
        ),
        helper.make_node("Mul", ["means", "factor"], [output]),
    ]
    shape = [1, 3, height // stride, width // stride]
    graph = helper.make_graph(
        nodes,
        "toy",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, [1, height, width, 3])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(np.array(factor, np.float32), "factor")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    serialised: bytes = model.SerializeToString()
    return serialised


def write_toy_segmenter(directory: Path, graph: bytes | None = None, **changes: Any) -> Bundle:
    """Writes a bundle of the toy segmenter."""
    embeddings = np.eye(len(CLASSES), 8, dtype=np.float32)
    values = {
        "task": "semantic_segmentation",
        "input_height": 64,
        "input_width": 96,
        "graphs": {"fp32": toy_segmenter() if graph is None else graph},
        "text_adaptor": None,
        "text_dimension": 8,
        "vocabulary": Vocabulary(CLASSES, embeddings, 0),
        "default_names": CLASSES,
        "fixed_vocabulary": True,
    }
    return write_toy_bundle(directory, **(values | changes))
