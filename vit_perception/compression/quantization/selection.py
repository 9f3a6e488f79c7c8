# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Chooses the nodes of a detector's graph to quantize, from the graph's structure alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from onnx import GraphProto, NodeProto

OPERATORS = (
    "Add",
    "AveragePool",
    "Clip",
    "Concat",
    "Conv",
    "Gemm",
    "LeakyRelu",
    "MatMul",
    "MaxPool",
    "Mul",
    "Relu",
    "Resize",
    "Sigmoid",
    "Slice",
    "Split",
)
"""Operators that ONNX Runtime's CPU engine computes in eight bits without casts to float."""
PRODUCTS = ("Conv", "Gemm", "MatMul")
"""Operators that multiply by weights."""
ABSORBED = ("Clip", "Relu")
"""Activations that an eight-bit convolution applies through the range of its output."""


_KEEP_CODES = ("AveragePool", "MaxPool", "Resize", "Slice", "Split")


def keeps_codes(node: NodeProto) -> bool:
    """Returns whether an operator in eight bits gives its output the scale of its input."""
    return node.op_type in _KEEP_CODES


def quantizable(
    graph: GraphProto, image: str = "image", *, ends: tuple[str, ...] = ("Conv",)
) -> list[str]:
    """Returns the names of the nodes to compute in eight bits, in graph order.

    A detector ends in several convolutions with constant weights: of boxes, classes and masks.
    Everything between the picture and them is quantized. These nodes stay float: those behind
    the last convolutions and those that depend on another input (the vocabulary), because
    thresholds, the distribution over bins and top-k need the range; and last convolutions with
    a 1x1 kernel, whose outputs are coordinates, logits or prototypes and which cost little.
    Linear layers on the way are quantized; products of two maps, as in attention, are not,
    because their softmax needs the range.

    Args:
        graph: every node has a unique name.
        image: the input with the picture.
        ends: which of `PRODUCTS` can be last; a backbone alone may end with linear layers.
    """
    weights = {tensor.name: tensor for tensor in graph.initializer}
    used_by: dict[str, list[NodeProto]] = defaultdict(list)
    for node in graph.node:
        for tensor in node.input:
            used_by[tensor].append(node)

    def has_weights(node: NodeProto) -> bool:
        tensor = weights.get(node.input[1])
        # ONNX Runtime has no eight-bit product for stacked matrices with a scale each.
        return tensor is not None and (node.op_type == "Conv" or len(tensor.dims) == 2)

    def is_end(node: NodeProto) -> bool:
        return node.op_type in ends and has_weights(node)

    def users(node: NodeProto) -> list[NodeProto]:
        return [user for tensor in node.output for user in used_by[tensor]]

    # ONNX nodes are in topological order.
    leads_on: set[str] = set()
    for node in reversed(graph.node):
        if any(is_end(user) or user.name in leads_on for user in users(node)):
            leads_on.add(node.name)
    others = {value.name for value in graph.input} - weights.keys() - {image}
    for node in graph.node:
        if not others.isdisjoint(node.input):
            others.update(node.output)

    scores = _scores(graph)
    chosen = set()
    for node in graph.node:
        if node.name in scores:
            continue
        if node.op_type not in OPERATORS or not others.isdisjoint(node.input):
            continue
        if node.op_type in PRODUCTS and not has_weights(node):
            continue
        if node.name in leads_on:
            chosen.add(node.name)
        elif node.op_type == "Conv" and any(s > 1 for s in weights[node.input[1]].dims[2:]):
            chosen.add(node.name)
            chosen.update(user.name for user in users(node) if user.op_type in ABSORBED)
    return [node.name for node in graph.node if node.name in chosen]


def layers_of(graph: GraphProto, nodes: Sequence[str]) -> dict[str, str]:
    """Returns the layer of each node: the product that it is, or the last one before it.

    What lies before the first product belongs to that.

    Args:
        graph: every node has a unique name; its nodes are in topological order.
        nodes: names, see `quantizable`; at least one is of a product.
    """
    chosen = set(nodes)
    products = [n.name for n in graph.node if n.name in chosen and n.op_type in PRODUCTS]
    place = {name: number for number, name in enumerate(products)}
    # Of each tensor, the last product that leads to it.
    last: dict[str, int] = {}
    layers = {}
    for node in graph.node:
        before = max((last.get(tensor, -1) for tensor in node.input), default=-1)
        own = place.get(node.name, before)
        last.update(dict.fromkeys(node.output, own))
        if node.name in chosen:
            layers[node.name] = products[max(own, 0)]
    return layers


def _scores(graph: GraphProto) -> set[str]:
    """Returns the names of the nodes from a product of two maps to its softmax.

    They compute unbounded logits, also where 1x1 convolutions mix heads (card 28).
    """
    weights = {tensor.name: tensor for tensor in graph.initializer}
    made_by = {tensor: node for node in graph.node for tensor in node.output}
    leads: dict[str, bool] = {}

    def from_two_maps(tensor: str) -> bool:
        node = made_by.get(tensor)
        if node is None:
            return False
        if node.name not in leads:
            factor = weights.get(node.input[1]) if node.op_type in PRODUCTS else None
            if node.op_type == "MatMul" and factor is None:
                leads[node.name] = True
            elif factor is not None and (node.op_type != "Conv" or max(factor.dims[2:]) > 1):
                leads[node.name] = False
            else:
                # Visit all inputs: more than one may lead to a product.
                found = [from_two_maps(each) for each in node.input]
                leads[node.name] = any(found)
        return leads[node.name]

    for node in graph.node:
        if node.op_type == "Softmax":
            from_two_maps(node.input[0])
    return {name for name, leading in leads.items() if leading}
