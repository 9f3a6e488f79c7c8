# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""AdaLog: logarithm quantizers with a searched base (arXiv 2407.12951, ECCV 2024)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from vit_perception.compression.quantization.methods.adalog_operands import (
    STEPS,
    Operand,
    logarithm_of_gelu,
    logarithm_of_softmax,
    twin_of_gelu,
    uniform_of,
)
from vit_perception.compression.quantization.simulation.adaptive_logarithm import Shifted
from vit_perception.compression.quantization.simulation.bits import Bits
from vit_perception.compression.quantization.simulation.capture import Record, record, records
from vit_perception.compression.quantization.simulation.layers import (
    Layer,
    QuantizedConv2d,
    QuantizedLinear,
    QuantizedProduct,
    WeightedLayer,
    layers_of,
)
from vit_perception.compression.quantization.simulation.observers import (
    HEAD,
    LAST,
    OUT_CHANNEL,
    TENSOR,
    minmax,
)
from vit_perception.compression.quantization.simulation.output_errors import (
    operand_error,
    own_error,
    weight_error,
)
from vit_perception.compression.quantization.simulation.progressive import Effort
from vit_perception.compression.quantization.simulation.quantizers import (
    Logarithm,
    Uniform,
    unit_range,
)
from vit_perception.compression.quantization.simulation.reconstruction import (
    Reconstruction,
    reconstruct,
)
from vit_perception.compression.quantization.simulation.reparameterised import (
    norm_of,
    reparameterise,
)

_READERS = ("qkv", "fc1", "reduction")
_FROM_UNIFORM = 8
"""Bits from which a uniform quantizer is as good as a logarithm (card 33)."""


@dataclass(frozen=True)
class AdaLog:
    """Logarithms with searched bases behind softmax and GELU, uniform quantizers elsewhere.

    The defaults are the paper's 4 bits without reconstruction. What has a QDQ form, at up to 8
    bits in a container of 8: weights, the inputs of linear layers and convolutions that are not
    behind GELU, and, with ``per_head`` off, q, k and v. Scales for each head simulate, as do the
    logarithms and the twin; export puts 8 bits of [0, 1] behind softmax and 8 asymmetric bits
    behind GELU in their place if told to. From 8 bits on, both are uniform already.

    Attributes:
        bits: of all operands. An image of 8 or more bits gets its range, without a search.
        softmax: quantizer of P·v's P; "log2" and "logsqrt2" have fixed bases.
        gelu: quantizer of what reads GELU; "twin" is PTQ4ViT's. Logarithms take it shifted to
            values ≥ 0; the shift back is part of the bias, except before a padded convolution.
        strict: a logarithm's 0 is one of its 2^bits codes, not one more as in published figures.
        per_head: q, k and v have scales for each head.
        reparameterised: channel-wise scales behind LayerNorm made one (`RepQ`), where weight and
            input have equally many bits.
        effort: of a search of scales and zero points.
        rounds: over a layer's operands.
        images: of those given, that the search uses; reconstruction uses all.
        reconstruction: of blocks, by learned rounding and scales. None: without.
    """

    bits: Bits = Bits(weight=4, input=4, product=4, softmax=4, image=8)
    softmax: Literal["adalog", "log2", "logsqrt2", "uniform"] = "adalog"
    gelu: Literal["adalog", "log2", "logsqrt2", "twin", "uniform"] = "adalog"
    strict: bool = False
    per_head: bool = True
    reparameterised: bool = True
    effort: Effort = Effort()
    rounds: int = 3
    images: int = 32
    reconstruction: Reconstruction | None = None


def adalog(model: nn.Module, config: AdaLog, images: Sequence[Tensor]) -> None:
    """Gives the layers of a wrapped network their quantizers, in place.

    Layers are searched in the order of the network, on inputs of the float network.

    Args:
        model: of `wrap`, in float.
        config: what to do.
        images: calibration batches, float [B, 3, H, W].
    """
    layers = layers_of(model)
    some = _first(images, config.images)
    for layer, found in records(model, layers, some):
        if isinstance(layer, QuantizedProduct):
            _search_product(layer, found, config)
            continue
        assert isinstance(layer, WeightedLayer)
        if _reparameterised(model, layer, found, config):
            found = record(model, [layer], some)[layer.place.name]
        _search_weighted(layer, found, config)
    if config.reconstruction is not None:
        reconstruct(model, images, config.reconstruction)
    for layer in layers:
        if isinstance(layer, WeightedLayer):
            fold_shift(layer)


