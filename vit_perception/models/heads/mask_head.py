# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Instance masks as weighted sums of prototypes (YOLACT, Bolya et al. 2019, section 3).

The prototypes see the neck's finest map and the backbone's map of stride 4, whose edges are
sharper. An anchor's weights are read off the box branch, which knows where its object ends, by
one 1x1 convolution a level, so that they cost next to nothing.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vit_perception.models.layers import ConvModule

#: Pixels of the network's input a cell of the prototypes covers.
PROTOTYPE_STRIDE = 4


class MaskHead(nn.Module):
    """Prototypes of a picture and each anchor's weights for them.

    Args:
        detail: channels of the backbone's map of stride 4.
        finest: channels of the neck's map of stride 8.
        box_width: channels of the box branch in front of its last convolution.
        levels: maps of the neck.
        prototypes: P.
        width: channels between.
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
        """Maps [B, P, H / 4, W / 4].

        Args:
            detail: the backbone's map [B, detail, H / 4, W / 4].
            finest: the neck's map [B, finest, H / 8, W / 8].
        """
        coarse = F.interpolate(self.reduce(finest), scale_factor=2.0, mode="nearest")
        maps: Tensor = self.project(self.refine(coarse + self.lateral(detail)))
        return maps

    def weights(self, level: int, box_features: Tensor) -> Tensor:
        """Coefficients [B, P, h, w] of one level's anchors, from its box branch, in -1..1."""
        return torch.tanh(self.coefficients[level](box_features))
