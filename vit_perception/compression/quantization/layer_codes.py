# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What a method found for the layers of a network, and which nodes of a graph these are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

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
        weight: float32 [out, in] or [out, in / groups, kernel, kernel].
        low, high: range of the input; None leaves it to the graph's calibration.
        rounded: the weight as values of codes -64 to 63; None leaves it to the graph.
        scale: of the codes, float32 [out]; None without `rounded`.
        correction: float32 [out], added to the bias where the layer computes in eight bits; None
            adds nothing.
    """

    name: str
    weight: NDArray[np.float32]
    low: float | None = None
    high: float | None = None
    rounded: NDArray[np.float32] | None = None
    scale: NDArray[np.float32] | None = None
    correction: NDArray[np.float32] | None = None

    def times(self, factors: NDArray[np.float32]) -> LayerCodes:
        """Returns the codes of the layer followed by a factor for each output channel, [out]."""
        rows = factors.reshape(-1, *[1] * (self.weight.ndim - 1))
        return replace(
            self,
            weight=self.weight * rows,
            rounded=None if self.rounded is None else self.rounded * rows,
            scale=None if self.scale is None else self.scale * np.abs(factors),
            correction=None if self.correction is None else self.correction * factors,
        )


def placed(
    graph: onnx.GraphProto, nodes: Collection[str], codes: Iterable[LayerCodes]
) -> dict[str, LayerCodes]:
    """Returns the codes of nodes by their names: those of the layer with the same weight.

    ONNX Runtime folds a factor of each channel behind a layer into its weight; such a layer has
    its place, and the factors are in its codes. Layers with equal weights have none.

    Args:
        graph: every node has a unique name.
        nodes: names of those that may get codes.
        codes: of the network from which the graph was written.
    """
    weights = _weights(graph, nodes)
    of_codes, of_nodes = defaultdict(list), defaultdict(list)
    for each in codes:
        of_codes[_key(each.weight)].append(each)
    for name, weight in weights.items():
        of_nodes[_key(weight)].append(name)
    found = {
        names[0]: of_codes[key][0]
        for key, names in of_nodes.items()
        if len(names) == len(of_codes.get(key, ())) == 1
    }
    left = [each for key, some in of_codes.items() if key not in of_nodes for each in some]
    for key, names in of_nodes.items():
        if key in of_codes:
            continue
        scaled = [made for each in left if (made := _scaled(each, weights[names[0]])) is not None]
        if len(names) == len(scaled) == 1:
            found[names[0]] = scaled[0]
    return found


def is_turned(node: NodeProto) -> bool:
    """Returns whether a product has its weight as [in, out]."""
    turned = any(each.name == "transB" and each.i for each in node.attribute)
    return node.op_type != "Conv" and not turned


def with_codes(
    graph: onnx.GraphProto, codes: Mapping[str, LayerCodes]
) -> dict[str, list[dict[str, object]]]:
    """Gives nodes the weights of their codes and corrects their biases, in place.

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
        if found.correction is not None:
            _correct(graph, node, found.correction)
    return overrides


def _correct(graph: onnx.GraphProto, node: NodeProto, correction: NDArray[np.float32]) -> None:
    """Adds to the bias of a product; that of a MatMul is the constant which alone is added."""
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    name = f"{node.name}_bias"
    if node.op_type != "MatMul":
        before = constants[node.input[2]] if len(node.input) > 2 and node.input[2] else 0
        bias = _added(graph, name, (before + correction).astype(np.float32))
        del node.input[2:]
        node.input.append(bias)
        return
    readers = [each for each in graph.node if node.output[0] in each.input]
    if len(readers) == 1 and readers[0].op_type == "Add":
        other = 1 if readers[0].input[0] == node.output[0] else 0
        if readers[0].input[other] in constants:
            total = constants[readers[0].input[other]] + correction
            readers[0].input[other] = _added(graph, name, total.astype(np.float32))
            return
    result = node.output[0]
    node.output[0] = f"{result}_product"
    bias = _added(graph, name, correction)
    total = onnx.helper.make_node("Add", [node.output[0], bias], [result], f"{node.name}_sum")
    graph.node.insert(list(graph.node).index(node) + 1, total)


def _weights(graph: onnx.GraphProto, nodes: Collection[str]) -> dict[str, NDArray[np.float32]]:
    """Returns the weights of products as layers have them."""
    constants = {tensor.name: tensor for tensor in graph.initializer}
    found = {}
    for node in graph.node:
        if node.name in nodes and node.op_type in PRODUCTS and node.input[1] in constants:
            weight = numpy_helper.to_array(constants[node.input[1]])
            found[node.name] = weight.T if is_turned(node) else weight
    return found


def _scaled(codes: LayerCodes, weight: NDArray[np.float32]) -> LayerCodes | None:
    """Returns the codes of a layer whose channels were multiplied; None if it is another layer."""
    if codes.weight.shape != weight.shape:
        return None
    own, other = (x.reshape(len(x), -1).astype(np.float64) for x in (codes.weight, weight))
    factors = (own * other).sum(1) / np.maximum((own * own).sum(1), np.finfo(np.float64).tiny)
    if not np.allclose(own * factors[:, None], other, rtol=0, atol=1e-5 * np.abs(other).max()):
        return None
    return codes.times(factors.astype(np.float32))


def _added(graph: onnx.GraphProto, name: str, values: NDArray[np.float32]) -> str:
    graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
    return name


def _key(weight: NDArray[np.float32]) -> tuple[tuple[int, ...], bytes]:
    return weight.shape, np.ascontiguousarray(weight).tobytes()
