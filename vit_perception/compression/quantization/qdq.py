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
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto
from onnxruntime.quantization import QuantType
from onnxruntime.quantization.calibrate import TensorData, TensorsData
from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

from vit_perception.compression.quantization.calibration import calibrated
from vit_perception.compression.quantization.float_graph import FloatGraph, Quantized
from vit_perception.compression.quantization.layer_codes import LayerCodes, placed, with_codes
from vit_perception.compression.quantization.selection import OPERATORS, keeps_codes


class Calibrated(FloatGraph):
    """A float graph with the ranges of its tensors, of which any layers can be put in eight bits.

    Calibration takes minutes; a graph of other layers is made in a second.

    Args:
        model: float ONNX file of the graph contract.
        images: for calibration, uint8 [1, height, width, 3], at least one.
        method: a key of `calibration.METHODS`.
        ends: see `quantizable`.
        codes: what a method found for layers; all else is as without.

    Attributes:
        method: of the ranges.
        found: number of layers whose codes have a place in the graph.

    Raises:
        QuantizationError, OutputError: see `FloatGraph`.
    """

    def __init__(
        self,
        model: bytes,
        images: Iterable[NDArray[np.uint8]],
        method: str = "percentile",
        *,
        ends: tuple[str, ...] = ("Conv",),
        codes: Sequence[LayerCodes] = (),
    ) -> None:
        super().__init__(model, ends=ends)
        self.method = method
        self._ranges = calibrated(self._model, self._nodes, images, method)
        self._codes = placed(self._model.graph, frozenset(self._nodes), codes)
        self.found = len(self._codes)
        _set_ranges(self._ranges, self._model.graph, self._nodes, self._codes)

    def graph(self, floats: Collection[str] = ()) -> Quantized:
        """Returns a graph with all layers in eight bits but some; equal arguments, equal bytes.

        Args:
            floats: layers that stay as they are; not all of them.
        """
        model = copy.deepcopy(self._model)
        names = [node for node in self._nodes if self._layer_of[node] not in floats]
        pixels = _pixels(model)
        kept = {name: each for name, each in self._codes.items() if name in names}
        overrides = with_codes(model.graph, kept)
        # Pixels are already integers 0..255.
        as_they_are = {"scale": np.array(1, np.float32), "zero_point": np.array(0, np.uint8)}
        overrides.update({name: [as_they_are] for name in sorted(pixels)})
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
                {"TensorQuantOverrides": overrides},
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


def _set_ranges(
    ranges: TensorsData,
    graph: onnx.GraphProto,
    nodes: Collection[str],
    codes: Mapping[str, LayerCodes],
) -> None:
    """Gives the inputs of nodes the ranges of their codes, in place.

    An input that several nodes read gets what they need together. One that is never negative stays
    so: its codes are unsigned, and the activation before it is left out of the graph for them.
    """
    made_by = {tensor: node for node in graph.node for tensor in node.output}
    wanted: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for node in graph.node:
        found = codes.get(node.name)
        if found is None or found.low is None or found.high is None:
            continue
        tensor = node.input[0]
        while (before := made_by.get(tensor)) and before.name in nodes and keeps_codes(before):
            tensor = before.input[0]
        wanted[tensor].append((found.low, found.high))
    for tensor, ends in wanted.items():
        if tensor not in ranges.data:
            continue
        low, high = min(end[0] for end in ends), max(end[1] for end in ends)
        if float(np.min(ranges[tensor].range_value[0])) >= 0:
            low = max(low, 0.0)
        ranges.data[tensor] = TensorData(lowest=np.float32(low), highest=np.float32(high))


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
