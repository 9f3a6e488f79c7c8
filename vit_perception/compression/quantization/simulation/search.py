# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Searches the scales of a layer by the error of its output (EasyQuant, PTQ4ViT)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from vit_perception.compression.quantization.simulation.capture import Record
from vit_perception.compression.quantization.simulation.layers import (
    Layer,
    QuantizedConv2d,
    QuantizedProduct,
    WeightedLayer,
    computing,
)
from vit_perception.compression.quantization.simulation.quantizers import Uniform


def multipliers(low: float = 0.01, high: float = 1.2, count: int = 100) -> tuple[float, ...]:
    """Returns ``count`` + 1 factors low + i·(high − low)/count of an initial scale."""
    return tuple(low + each * (high - low) / count for each in range(count + 1))


@torch.no_grad()
def output_error(layer: Layer, record: Record, axis: int | None = None, rows: int = 64) -> Tensor:
    """Returns Σ (g·(o − ô))² of a layer computed quantized; g = 1 if there is no gradient.

    Args:
        layer: any; its state stays.
        record: of it in float.
        axis: of the output that is not summed over. None: all is summed.
        rows: of the first axis that are computed at once, which bounds memory.

    Returns:
        float64 [size of the axis], or [] without one.
    """
    total: Tensor | None = None
    with computing(layer, True):
        for start in range(0, len(record), rows):
            part = record.part(start, start + rows)
            error = part.output - layer(*part.inputs)
            if part.gradient is not None:
                error = error * part.gradient
            error = error.double().square()
            error = error.sum() if axis is None else error.movedim(axis, 0).flatten(1).sum(1)
            total = error if total is None else total + error
    assert total is not None
    return total


def search(
    layer: Layer,
    record: Record,
    factors: Sequence[float] | None = None,
    *,
    rounds: int = 3,
    names: Sequence[str] | None = None,
) -> Tensor:
    """Sets the scales of a layer's uniform quantizers to those with the least output error.

    In each round each quantizer in turn tries all factors of its initial scale while the others
    stay. Scales that act on separate parts of the output are chosen separately: those of a
    weight's output channels (also in groups of rows), of a depthwise convolution's input channels
    and of a product's heads. All others share a factor. The best so far stays, so the error never
    exceeds that of the initial scales. Zero points stay.

    Args:
        layer: with its quantizers; those that are not uniform stay.
        record: of it in float, see `output_error`.
        factors: of the initial scales. None: `multipliers()`.
        rounds: over all quantizers.
        names: attributes of the quantizers to search, in order. None: the weight's first, then
            the input's, or both operands of a product.

    Returns:
        The final error, float64 [].
    """
    if names is None:
        names = ("weight_quantizer", *layer.OPERANDS)
        names = [name for name in dict.fromkeys(names) if hasattr(layer, name)]
    quantizers = [(name, getattr(layer, name)) for name in names]
    uniform = [(name, each) for name, each in quantizers if isinstance(each, Uniform)]
    initial = {name: each.scale.clone() for name, each in uniform}
    for _ in range(rounds):
        for name, each in uniform:
            axis = _axis(layer, name, each)
            _search_one(layer, record, each, initial[name], factors or multipliers(), axis)
    return output_error(layer, record)


def _search_one(
    layer: Layer,
    record: Record,
    quantizer: Uniform,
    initial: Tensor,
    factors: Sequence[float],
    axis: int | None,
) -> None:
    best = quantizer.scale.clone()
    least = _by_scale(output_error(layer, record, axis), initial)
    for factor in factors:
        quantizer.scale = initial * factor
        error = _by_scale(output_error(layer, record, axis), initial)
        better = error < least
        least = torch.where(better, error, least)
        best = torch.where(better, quantizer.scale, best)
        quantizer.scale = best
    quantizer.scale = best


def _axis(layer: Layer, name: str, quantizer: Uniform) -> int | None:
    """Returns the axis of the output that a quantizer's scales act on separately, if any."""
    shape = quantizer.scale.shape
    if quantizer.scale.numel() == 1:
        return None
    if name == "weight_quantizer" and shape[0] == quantizer.scale.numel():
        return 1 if isinstance(layer, QuantizedConv2d) else -1
    if isinstance(layer, QuantizedProduct) and shape[1] == quantizer.scale.numel():
        return 1
    if isinstance(layer, QuantizedConv2d) and layer.place.role == "depthwise":
        kernels = layer.inner.out_channels == layer.inner.groups
        return 1 if kernels and shape[1] == quantizer.scale.numel() else None
    assert isinstance(layer, (WeightedLayer, QuantizedProduct))
    return None


def _by_scale(error: Tensor, initial: Tensor) -> Tensor:
    """Returns errors in the shape of the scales; equal neighbours share the sum of theirs."""
    if error.ndim == 0:
        return error
    _, groups = torch.unique_consecutive(initial.flatten(), return_inverse=True)
    sums = error.new_zeros(int(groups.max()) + 1).index_add_(0, groups, error)
    return sums[groups].reshape(initial.shape)
