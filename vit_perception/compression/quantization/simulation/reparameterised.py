# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Moves the scales of a LayerNorm's channels into the norm and the layer behind (RepQ-ViT)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vit_perception.compression.quantization.simulation.layers import Layer, QuantizedLinear
from vit_perception.compression.quantization.simulation.observers import Range
from vit_perception.compression.quantization.simulation.quantizers import Uniform

SMALLEST = 0.01
"""Least scale of a channel, as a part of the mean: a constant channel would have none."""


def norm_of(model: nn.Module, layer: Layer) -> nn.LayerNorm | None:
    """Returns the LayerNorm whose only reader is a linear layer; None if there is none.

    Args:
        model: the wrapped network.
        layer: of it.
    """
    source = layer.place.source
    if not isinstance(layer, QuantizedLinear) or source.kind != "layer_norm":
        return None
    norm = model.get_submodule(source.module) if source.module else None
    alone = source.readers == (layer.place.name,)
    width = (layer.inner.in_features,)
    if isinstance(norm, nn.LayerNorm) and alone and norm.normalized_shape == width:
        return norm
    return None


def channel_scales(found: Range, bits: int) -> tuple[Tensor, Tensor]:
    """Returns scales and zero points of channels, float [C].

    A zero point may lie outside of the codes: it is not stored, see `reparameterise`.

    Args:
        found: lowest and highest values of the channels, of any shape with C elements.
        bits: of a code.
    """
    low, high = (each.reshape(-1).float() for each in found)
    scale = (high - low) / (2**bits - 1)
    smallest = torch.finfo(torch.float32).eps
    scale = torch.maximum(scale, (SMALLEST * scale.mean()).clamp(min=smallest))
    return scale, (-low / scale).round()


@torch.no_grad()
def reparameterise(
    layer: QuantizedLinear, norm: nn.LayerNorm, scale: Tensor, zero_point: Tensor, bits: int
) -> Uniform:
    """Changes a norm and the layer behind it so that one scale serves all channels, in place.

    With s̃ and z̃ the means of s and z, z̃ rounded: r = s/s̃, t = s̃·(z̃ − z); the norm gives
    x/r − t, the weight becomes W·diag(r) and the bias gains W·diag(r)·t. The float result stays,
    and the code of each value is the one that its channel's scale gave (RepQ-ViT, section 3.2; z̃
    is rounded here so that QDQ can store it). A bias is made if there is none. The weight is to
    be calibrated afterwards.

    Args:
        layer: that alone reads the norm.
        norm: see `norm_of`.
        scale, zero_point: of the channels, float [C], see `channel_scales`.
        bits: of a code.

    Returns:
        The quantizer (s̃, z̃) of the new input.
    """
    mean = scale.mean()
    centre = zero_point.mean().round().clamp(0, 2**bits - 1)
    # In double: bias and weight are sums with terms of opposite signs.
    r = (scale / mean).double()
    t = (mean * (centre - zero_point)).double()
    dtype = layer.inner.weight.dtype
    gain = torch.ones_like(r) if norm.weight is None else norm.weight.double()
    shift = torch.zeros_like(r) if norm.bias is None else norm.bias.double()
    weight = layer.inner.weight.double() * r
    bias = weight @ t
    if layer.inner.bias is not None:
        bias = bias + layer.inner.bias.double()
    for module, name, values in (
        (norm, "weight", gain / r),
        (norm, "bias", shift / r - t),
        (layer.inner, "weight", weight),
        (layer.inner, "bias", bias),
    ):
        setattr(module, name, nn.Parameter(values.to(dtype), requires_grad=False))
    return Uniform(bits, mean, centre)
