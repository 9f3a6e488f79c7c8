# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Finds where a hybrid network turns its local features into tokens (Q-HyViT, card 08)."""

from __future__ import annotations

from torch import Tensor, nn

from vit_perception.compression.quantization.simulation.layers import (
    Layer,
    QuantizedConv2d,
    QuantizedProduct,
    layers_of,
)
from vit_perception.compression.quantization.simulation.provenance import Call, Value, calls_of

_ACTIVATIONS = ("gelu", "relu", "silu", "hardswish")


def bridges_of(model: nn.Module, images: Tensor) -> tuple[tuple[str, ...], ...]:
    """Returns the bridges of a network: names of their layers in order of call, a tuple each.

    The official code lists indices. This rule finds those that card 08 decodes for MobileViT-S and
    EfficientFormer-L1: the convolution that begins the residual stream which attention reads, and
    the layers of the first branch behind it up to a product of attention. The stream is followed
    backwards through norms, activations and residual sums. Where another operation ends it (a
    class token that is joined, an interpolation), the last convolution before the attention
    stands for its beginning. Streams that begin with a linear layer, as behind the patch merging
    of Swin, have been tokens before and give no bridge.

    Args:
        model: of `wrap`.
        images: an example, float [B, 3, H, W].
    """
    calls: dict[str, Call] = {}
    for call in calls_of(model, (nn.Module,), images):
        calls.setdefault(call.name, call)
    layers = layers_of(model)
    by_name = {layer.place.name: layer for layer in layers}
    found: dict[tuple[str, ...], None] = {}
    for layer in layers:
        attention = layer.place.name.rpartition(".")[0]
        if not isinstance(layer, QuantizedProduct) or attention not in calls:
            continue
        origin = _origin(calls[attention].inputs[0], calls, by_name)
        if not origin:
            origin = _convolution_before(attention, layers)
        if origin and all(isinstance(by_name[name], QuantizedConv2d) for name in origin):
            found[origin + _first_branch(by_name[origin[-1]], layers)] = None
    return tuple(found)


def _origin(value: Value, calls: dict[str, Call], layers: dict[str, Layer]) -> tuple[str, ...]:
    """Returns the layers whose results begin the stream that a value lies on, if they show."""
    passed: set[str] = set()
    while value.module in calls and value.module not in passed:
        name = value.module
        if name in layers:
            return (name,)
        passed.add(name)
        before = calls[name].inputs
        alone = not any(other.startswith(f"{name}.") for other in calls)
        if not before:
            return ()
        if alone or (value.kind == "add" and name in before[0].readers):
            value = before[0]
        elif value.kind == "add":
            summed = [each for each in layers if name in calls[each].output.readers]
            return tuple(sorted(summed, key=lambda each: layers[each].place.position))
        else:
            return ()
    return ()


def _convolution_before(attention: str, layers: list[Layer]) -> tuple[str, ...]:
    before: tuple[str, ...] = ()
    for layer in layers:
        if layer.place.name.startswith(f"{attention}."):
            return before
        if isinstance(layer, QuantizedConv2d):
            before = (layer.place.name,)
    return ()


def _first_branch(origin: Layer, layers: list[Layer]) -> tuple[str, ...]:
    """Returns the first layer behind the origin and those that follow it directly."""
    branch: list[str] = []
    for layer in layers[layers.index(origin) + 1 :]:
        source = layer.place.source
        follows = not branch or source.kind in _ACTIVATIONS or source.module == branch[-1]
        if isinstance(layer, QuantizedProduct) or not follows:
            break
        branch.append(layer.place.name)
    return tuple(branch)
