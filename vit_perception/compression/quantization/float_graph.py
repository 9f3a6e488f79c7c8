# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A float graph, and which of its layers can be computed in fewer bits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import onnx
import onnxruntime

from vit_perception.compression.quantization.selection import layers_of, quantizable
from vit_perception.engine.reason import reason
from vit_perception.output.failure import OutputError
from vit_perception.output.scratch import scratch_folder
from vit_perception.wording import shown_path


class QuantizationError(ValueError):
    """A graph cannot be quantized; one line."""


@dataclass(frozen=True)
class Quantized:
    """A graph with operators of fewer bits.

    Attributes:
        model: ONNX file.
        quantized, convolutions: number of convolutions in fewer bits, and of all.
    """

    model: bytes
    quantized: int
    convolutions: int


class FloatGraph:
    """A graph of which some layers can be put in fewer bits.

    Args:
        model: float ONNX file of the graph contract.
        ends: see `quantizable`.

    Attributes:
        model: the file.
        layers: names of the products that can be quantized, in the order of the graph; what lies
            behind one, up to the next, belongs to it.
        layer_of: from every node of the graph, and every tensor that it writes, to its layer;
            "" for none.

    Raises:
        QuantizationError: there is no convolution to quantize, or the graph is already quantized.
        OutputError: temporary files cannot be written.
    """

    def __init__(self, model: bytes, *, ends: tuple[str, ...] = ("Conv",)) -> None:
        self.model = model
        self._model = simplified(model)
        graph = self._model.graph
        operators = {node.op_type for node in graph.node}
        if "DequantizeLinear" in operators or "QLinearConv" in operators:
            raise QuantizationError("graph: expected float operators, found a quantized graph")
        self._nodes = quantizable(graph, ends=ends)
        self._convolutions = {node.name for node in graph.node if node.op_type == "Conv"}
        if self._convolutions.isdisjoint(self._nodes):
            raise QuantizationError(
                "graph: expected convolutions with constant weights between the picture and the "
                f"last ones, found none in {len(graph.node)} nodes"
            )
        self._layer_of = layers_of(graph, self._nodes)
        self.layers = tuple(dict.fromkeys(self._layer_of[node] for node in self._nodes))
        self.layer_of = _named(graph, self._layer_of)


def _named(graph: onnx.GraphProto, layer_of: Mapping[str, str]) -> dict[str, str]:
    """Returns the layer of every node, and of every tensor that it writes; "" for none.

    Args:
        graph: every node has a unique name.
        layer_of: of some nodes, see `layers_of`.
    """
    return {
        name: layer_of.get(node.name, "")
        for node in graph.node
        for name in (node.name, *node.output)
    }


def simplified(model: bytes) -> onnx.ModelProto:
    """Returns the graph with constants folded, types inferred and a name for every node.

    Raises:
        QuantizationError: it is no graph.
        OutputError: temporary files cannot be written.
    """
    with scratch_folder() as folder:
        path = folder / "simplified.onnx"
        try:
            _optimize(model, path)
        except Exception as error:
            if _is_readable(model):
                raise OutputError(
                    f"{shown_path(folder.parent)}: expected to write a temporary graph, "
                    f"found {reason(error)}"
                ) from error
            raise QuantizationError(
                f"graph: expected an ONNX graph, found {reason(error)}"
            ) from error
        simple = onnx.shape_inference.infer_shapes(onnx.load(path))
    seen: set[str] = set()
    for number, node in enumerate(simple.graph.node):
        if not node.name or node.name in seen:
            node.name = f"{node.op_type}_{number}"
        seen.add(node.name)
    return simple


def _optimize(model: bytes, path: Path | None) -> None:
    options = onnxruntime.SessionOptions()
    if path is not None:
        options.optimized_model_filepath = str(path)
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.log_severity_level = 3
    onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _is_readable(model: bytes) -> bool:
    """Returns whether the engine takes a graph if it need not write it."""
    try:
        _optimize(model, None)
    except Exception:
        return False
    return True