@torch.no_grad()
def fold_shift(layer: WeightedLayer) -> None:
    """Moves the shift back of a `Shifted` input into the bias, in place; exact.

    Ŵ·(q(x + c) − c·1) + b = Ŵ·q(x + c) + (b − Ŵ·c·1), with Ŵ as it is quantized now. A padded
    convolution stays: its kernel sees zeros beside shifted values.
    """
    shifted = layer.input_quantizer
    if not isinstance(shifted, Shifted):
        return
    if isinstance(layer, QuantizedConv2d) and any(layer.inner._reversed_padding_repeated_twice):
        return
    sums = layer.quantized_weight().flatten(1).double().sum(1)
    moved = (-shifted.shift * sums).to(layer.weight.dtype)
    layer.correction = moved if layer.correction is None else layer.correction + moved
    layer.added = moved.new_tensor(shifted.shift)
    layer.input_quantizer = shifted.quantizer


def _first(images: Sequence[Tensor], count: int) -> list[Tensor]:
    """Returns the first images, in their batches."""
    some = []
    for batch in images:
        some.append(batch[:count])
        count -= len(some[-1])
        if not count:
            break
    return some


def _reparameterised(model: nn.Module, layer: Layer, found: Record, config: AdaLog) -> bool:
    """Returns whether a norm and the layer behind it were changed."""
    bits = config.bits.of_operand(layer.place, 0)
    norm = norm_of(model, layer) if layer.place.role in _READERS else None
    if norm is None or not config.reparameterised or bits != config.bits.of_weight(layer.place):
        return False
    assert isinstance(layer, QuantizedLinear)
    x = found.inputs[0]
    channels = uniform_of(x, bits, LAST, config.effort, zero_points=_near(2**bits), free=True)
    channels.improve(own_error(x, LAST))
    quantizer = channels.quantizer
    assert isinstance(quantizer, Uniform)
    scale, zero_point = quantizer.scale.flatten(), quantizer.zero_point.flatten()
    layer.input_quantizer = reparameterise(layer, norm, scale, zero_point, bits)
    return True


def _search_product(layer: QuantizedProduct, found: Record, config: AdaLog) -> None:
    operands = []
    for number, (name, x) in enumerate(zip(layer.OPERANDS, found.inputs, strict=True)):
        bits = config.bits.of_operand(layer.place, number)
        softmax = layer.place.sources[number].kind == "softmax"
        if softmax and bits >= _FROM_UNIFORM:
            setattr(layer, name, unit_range(bits))
            continue
        if softmax and config.softmax in STEPS:
            setattr(layer, name, Logarithm(bits, STEPS[config.softmax]))
            continue
        if softmax and config.softmax == "adalog":
            made = logarithm_of_softmax(x, bits, config.effort, strict=config.strict)
        else:
            sharing = HEAD if config.per_head and not softmax else TENSOR
            made = uniform_of(x, bits, sharing, config.effort, zero_points=_near(2 ** (bits - 1)))
        setattr(layer, name, made.quantizer)
        operands.append((number, made))
    for _ in range(config.rounds if len(operands) > 1 else 1):
        for number, operand in operands:
            operand.improve(operand_error(layer, found, number))


def _search_weighted(layer: WeightedLayer, found: Record, config: AdaLog) -> None:
    bits = config.bits.of_weight(layer.place)
    zeros = _near(2 ** (bits - 1))
    weight = uniform_of(layer.weight, bits, OUT_CHANNEL, config.effort, zero_points=zeros)
    weight.improve(own_error(layer.weight, OUT_CHANNEL))
    layer.weight_quantizer = weight.quantizer
    x = _input_of(layer, found.inputs[0], config)
    if x is None:
        weight.improve(weight_error(layer, found))
        return
    # What began with its own error is good enough to search weights for; GELU's did not.
    weight_first = isinstance(x.quantizer, Uniform)
    for _ in range(config.rounds):
        for weights in (weight_first, not weight_first):
            if weights:
                weight.improve(weight_error(layer, found))
            else:
                x.improve(operand_error(layer, found, 0))


def _input_of(layer: WeightedLayer, x: Tensor, config: AdaLog) -> Operand | None:
    """Sets the quantizer of an input and returns what is to be searched of it, if anything."""
    bits = config.bits.of_operand(layer.place, 0)
    if layer.place.source.kind == "image" and bits >= _FROM_UNIFORM:
        layer.input_quantizer = Uniform.from_range(*minmax(x), bits)
        return None
    if layer.place.source.kind == "gelu" and bits < _FROM_UNIFORM and config.gelu != "uniform":
        if config.gelu == "twin":
            made = twin_of_gelu(x, bits)
        else:
            made = logarithm_of_gelu(x, bits, config.gelu, config.effort, strict=config.strict)
        layer.input_quantizer = made.quantizer
        return made
    first = layer.input_quantizer if isinstance(layer.input_quantizer, Uniform) else None
    zeros = _near(2**bits)
    made = uniform_of(x, bits, TENSOR, config.effort, zero_points=zeros, first=first)
    made.improve(own_error(x))
    layer.input_quantizer = made.quantizer
    return made


def _near(codes: int) -> int:
    """Returns how many zero points a search begins with."""
    return min(16, codes)
