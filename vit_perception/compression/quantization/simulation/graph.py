# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Writes a quantized network as ONNX with QuantizeLinear and DequantizeLinear (QDQ).

Where the graph needs a form of its own, so that ONNX Runtime's CPU provider computes in integers
(measured with 1.32 on a processor with AVX2 and no VNNI):

- A bias is added in three dimensions: one of a single dimension makes MatMul and Add a Gemm, which
  runs in float unless its result is quantized too. This one runs as MatMulIntegerToFloat.
- Codes of activations are uint8. Those of weights are uint8 by default: without VNNI, kernels for
  uint8 times int8 saturate sums of pairs, those for uint8 times uint8 do not.
- Softmax, GELU, norms and sums stay float.
"""

from __future__ import annotations

import copy
import io
import warnings
from collections.abc import Sequence
from typing import Any, Literal

import onnx
import torch
from torch import Tensor, nn

from vit_perception.compression.quantization.simulation.capture import record
from vit_perception.compression.quantization.simulation.layers import (
    Layer,
    QuantizedConv2d,
    QuantizedLinear,
    QuantizedProduct,
    WeightedLayer,
    layers_of,
)
from vit_perception.compression.quantization.simulation.observers import OUT_CHANNEL, minmax
from vit_perception.compression.quantization.simulation.quantizers import Uniform, unit_range
from vit_perception.compression.quantization.simulation.written import (
    WrittenConv2d,
    WrittenLinear,
    WrittenProduct,
)

OPSET = 17
"""From 21 on, ONNX Runtime on x86 needs a session option for int8 activations (card 69)."""


class NoQDQFormError(ValueError):
    """A quantizer has no form in ONNX; one line."""


def to_qdq(
    model: nn.Module,
    images: Tensor | Sequence[Tensor],
    *,
    substitute: bool = False,
    weights: Literal["uint8", "int8"] = "uint8",
    activations: Literal["uint8", "int8"] = "uint8",
) -> bytes:
    """Returns an ONNX file that computes what a quantized network does.

    Operands without a quantizer, and layers that are switched to float, stay float. Fewer than
    eight bits are codes in a byte behind a Clip: as accurate as simulated, as fast as eight.

    Args:
        model: of `quantize`; stays as it is.
        images: float [N, 3, H, W] or batches; the first gives the size, all are calibrated on for
            substitutes.
        substitute: a quantizer without a QDQ form is replaced by eight bits: of [0, 1] for a
            softmax, symmetric for each channel of a weight, otherwise asymmetric for the tensor
            between the lowest and the highest value of the images.
        weights, activations: types of codes of zero-centred quantizers; TensorRT needs int8 and
            zero points 0 (`UniformPTQ.symmetric_inputs`). Others are as they fit.

    Returns:
        With the input `image` float [batch, 3, H, W] and outputs `output`, `output_1`, ….

    Raises:
        NoQDQFormError: a quantizer has none; names it and its layer.
    """
    batches = [images] if isinstance(images, Tensor) else list(images)
    made = copy.deepcopy(model)
    layers = [layer for layer in layers_of(made) if layer.quantized]
    found = [(layer, missing) for layer in layers if (missing := _without_form(layer))]
    if found and not substitute:
        layer, (name, *_) = found[0]
        raise NoQDQFormError(
            f"{layer.place.name}.{name}: expected a uniform quantizer with a QDQ form or leave to "
            f"substitute, found {getattr(layer, name)}"
        )
    for layer, missing in found:
        _substitute(made, layer, missing, batches)
    with torch.no_grad():
        for layer in layers:
            parent, _, last = layer.place.name.rpartition(".")
            written = _written(layer, weights == "int8", activations == "int8")
            setattr(made.get_submodule(parent), last, written)
    return _exported(made, batches[0][:1])


def _without_form(layer: Layer) -> list[str]:
    """Returns names of the quantizers of a layer that ONNX, or its engines, cannot express."""
    missing = []
    for name in (*layer.OPERANDS, "output_quantizer"):
        each = getattr(layer, name)
        # Engines refuse more than one scale for an activation.
        fits = isinstance(each, Uniform) and each.exportable and each.scale.numel() == 1
        if each is not None and not fits:
            missing.append(name)
    weight = getattr(layer, "weight_quantizer", None)
    if weight is not None:
        channels = (1, *weight.scale.shape[:1]) if isinstance(weight, Uniform) else ()
        if not weight.exportable or weight.scale.numel() not in channels:
            missing.append("weight_quantizer")
    return missing


def _substitute(
    model: nn.Module, layer: Layer, missing: list[str], images: Sequence[Tensor]
) -> None:
    seen = None
    for name in missing:
        if name == "weight_quantizer":
            assert isinstance(layer, WeightedLayer)
            low, high = minmax(layer.weight, OUT_CHANNEL)
            layer.weight_quantizer = Uniform.from_range(low, high, 8, symmetric=True)
            continue
        if name in layer.OPERANDS:
            operand = layer.OPERANDS.index(name)
            if layer.place.sources[operand].kind == "softmax":
                setattr(layer, name, unit_range(8))
                continue
        seen = seen or record(model, [layer], images)[layer.place.name]
        values = seen.output if name == "output_quantizer" else seen.inputs[operand]
        if name == "input_quantizer" and isinstance(layer.added, Tensor):
            values = values + layer.added
        setattr(layer, name, Uniform.from_range(*minmax(values), 8))


def _written(layer: Layer, signed_weights: bool, signed_activations: bool) -> nn.Module:
    if isinstance(layer, QuantizedProduct):
        return WrittenProduct(layer, signed_activations)
    if isinstance(layer, QuantizedConv2d):
        return WrittenConv2d(layer, signed_weights, signed_activations)
    assert isinstance(layer, QuantizedLinear)
    return WrittenLinear(layer, signed_weights, signed_activations)


def _name_constants(graph: onnx.GraphProto) -> None:
    """Removes the Identity nodes by which the exporter lets equal constants share a tensor."""
    constants = {tensor.name for tensor in graph.initializer}
    shared = {
        node.output[0]: node.input[0]
        for node in graph.node
        if node.op_type == "Identity" and node.input[0] in constants
    }
    results = {value.name for value in graph.output}
    for node in list(graph.node):
        if node.op_type == "Identity" and node.output[0] in shared.keys() - results:
            graph.node.remove(node)
            continue
        for position, name in enumerate(node.input):
            node.input[position] = shared.get(name, name)


def _exported(model: nn.Module, image: Tensor) -> bytes:
    with torch.no_grad():
        result = model(image)
    count = 1 if isinstance(result, Tensor) else len(result)
    outputs = ["output", *(f"output_{number}" for number in range(1, count))]
    # The tracing exporter accepts a buffer, but its signature has only file names.
    buffer: Any = io.BytesIO()
    with warnings.catch_warnings():
        # The tracer warns about every Python number it keeps constant; they are constant here.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model.eval(),
            (image,),
            buffer,
            input_names=["image"],
            output_names=outputs,
            dynamic_axes={name: {0: "batch"} for name in ("image", *outputs)},
            opset_version=OPSET,
            dynamo=False,
        )
    graph = onnx.load_from_string(buffer.getvalue())
    _name_constants(graph.graph)
    onnx.checker.check_model(graph, full_check=True)
    return bytes(graph.SerializeToString())
