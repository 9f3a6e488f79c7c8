# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Clips the ranges of channels behind LayerNorm before RepQ makes them one (LRP-QViT, card 48)."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from vit_perception.compression.quantization.simulation.capture import Record
from vit_perception.compression.quantization.simulation.layers import QuantizedLinear
from vit_perception.compression.quantization.simulation.observers import Range
from vit_perception.compression.quantization.simulation.quantizers import Uniform
from vit_perception.compression.quantization.simulation.reparameterised import (
    channel_scales,
    reparameterise,
)
from vit_perception.compression.quantization.simulation.search import output_error


def clipped(found: Range, percent: float) -> Range:
    """Returns ranges of channels, none of whose ends lies beyond a percentile of all.

    hi_j = min(hi_j, P_c(hi)), lo_j = max(lo_j, P_(100−c)(lo)), over channels and interpolated. A
    channel that lies beyond it as a whole keeps one of its ends.

    Args:
        found: lowest and highest values.
        percent: c, above 50; 100 changes nothing.
    """
    low, high = found
    most = torch.quantile(high.flatten(), percent / 100)
    least = torch.quantile(low.flatten(), 1 - percent / 100)
    return low.clamp(min=least).minimum(high), high.clamp(max=most).maximum(low)


@torch.no_grad()
def best_clip(
    layer: QuantizedLinear,
    norm: nn.LayerNorm,
    record: Record,
    found: Range,
    bits: int,
    quantizer: Callable[[Tensor], Uniform],
    percents: Sequence[float],
) -> Range:
    """Returns the clipped ranges with the least error of the layer's output, quantized wholly.

    A channel with an outlier makes its s_j/s̃ large, which multiplies a column of the weight, and
    the weight's scales with it.

    Args:
        layer: that alone reads the norm; it stays, and so does the norm.
        norm: see `reparameterised.norm_of`.
        record: of the layer in float.
        found: ranges of the channels of its input.
        bits: of codes of the input.
        quantizer: of the weight after `reparameterise`.
        percents: see `clipped`; the first of equals is taken.

    Raises:
        ValueError: there are no percents.
    """
    if not percents:
        raise ValueError("clips: expected at least one percentile, found none")
    tried: list[tuple[float, Range]] = []
    for percent in percents:
        ranges = clipped(found, percent)
        scale, zero_point = channel_scales(ranges, bits)
        changed = copy.deepcopy(layer)
        made = reparameterise(changed, copy.deepcopy(norm), scale, zero_point, bits)
        changed.input_quantizer, changed.weight_quantizer = made, quantizer(changed.weight)
        # What the changed norm would give: x/r − t, with r = s/s̃ and t = s̃·(z̃ − z).
        x = record.inputs[0] * (made.scale / scale) - made.scale * (made.zero_point - zero_point)
        tried.append((float(output_error(changed, Record((x,), record.output))), ranges))
    return min(tried, key=lambda each: each[0])[1]
