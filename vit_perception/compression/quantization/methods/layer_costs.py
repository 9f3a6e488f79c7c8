# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What the layers of a network cost, whatever their bits."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from vit_perception.compression.quantization.simulation.capture import record
from vit_perception.compression.quantization.simulation.layers import (
    WeightedLayer,
    layers_of,
)


@dataclass(frozen=True)
class Costs:
    """What one layer costs.

    Attributes:
        parameters: of its weight; 0 for a product.
        operations: multiplications with an addition, for one image.
    """

    parameters: int
    operations: int


def costs_of(model: nn.Module, image: Tensor) -> dict[str, Costs]:
    """Returns the costs of each layer, in order.

    Args:
        model: of `wrap`.
        image: float [1, 3, H, W].
    """
    layers = layers_of(model)
    found = record(model, layers, [image])
    costs: dict[str, Costs] = {}
    for layer in layers:
        name, seen = layer.place.name, found[layer.place.name]
        if isinstance(layer, WeightedLayer):
            each = layer.weight[0].numel()
            costs[name] = Costs(layer.weight.numel(), seen.output.numel() * each)
        else:
            costs[name] = Costs(0, seen.output.numel() * seen.inputs[0].shape[-1])
    return costs
