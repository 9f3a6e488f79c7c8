# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What a method found for the layers of a network, and which nodes of a graph these are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, numpy_helper

from vit_perception.compression.quantization.selection import PRODUCTS


@dataclass(frozen=True, eq=False)
class LayerCodes:
    """What a method found for a layer.

    Attributes:
        name: of the module.
        weight: float32 [out, in] or [out, in / groups, kernel, kernel], as the graph has it.
        low, high: range of the input; None leaves it to the graph's calibration.
        rounded: the weight as values of codes -64 to 63; None leaves it to the graph.
        scale: of the codes, float32 [out]; None without `rounded`.
        bias: float32 [out], in place of the layer's where it computes in eight bits; None keeps
            that.
    """

    name: str
    weight: NDArray[np.float32]
    low: float | None = None
    high: float | None = None
    rounded: NDArray[np.float32] | None = None
    scale: NDArray[np.float32] | None = None
    bias: NDArray[np.float32] | None = None


def placed(
    graph: onnx.GraphProto, nodes: Collection[str], codes: Iterable[LayerCodes]
) -> dict[str, LayerCodes]:
    """Returns the codes of nodes by their names: those of the layer with the same weight.

    Layers with equal weights are taken in order.

    Args:
        graph: every node has a unique name.
        nodes: names of those that may get codes.
        codes: in the order of the layers' first calls.
    """
    weights = {tensor.name: tensor for tensor in graph.initializer}
    by_weight: dict[tuple[tuple[int, ...], bytes], list[LayerCodes]] = defaultdict(list)
    for each in codes:
        by_weight[_key(each.weight)].append(each)
    found = {}
    for node in graph.node:
        if node.name in nodes and node.op_type in PRODUCTS and node.input[1] in weights:
            weight = numpy_helper.to_array(weights[node.input[1]])
            same = by_weight.get(_key(weight.T if is_turned(node) else weight))
            if same:
                found[node.name] = same.pop(0)
    return found


def is_turned(node: NodeProto) -> bool:
    """Returns whether a product has its weight as [in, out]."""
    turned = any(each.name == "transB" and each.i for each in node.attribute)
    return node.op_type != "Conv" and not turned


def with_codes(
    graph: onnx.GraphProto, codes: dict[str, LayerCodes]
) -> dict[str, list[dict[str, object]]]:
    """Gives nodes the weights and biases of their codes, in place.

    Returns:
        ONNX Runtime's overrides for the weights, by tensor.
    """
    overrides: dict[str, list[dict[str, object]]] = {}
    for node in list(graph.node):
        found = codes.get(node.name)
        if found is None:
            continue
        if found.rounded is not None and found.scale is not None:
            turned = is_turned(node)
            values = found.rounded.T if turned else found.rounded
            node.input[1] = _added(graph, f"{node.name}_rounded", values)
            overrides[node.input[1]] = [
                {
                    "axis": int(turned),
                    "rmin": np.float32(-64 * each),
                    "rmax": np.float32(64 * each),
                }
                for each in found.scale.astype(np.float64)
            ]
        if found.bias is not None:
            _set_bias(graph, node, _added(graph, f"{node.name}_bias", found.bias))
    return overrides


def _set_bias(graph: onnx.GraphProto, node: NodeProto, bias: str) -> None:
    """Gives a product a bias in place of its own, that of a MatMul in the sum behind it."""
    if node.op_type != "MatMul":
        del node.input[2:]
        node.input.append(bias)
        return
    constants = {tensor.name for tensor in graph.initializer}
    for after in graph.node:
        if after.op_type == "Add" and node.output[0] in after.input:
            other = 1 if after.input[0] == node.output[0] else 0
            if after.input[other] in constants:
                after.input[other] = bias
                return
    result = node.output[0]
    node.output[0] = f"{result}_product"
    total = onnx.helper.make_node("Add", [node.output[0], bias], [result], f"{node.name}_sum")
    graph.node.insert(list(graph.node).index(node) + 1, total)


def _added(graph: onnx.GraphProto, name: str, values: NDArray[np.float32]) -> str:
    graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
    return name


def _key(weight: NDArray[np.float32]) -> tuple[tuple[int, ...], bytes]:
    return weight.shape, np.ascontiguousarray(weight).tobytes()
