# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Graphs that loop without an end: always, or on some inputs."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper

from .toy_bundle import toy_adaptor, toy_graph
from .toy_graphs import changed


def loops_at_red() -> bytes:
    """The toy detector; a picture that is red somewhere never ends."""
    node = helper.make_node
    condition = [
        node("Gather", ["colours", "batch"], ["reds"], axis=1),
        node("ReduceMax", ["reds"], ["most_red"], keepdims=0),
        node("Greater", ["most_red", "loop_limit"], ["endless"]),
    ]
    return changed(lambda model: _put_loop(model, "boxes", condition, 0.9), toy_graph())


def loops_always() -> bytes:
    """The toy detector, which never ends."""
    node = helper.make_node
    condition = [
        node("ReduceMax", ["class_thresholds"], ["highest"], keepdims=0),
        node("Greater", ["highest", "loop_limit"], ["endless"]),
    ]
    return changed(lambda model: _put_loop(model, "boxes", condition, -1.0), toy_graph())


def adaptor_that_loops_beyond(names: int) -> bytes:
    """The toy's text adaptor; it never ends with more names."""
    node = helper.make_node
    condition = [
        node("Shape", ["text_embeddings"], ["sizes"]),
        node("ReduceMin", ["sizes"], ["rows"], keepdims=0),
        node("Cast", ["rows"], ["count"], to=TensorProto.FLOAT),
        node("Greater", ["count", "loop_limit"], ["endless"]),
    ]
    return changed(
        lambda model: _put_loop(model, "class_embeddings", condition, names), toy_adaptor()
    )


def _put_loop(model: ModelProto, output: str, condition: list[Any], limit: float) -> None:
    """Let an output wait for a loop that runs while `endless` holds."""
    for each in model.graph.node:
        each.output[:] = [f"{output}_before" if name == output else name for name in each.output]
    constants = {"loop_limit": np.float32(limit), "loop_zero": np.float32(0)}
    model.graph.initializer.extend(
        numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()
    )
    node, value = helper.make_node, helper.make_tensor_value_info
    body = helper.make_graph(
        [
            node("Identity", ["go_on"], ["still"]),
            node("Add", ["sum", "loop_zero"], ["next_sum"]),
        ],
        "body",
        [
            value("turn", TensorProto.INT64, []),
            value("go_on", TensorProto.BOOL, []),
            value("sum", TensorProto.FLOAT, []),
        ],
        [value("still", TensorProto.BOOL, []), value("next_sum", TensorProto.FLOAT, [])],
    )
    model.graph.node.extend(
        [
            *condition,
            node("Loop", ["", "endless", "loop_zero"], ["waited"], body=body),
            node("Add", [f"{output}_before", "waited"], [output]),
        ]
    )
