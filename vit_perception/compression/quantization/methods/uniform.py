# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Plain post-training quantization: uniform, ranges by what calibration images show (card 69)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from vit_perception.compression.quantization.simulation.bits import Bits
from vit_perception.compression.quantization.simulation.capture import (
    likelihood,
    outputs_of,
    records,
)
from vit_perception.compression.quantization.simulation.correction import correct_bias
from vit_perception.compression.quantization.simulation.layers import (
    Layer,
    QuantizedConv2d,
    WeightedLayer,
    layers_of,
)
from vit_perception.compression.quantization.simulation.observers import (
    OUT_CHANNEL,
    TENSOR,
    Range,
    minmax,
    mse,
    percentile,
    shrunk,
)
from vit_perception.compression.quantization.simulation.quantizers import Uniform, unit_range
from vit_perception.compression.quantization.simulation.search import multipliers, search

Ranges = Literal["minmax", "percentile", "mse", "output_mse", "hessian"]


@dataclass(frozen=True)
class UniformPTQ:
    """Uniform quantizers everywhere, one scale an operand and one a channel of a weight.

    With 8 bits all of it has a QDQ form that engines compute in integers. Fewer bits simulate.

    Attributes:
        bits: of all operands.
        ranges: of operands: by all values, by a quantile, by least error of the operand, by
            least error of the layer's output (EasyQuant), or the same weighted with squared
            gradients of `capture.likelihood` (after PTQ4ViT, whose divergence from itself has
            none). The last two also search scales of weights.
        fraction: quantile of "percentile", 0.5 to 1.
        symmetric_weights, symmetric_inputs: zero point 0, signed.
        fixed_softmax: the P of P·v has the range 0 to 1.
        low, high, count: of the factors that are searched.
        rounds: of "output_mse" and "hessian" over a layer's operands.
        bias_correction: removes the mean error of each layer with a weight.
        conv_outputs: also quantizes the results of convolutions, to 8 bits; ONNX Runtime computes
            a convolution in float otherwise. Linear layers and products need no such thing.
    """

    bits: Bits = Bits()
    ranges: Ranges = "minmax"
    fraction: float = 0.9999
    symmetric_weights: bool = True
    symmetric_inputs: bool = False
    fixed_softmax: bool = True
    low: float = 0.01
    high: float = 1.2
    count: int = 100
    rounds: int = 3
    bias_correction: bool = False
    conv_outputs: bool = False


def uniform(model: nn.Module, config: UniformPTQ, images: Sequence[Tensor]) -> None:
    """Gives the layers of a wrapped network their quantizers, in place.

    Args:
        model: of `wrap`, in float.
        config: what to do.
        images: calibration batches, float [B, 3, H, W].
    """
    loss = likelihood if config.ranges == "hessian" else None
    targets = outputs_of(model, images) if loss else None
    factors = multipliers(config.low, config.high, config.count)
    for layer, record in records(model, layers_of(model), images, loss=loss, targets=targets):
        set_weight(layer, config.bits, symmetric=config.symmetric_weights)
        searched = ["weight_quantizer"] if hasattr(layer, "weight_quantizer") else []
        operands = zip(layer.OPERANDS, record.inputs, strict=True)
        for number, (name, values) in enumerate(operands):
            bits = config.bits.of_operand(layer.place, number)
            if config.fixed_softmax and layer.place.sources[number].kind == "softmax":
                setattr(layer, name, unit_range(bits))
                continue
            low, high = _range(values, bits, config)
            quantizer = Uniform.from_range(low, high, bits, symmetric=config.symmetric_inputs)
            setattr(layer, name, quantizer)
            searched.append(name)
        if config.ranges in ("output_mse", "hessian"):
            search(layer, record, factors, rounds=config.rounds, names=searched)
        if config.bias_correction and isinstance(layer, WeightedLayer):
            correct_bias(layer, record)
        if config.conv_outputs and isinstance(layer, QuantizedConv2d):
            low, high = _range(record.output, 8, config)
            layer.output_quantizer = Uniform.from_range(
                low, high, 8, symmetric=config.symmetric_inputs
            )


def set_weight(layer: Layer, bits: Bits, *, symmetric: bool) -> None:
    """Gives a layer's weight, if it has one, a min-max quantizer for each output channel."""
    if isinstance(layer, WeightedLayer):
        low, high = minmax(layer.weight, OUT_CHANNEL)
        layer.weight_quantizer = Uniform.from_range(
            low, high, bits.of_weight(layer.place), symmetric=symmetric
        )


@torch.no_grad()
def _range(values: Tensor, bits: int, config: UniformPTQ) -> Range:
    if config.ranges == "percentile":
        return percentile(values, config.fraction)
    found = minmax(values)
    if config.ranges != "mse":
        return found
    factors = multipliers(config.low, config.high, config.count)

    def quantizer(low: Tensor, high: Tensor) -> Uniform:
        return Uniform.from_range(low, high, bits, symmetric=config.symmetric_inputs)

    return mse(values, [found, *shrunk(found, factors)], quantizer, TENSOR)
