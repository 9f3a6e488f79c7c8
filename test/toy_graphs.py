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
