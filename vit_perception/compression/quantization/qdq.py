# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Converts a float graph to ONNX's QDQ form, which x86 computes in eight bits.

Activations are unsigned with a zero point; weights are signed and symmetric with one scale per
channel. VNNI multiplies these types; signed activations are slower than float. The choice and
its gain were measured with ONNX Runtime; OpenVINO reads the same file.

Weights use seven of their eight bits. x86 without VNNI adds two products of a byte and a weight
in 16 bits, and cuts off what is larger. Two of 255 * 64 fit, so that a graph finds the same on
every CPU, and what was measured on one holds on another.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto
from onnxruntime.quantization import QuantType
from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

from vit_perception.compression.quantization.calibration import calibrated
from vit_perception.compression.quantization.selection import OPERATORS, layers_of, quantizable
from vit_perception.engine.reason import reason
from vit_perception.output.failure import OutputError
from vit_perception.output.scratch import scratch_folder
from vit_perception.wording import shown_path


class QuantizationError(ValueError):
    """A graph cannot be quantized; one line."""


@dataclass(frozen=True)
class Quantized:
    """A graph with eight-bit operators.

    Attributes:
        model: ONNX file.
        quantized, convolutions: number of eight-bit convolutions, and of all.
    """

    model: bytes
    quantized: int
    convolutions: int


class Calibrated:
    """A float graph with the ranges of its tensors, of which any layers can be put in eight bits.

    Calibration takes minutes; a graph of other layers is made in a second.

    Args:
        model: float ONNX file of the graph contract.
        images: for calibration, uint8 [1, height, width, 3], at least one.
        method: a key of `calibration.METHODS`.
        ends: see `quantizable`.

    Attributes:
        layers: names of the products that can be quantized, in the order of the graph; what lies
            behind one, up to the next, belongs to it.
        layer_of: from every node of the graph, and every tensor that it writes, to its layer;
            "" for none.

    Raises:
        QuantizationError: there is no convolution to quantize, or the graph is already quantized.
        OutputError: temporary files cannot be written.
    """

    def __init__(
        self,
        model: bytes,
        images: Iterable[NDArray[np.uint8]],
        method: str = "percentile",
        *,
        ends: tuple[str, ...] = ("Conv",),
    ) -> None:
        simple = simplified(model)
        operators = {node.op_type for node in simple.graph.node}
        if "DequantizeLinear" in operators or "QLinearConv" in operators:
            raise QuantizationError("graph: expected float operators, found a quantized graph")
        nodes = quantizable(simple.graph, ends=ends)
        self._convolutions = {node.name for node in simple.graph.node if node.op_type == "Conv"}
        if self._convolutions.isdisjoint(nodes):
            raise QuantizationError(
                "graph: expected convolutions with constant weights between the picture and the "
                f"last ones, found none in {len(simple.graph.node)} nodes"
            )
        self._model, self._nodes = simple, nodes
        self._layer_of = layers_of(simple.graph, nodes)
        self.layers = tuple(dict.fromkeys(self._layer_of[node] for node in nodes))
        self.layer_of = named_layers(simple.graph, self._layer_of)
        self._ranges = calibrated(simple, nodes, images, method)

    def graph(self, floats: Collection[str] = ()) -> Quantized:
        """Returns a graph with all layers in eight bits but some; equal arguments, equal bytes.

        Args:
            floats: layers that stay as they are; not all of them.
        """
        model = copy.deepcopy(self._model)
        names = [node for node in self._nodes if self._layer_of[node] not in floats]
        pixels = _pixels(model)
        # Pixels are already integers 0..255.
        as_they_are = {"scale": np.array(1, np.float32), "zero_point": np.array(0, np.uint8)}
        with _silence():
            quantizer = QDQQuantizer(
                model,
                True,  # one scale per channel
                True,  # weights of seven bits, see above
                QuantType.QInt8,
                QuantType.QUInt8,
                self._ranges,
                names,
                [],
                list(OPERATORS),
                {"TensorQuantOverrides": {name: [as_they_are] for name in sorted(pixels)}},
            )
            quantizer.quantize_model()
        quantizer.model.topological_sort()
        result = quantizer.model.model
        _read_pixels_directly(result, pixels)
        _keep_used_domains(result)
        onnx.checker.check_model(result)
        return Quantized(
            result.SerializeToString(deterministic=True),
            len(self._convolutions.intersection(names)),
            len(self._convolutions),
        )


def quantize_graph(
    model: bytes,
    images: Iterable[NDArray[np.uint8]],
    method: str = "percentile",
    *,
    ends: tuple[str, ...] = ("Conv",),
) -> Quantized:
    """Quantizes what lies between the picture and the last convolutions, see `quantizable`.

    Equal arguments give equal bytes on one machine. Arguments and errors: see `Calibrated`.
    """
    return Calibrated(model, images, method, ends=ends).graph()


def named_layers(graph: onnx.GraphProto, layer_of: Mapping[str, str]) -> dict[str, str]:
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


def _pixels(model: onnx.ModelProto) -> set[str]:
    """Returns the tensors that are unsigned bytes cast to float."""
    values = (*model.graph.value_info, *model.graph.input)
    kinds = {value.name: value.type.tensor_type.elem_type for value in values}
    return {
        node.output[0]
        for node in model.graph.node
        if node.op_type == "Cast"
        and kinds.get(node.input[0]) == TensorProto.UINT8
        and kinds.get(node.output[0]) == TensorProto.FLOAT
    }


def _read_pixels_directly(model: onnx.ModelProto, pixels: set[str]) -> None:
    """Dequantizes bytes directly, instead of casting and quantizing them first."""
    made_by: dict[str, NodeProto] = {
        tensor: node for node in model.graph.node for tensor in node.output
    }
    for node in [each for each in model.graph.node if each.op_type == "QuantizeLinear"]:
        if node.input[0] not in pixels:
            continue
        cast = made_by[node.input[0]]
        for user in model.graph.node:
            for position, tensor in enumerate(user.input):
                if tensor == node.output[0]:
                    user.input[position] = cast.input[0]
        model.graph.node.remove(node)
        if not any(cast.output[0] in user.input for user in model.graph.node):
            model.graph.node.remove(cast)


def _keep_used_domains(model: onnx.ModelProto) -> None:
    """Removes the operator sets that ONNX Runtime lists but no node uses."""
    used = {node.domain for node in model.graph.node} | {""}
    kept = [each for each in model.opset_import if each.domain in used]
    del model.opset_import[:]
    model.opset_import.extend(kept)


@contextmanager
def _silence() -> Iterator[None]:
    """Hides the quantizer's warnings about tensors that it leaves in float."""
    logger = logging.getLogger()
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
