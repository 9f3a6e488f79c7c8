# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""How many bits each operand of a network gets."""

from __future__ import annotations

from dataclasses import dataclass

from vit_perception.compression.quantization.simulation.layers import Place


@dataclass(frozen=True)
class Bits:
    """Bits of codes, as the tables of papers give them.

    Attributes:
        weight, input: of Linear and Conv2d.
        product: of the operands of q·kᵀ and of V.
        softmax: of the P of P·v.
        image: of the picture, the input of the first convolution.
        head: of the last linear layer's weight and input. None: as of others.
    """

    weight: int = 8
    input: int = 8
    product: int = 8
    softmax: int = 8
    image: int = 8
    head: int | None = None

    def of_weight(self, place: Place) -> int:
        """Returns the bits of a layer's weight."""
        return self.head if place.role == "head" and self.head else self.weight

    def of_operand(self, place: Place, operand: int) -> int:
        """Returns the bits of an operand of a layer, counted from 0."""
        if place.role in ("scores", "context"):
            return self.softmax if place.sources[operand].kind == "softmax" else self.product
        if place.role == "patch_embed":
            return self.image
        return self.head if place.role == "head" and self.head else self.input
