# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Folds the scales of a depthwise convolution's channels into the layers around (card 08)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from vit_perception.compression.quantization.simulation.capture import records
from vit_perception.compression.quantization.simulation.layers import (
    Layer,
    QuantizedConv2d,
    layers_of,
)
from vit_perception.compression.quantization.simulation.provenance import Call, calls_of


@torch.no_grad()
def fold_depthwise_scales(model: nn.Module, images: Sequence[Tensor]) -> tuple[str, ...]:
    """Brings the channels before depthwise convolutions to one range, in place.

    No engine takes a scale for each channel of an activation. Where a convolution alone feeds a
    depthwise one, directly or through ReLU, its channel c is divided by r_c and the kernel of c is
    multiplied by it: the float result stays, and one scale for the tensor gives the codes that
    r_c times that scale would. SiLU, GELU and Hardswish are not homogeneous, so nothing folds
    through them.

    Args:
        model: of `wrap`, in float.
        images: calibration batches, float [B, 3, H, W].

    Returns:
        The names of the depthwise layers that were folded.
    """
    calls = {call.name: call for call in calls_of(model, (nn.Module,), images[0][:1])}
    layers = {layer.place.name: layer for layer in layers_of(model)}
    pairs: list[tuple[QuantizedConv2d, QuantizedConv2d]] = []
    for layer in layers.values():
        if layer.place.role == "depthwise" and isinstance(layer, QuantizedConv2d):
            producer = _producer(layer, calls, layers)
            if producer is not None:
                pairs.append((producer, layer))
    producers = {layer.place.name: producer for producer, layer in pairs}
    depthwise = [layer for _, layer in pairs]
    for each, record in records(model, depthwise, images):
        assert isinstance(each, QuantizedConv2d)
        largest = record.inputs[0].abs().amax((0, 2, 3))
        shown = largest > 0
        ratio = torch.where(shown, largest / largest[shown].mean(), torch.ones_like(largest))
        _fold(producers[each.place.name], each, ratio)
    return tuple(producers)


def _producer(
    layer: Layer, calls: dict[str, Call], layers: dict[str, Layer]
) -> QuantizedConv2d | None:
    """Returns the convolution that feeds a layer alone, directly or through a ReLU module."""
    name, value = layer.place.name, calls[layer.place.name].inputs[0]
    if value.kind == "relu" and value.readers == [name] and value.module in calls:
        name, before = value.module, calls[value.module].inputs
        if not before:
            return None
        value = before[0]
    producer = layers.get(value.module)
    alone = value.readers == [name] and value.kind == "conv"
    return producer if alone and isinstance(producer, QuantizedConv2d) else None


def _fold(producer: QuantizedConv2d, layer: QuantizedConv2d, ratio: Tensor) -> None:
    by_out = ratio.reshape(-1, 1, 1, 1)
    producer.inner.weight.div_(by_out)
    if producer.inner.bias is not None:
        producer.inner.bias.div_(ratio)
    layer.inner.weight.mul_(by_out.repeat_interleave(len(layer.weight) // len(ratio), 0))
