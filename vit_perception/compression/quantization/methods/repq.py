# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""RepQ-ViT: scale reparameterization for post-training quantization (arXiv 2212.08254)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vit_perception.compression.quantization.simulation.bits import Bits
from vit_perception.compression.quantization.simulation.capture import Record, records
from vit_perception.compression.quantization.simulation.layers import (
    Layer,
    QuantizedLinear,
    WeightedLayer,
    layers_of,
)
from vit_perception.compression.quantization.simulation.observers import (
    LAST,
    OUT_CHANNEL,
    TENSOR,
    Range,
    Sharing,
    mse,
    percentiles,
)
from vit_perception.compression.quantization.simulation.quantizers import (
    Logarithm,
    Quantizer,
    Uniform,
    unit_range,
)
from vit_perception.compression.quantization.simulation.reparameterised import (
    channel_scales,
    norm_of,
    reparameterise,
)

_READERS = ("qkv", "fc1", "reduction")


@dataclass(frozen=True)
class RepQ:
    """Channel-wise scales behind LayerNorm made one, and a logarithm of √2 for softmax.

    The defaults are the preset repq-w4a4; the paper calibrates on 32 images. Everything but the
    logarithm has a QDQ form at 8 bits; at fewer it simulates, as does the logarithm always (export
    puts 8 bits of [0, 1] in its place if told to).

    Attributes:
        bits: of all operands.
        fractions: quantiles tried as ends of each range; the least squared error decides.
        reparameterised: False leaves one min-max-like scale behind each LayerNorm.
        logarithm: of softmax outputs: steps to an octave, 2 for √2, 1 for 2; 0 is uniform.
        sequential: each layer is calibrated on inputs from quantized layers before it, as the
            official code does, one run of the network a layer. False: on float inputs.
    """

    bits: Bits = Bits(weight=4, input=4, product=4, softmax=4, image=8)
    fractions: tuple[float, ...] = (0.999, 0.9999, 0.99999)
    reparameterised: bool = True
    logarithm: int = 2
    sequential: bool = True


Clip = Callable[[QuantizedLinear, nn.LayerNorm, Record, Range], Range]
"""Changes the ranges of the channels behind a norm, seen in a record of the layer behind it."""


def repq(
    model: nn.Module, config: RepQ, images: Sequence[Tensor], clip: Clip | None = None
) -> None:
    """Gives the layers of a wrapped network their quantizers, in place.

    Args:
        model: of `wrap`, in float.
        config: what to do.
        images: calibration batches, float [B, 3, H, W].
        clip: of ranges of channels before they are made one. None leaves them.
    """
    at_once = 1 if config.sequential else 8
    for layer, record in records(model, layers_of(model), images, at_once=at_once):
        inputs = _reparameterised(model, layer, record, config, clip)
        if isinstance(layer, WeightedLayer):
            bits = config.bits.of_weight(layer.place)
            layer.weight_quantizer = ranged(layer.weight, bits, config, OUT_CHANNEL)
        for number, values in inputs.items():
            bits = config.bits.of_operand(layer.place, number)
            softmax = layer.place.sources[number].kind == "softmax"
            made = _softmax(values, bits, config) if softmax else ranged(values, bits, config)
            setattr(layer, layer.OPERANDS[number], made)
        layer.quantized = config.sequential


def _reparameterised(
    model: nn.Module, layer: Layer, record: Record, config: RepQ, clip: Clip | None
) -> dict[int, Tensor]:
    """Returns the operands that still need a quantizer, by their number."""
    norm = norm_of(model, layer) if layer.place.role in _READERS else None
    if norm is None or not config.reparameterised:
        return dict(enumerate(record.inputs))
    assert isinstance(layer, QuantizedLinear)
    bits = config.bits.of_operand(layer.place, 0)

    def channels(low: Tensor, high: Tensor) -> Uniform:
        scale, zero_point = channel_scales((low, high), bits)
        return Uniform(bits, scale.reshape(low.shape), zero_point.reshape(low.shape))

    x = record.inputs[0]
    found = mse(x, percentiles(x, config.fractions, LAST), channels, LAST)
    if clip is not None:
        found = clip(layer, norm, record, found)
    scale, zero_point = channel_scales(found, bits)
    layer.input_quantizer = reparameterise(layer, norm, scale, zero_point, bits)
    return {}


def ranged(values: Tensor, bits: int, config: RepQ, sharing: Sharing = TENSOR) -> Uniform:
    """Returns the quantizer of the range with the least squared error, for each group."""

    def made(low: Tensor, high: Tensor) -> Uniform:
        return Uniform.from_range(low, high, bits)

    return made(*mse(values, percentiles(values, config.fractions, sharing), made, sharing))


@torch.no_grad()
def _softmax(values: Tensor, bits: int, config: RepQ) -> Quantizer:
    if not config.logarithm:
        return unit_range(bits)

    def made(low: Tensor, high: Tensor) -> Logarithm:
        return Logarithm(bits, config.logarithm, high)

    return made(*mse(values, percentiles(values, config.fractions), made))
