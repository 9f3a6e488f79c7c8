# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Instance masks as weighted sums of prototypes (YOLACT, Bolya et al. 2019, section 3).

Prototypes use the neck's finest map and the backbone's map of stride 4, whose edges are sharper.
An anchor's weights come from the box branch, which knows the extent of its object, by one 1x1
convolution per level, so that they cost almost nothing.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vit_perception.models.layers import ConvModule

PROTOTYPE_STRIDE = 4
"""Pixels of the network's input per cell of the prototypes."""


class MaskHead(nn.Module):
    """Prototypes of a picture and each anchor's weights for them.

    Args:
        detail: channels of the backbone's map of stride 4.
        finest: channels of the neck's map of stride 8.
        box_width: channels of the box branch before its last convolution.
        levels: maps of the neck.
        prototypes: P.
        width: channels of the layers between.
    """

    def __init__(
        self,
        detail: int,
        finest: int,
        box_width: int,
        levels: int,
        prototypes: int,
        width: int = 32,
        activation: str = "silu",
    ) -> None:
        super().__init__()
        self.reduce = ConvModule(finest, width, 3, activation=activation)
        self.lateral = ConvModule(detail, width, 1, activation=activation)
        self.refine = ConvModule(width, width, 3, activation=activation)
        self.project = nn.Conv2d(width, prototypes, 1)
        self.coefficients = nn.ModuleList(
            nn.Conv2d(box_width, prototypes, 1) for _ in range(levels)
        )

    def prototypes(self, detail: Tensor, finest: Tensor) -> Tensor:
        """Returns maps [B, P, H / 4, W / 4].

        Args:
            detail: the backbone's map [B, detail, H / 4, W / 4].
            finest: the neck's map [B, finest, H / 8, W / 8].
        """
        coarse = F.interpolate(self.reduce(finest), scale_factor=2.0, mode="nearest")
        maps: Tensor = self.project(self.refine(coarse + self.lateral(detail)))
        return maps

    def last(self, level: int) -> nn.Conv2d:
        """Returns the convolution behind a level's box branch, before tanh."""
        return cast("nn.Conv2d", self.coefficients[level])

    def weights(self, level: int, box_features: Tensor) -> Tensor:
        """Returns coefficients [B, P, h, w] in -1..1 of a level's anchors, from its box branch."""
        return torch.tanh(self.last(level)(box_features))
