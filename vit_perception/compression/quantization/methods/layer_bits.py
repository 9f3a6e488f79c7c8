# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Bits for each layer by its name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import nn

from vit_perception.compression.quantization.simulation.bits import Bits
from vit_perception.compression.quantization.simulation.layers import Place, layers_of
from vit_perception.compression.quantization.simulation.quantizers import Quantizer


@dataclass(frozen=True)
class LayerBits(Bits):
    """Bits of each layer, shared by its weight and its operands; the picture has its own.

    Attributes:
        by_name: bits by the name of the layer; others are as in `Bits`.
    """

    by_name: Mapping[str, int] = field(default_factory=dict)

    def of_weight(self, place: Place) -> int:
        """Returns the bits of a layer's weight."""
        return self.by_name.get(place.name, super().of_weight(place))

    def of_operand(self, place: Place, operand: int) -> int:
        """Returns the bits of an operand of a layer, counted from 0."""
        if place.role == "patch_embed":
            return self.image
        return self.by_name.get(place.name, super().of_operand(place, operand))


def bits_of(model: nn.Module) -> dict[str, int | None]:
    """Returns the bits of each layer of a quantized network, in order; None stays float.

    They are those of its weight, or of a product's first operand.
    """
    found: dict[str, int | None] = {}
    for layer in layers_of(model):
        first = "weight_quantizer" if hasattr(layer, "weight_quantizer") else layer.OPERANDS[0]
        quantizer = getattr(layer, first)
        found[layer.place.name] = quantizer.bits if isinstance(quantizer, Quantizer) else None
    return found
