# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The front part of a graph, which depends on the picture alone."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import onnx


def leading_to(graph: onnx.GraphProto, nodes: Collection[str]) -> list[onnx.NodeProto]:
    """Returns the nodes of these names and all that they need, in the order of the graph."""
    needed: set[str] = set()
    kept: list[onnx.NodeProto] = []
    for node in reversed(graph.node):
        if node.name in nodes or not needed.isdisjoint(node.output):
            kept.append(node)
            needed.update(node.input)
    return kept[::-1]


def front(
    model: onnx.ModelProto, nodes: Sequence[onnx.NodeProto], ends: Sequence[str], image: str
) -> onnx.ModelProto:
    """Returns a model of some nodes.

    Args:
        model: with the types of its tensors inferred.
        nodes: see `leading_to`.
        ends: tensors that they write, which become its outputs.
        image: its input.
    """
    graph = model.graph
    read = {tensor for node in nodes for tensor in node.input}
    known = {value.name: value for value in (*graph.value_info, *graph.output)}
    made = onnx.helper.make_graph(
        nodes,
        "front",
        [value for value in graph.input if value.name == image],
        [known[tensor] for tensor in ends],
        [tensor for tensor in graph.initializer if tensor.name in read],
        value_info=list(graph.value_info),
    )
    return onnx.helper.make_model(
        made, opset_imports=model.opset_import, ir_version=model.ir_version
    )
