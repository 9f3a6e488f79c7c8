# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Stores the weights of a graph in half the room; what engines compute stays float32."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

PRODUCTS = {"Conv", "ConvTranspose", "Gemm", "MatMul"}
"""Operators whose second input holds weights."""
_FEWEST = 1024
"""Numbers of a tensor that is worth a node of its own."""


def with_half_weights(model: bytes) -> bytes:
    """Returns a graph whose weights are float16, each with a cast to float32 before its use.

    Engines fold the casts when they load it, so that time and arithmetic stay as they were; the
    weights are rounded. One that float16 cannot hold stays as it is, as do biases, positions and
    whatever else is no weight of a product.

    Args:
        model: ONNX file.
    """
    graph = onnx.load_from_string(model)
    weights = {
        node.input[1] for node in graph.graph.node if node.op_type in PRODUCTS and node.input[1:]
    }
    casts = []
    for tensor in graph.graph.initializer:
        if tensor.name not in weights or tensor.data_type != TensorProto.FLOAT:
            continue
        values = numpy_helper.to_array(tensor)
        if values.size < _FEWEST or np.abs(values).max() > np.finfo(np.float16).max:
            continue
        stored = f"{tensor.name}.half"
        casts.append(
            helper.make_node(
                "Cast", [stored], [tensor.name], name=f"{stored}.cast", to=TensorProto.FLOAT
            )
        )
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), stored))
    nodes = [*casts, *graph.graph.node]
    del graph.graph.node[:]
    graph.graph.node.extend(nodes)
    onnx.checker.check_model(graph, full_check=True)
    serialised: bytes = graph.SerializeToString()
    return serialised
