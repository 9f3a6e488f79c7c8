# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Converts a float graph to half precision, which GPUs compute two to eight times as fast.

Inputs and outputs stay as they are. What eight bits leave in float stays so here too: products
with names, thresholds, top-k and boxes, whose sums and sizes need the range. ONNX Runtime's CPU
engine computes such a graph in float, so that it can be measured anywhere.
"""

from __future__ import annotations

import copy
from collections.abc import Collection

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, numpy_helper

from vit_perception.compression.quantization.float_graph import FloatGraph, Quantized

_HALF = "_half"


class Halved(FloatGraph):
    """A float graph of which any layers can be put in half precision; see `Calibrated`.

    Args:
        model: float ONNX file of the graph contract.
        ends: see `quantizable`.

    Raises:
        QuantizationError, OutputError: see `FloatGraph`.
    """

    def graph(self, floats: Collection[str] = ()) -> Quantized:
        """Returns a graph with all layers in half precision but some.

        Args:
            floats: layers that stay as they are; not all of them.
        """
        halved = {name for name, layer in self._layer_of.items() if layer not in floats}
        model = copy.deepcopy(self._model)
        _halve(model.graph, halved)
        onnx.checker.check_model(model)
        return Quantized(
            model.SerializeToString(deterministic=True),
            len(self._convolutions & halved),
            len(self._convolutions),
        )


def _halve(graph: onnx.GraphProto, nodes: Collection[str]) -> None:
    """Lets some nodes compute in half precision; all others read and write what they did."""
    weights = {tensor.name: tensor for tensor in graph.initializer}
    values = (*graph.value_info, *graph.input)
    floats = {v.name for v in values if v.type.tensor_type.elem_type == TensorProto.FLOAT}
    floats |= {name for name, tensor in weights.items() if tensor.data_type == TensorProto.FLOAT}
    inside = {tensor for node in graph.node if node.name in nodes for tensor in node.output}
    outside = {tensor for node in graph.node if node.name not in nodes for tensor in node.input}
    outside |= {value.name for value in graph.output}
    changed: list[NodeProto] = []
    there: set[str] = set()
    for node in graph.node:
        if node.name not in nodes:
            changed.append(node)
            continue
        for place, tensor in enumerate(node.input):
            # A Resize takes its scales in float, whatever it resizes.
            if tensor not in floats or (node.op_type == "Resize" and place > 0):
                continue
            node.input[place] = tensor + _HALF
            if tensor in inside or tensor + _HALF in there:
                continue
            there.add(tensor + _HALF)
            if tensor in weights:
                small = numpy_helper.to_array(weights[tensor]).astype(np.float16)
                graph.initializer.append(numpy_helper.from_array(small, tensor + _HALF))
            else:
                changed.append(_cast(tensor, tensor + _HALF, TensorProto.FLOAT16))
        written = [tensor for tensor in node.output if tensor in floats]
        for place, tensor in enumerate(node.output):
            if tensor in written:
                node.output[place] = tensor + _HALF
        changed.append(node)
        changed += [
            _cast(tensor + _HALF, tensor, TensorProto.FLOAT)
            for tensor in written
            if tensor in outside
        ]
    del graph.node[:], graph.value_info[:]
    graph.node.extend(changed)
    used = {tensor for node in changed for tensor in node.input}
    kept = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)


def _cast(tensor: str, result: str, kind: int) -> NodeProto:
    return onnx.helper.make_node("Cast", [tensor], [result], name=f"{result}_cast", to=kind)
