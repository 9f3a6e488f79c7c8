# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The toy's graphs, changed so that they break the contract."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from onnx import ModelProto, helper, numpy_helper

from .toy_bundle import toy_graph


def changed(change: Callable[[ModelProto], None], graph: bytes | None = None) -> bytes:
    model = ModelProto()
    model.ParseFromString(graph or toy_graph())
    change(model)
    return bytes(model.SerializeToString())


def rename(model: ModelProto, old: str, new: str) -> None:
    for node in model.graph.node:
        for names in (node.input, node.output):
            names[:] = [new if name == old else name for name in names]
    for value in (*model.graph.input, *model.graph.output, *model.graph.initializer):
        value.name = new if value.name == old else value.name


def fix_classes(model: ModelProto) -> None:
    for value in model.graph.input:
        for axis in value.type.tensor_type.shape.dim:
            if axis.dim_param == "C":
                axis.dim_value = 3


def spoilt_by_red(output: str, value: float) -> bytes:
    """The toy with masks; a picture that is red somewhere puts `value` into one number."""

    def spoil(model: ModelProto) -> None:
        shape = {"scores": [1, 300], "boxes": [1, 300, 4], "mask_coefficients": [1, 300, 4]}.get(
            output, [1, 4, 16, 24]
        )
        redone(model, output, "Add", np.zeros(shape, np.float32), shape)
        first = np.zeros(shape, np.float32)
        first.flat[0] = 1
        constants = {"first": first, "value": np.float32(value), "much": np.float32(0.9)}
        model.graph.initializer.extend(
            numpy_helper.from_array(np.asarray(each), f"spoilt_{name}")
            for name, each in constants.items()
        )
        last = model.graph.node.pop()
        node = helper.make_node
        model.graph.node.extend(
            [
                node("Gather", ["colours", "batch"], ["reds_first"], axis=1),
                node("ReduceMax", ["reds_first"], ["most_red"], keepdims=0),
                node("Greater", ["most_red", "spoilt_much"], ["is_red"]),
                node("Greater", ["spoilt_first", "spoilt_much"], ["is_first"]),
                node("And", ["is_red", "is_first"], ["is_spoilt"]),
                node("Where", ["is_spoilt", "spoilt_value", last.input[0]], [output]),
            ]
        )

    return changed(spoil, toy_graph(masks=True))


def redone(
    model: ModelProto, output: str, operator: str, constant: Any, shape: Sequence[int | str]
) -> None:
    """Put an operator with a constant in front of an output, which then has another shape."""
    for node in model.graph.node:
        node.output[:] = [f"{name}_before" if name == output else name for name in node.output]
    model.graph.initializer.append(
        numpy_helper.from_array(np.asarray(constant), f"{output}_constant")
    )
    names = [f"{output}_before", f"{output}_constant"]
    model.graph.node.append(helper.make_node(operator, names, [output]))
    for value in model.graph.output:
        if value.name == output:
            kind = value.type.tensor_type.elem_type
            value.CopyFrom(helper.make_tensor_value_info(output, kind, shape))
