# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""CSPDarknet as in YOLOv8: the image backbone of DOSOD (card 01, Mechanism)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vit_perception.models.layers import SPPF, C2f, ConvModule, scaled_depth, scaled_width

STAGE_BLOCKS = (3, 6, 6, 3)
"""Bottlenecks of stages 1 to 4 at depth 1.0."""


def pyramid_channels(width: float, last: int) -> tuple[int, int, int]:
    """Returns the channels of strides 8, 16 and 32."""
    c3, c4, c5 = (scaled_width(c, width) for c in (256, 512, last))
    return c3, c4, c5


class CSPDarknet(nn.Module):
    """Stem and four stages, each a stride-2 convolution and a C2f; the last ends with SPPF.

    Args:
        width: channel multiplier of (64, 128, 256, 512, last).
        depth: multiplier of the bottleneck counts (3, 6, 6, 3).
        last: channels of stage 4 before scaling (1024, 768 or 512 in S, M, L).
        activation: "silu" (the paper's) or "relu".

    Attributes:
        channels: channels of the three outputs, strides 8, 16 and 32.
        detail: channels of the map of stride 4.
    """

    stage1: nn.Sequential
    stage2: nn.Sequential
    stage3: nn.Sequential
    stage4: nn.Sequential

    def __init__(self, width: float, depth: float, last: int, activation: str = "silu") -> None:
        super().__init__()
        sizes = [scaled_width(c, width) for c in (64, 128, 256, 512, last)]
        self.stem = ConvModule(3, sizes[0], 3, 2, activation)
        for index, blocks in enumerate(STAGE_BLOCKS):
            c_in, c_out = sizes[index], sizes[index + 1]
            stage = nn.Sequential(
                ConvModule(c_in, c_out, 3, 2, activation),
                C2f(c_out, c_out, scaled_depth(blocks, depth), True, activation),
            )
            if index == 3:
                stage.append(SPPF(c_out, activation))
            setattr(self, f"stage{index + 1}", stage)
        self.channels = pyramid_channels(width, last)
        self.detail = sizes[1]

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Returns the features of one image batch.

        Args:
            image: float [B, 3, H, W] RGB in [0, 1]; H and W multiples of 32.

        Returns:
            Maps of stride 8, 16 and 32.
        """
        return self.pyramid(image)[1:]

    def pyramid(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Works as :meth:`forward`, with the map of stride 4 in front."""
        c2 = self.stage1(self.stem(image))
        c3 = self.stage2(c2)
        c4 = self.stage3(c3)
        return c2, c3, c4, self.stage4(c4)

    @torch.no_grad()
    def scale_input(self, factor: float) -> None:
        """Folds a factor of the images into the stem, in place; needs BatchNorm folded before."""
        self.stem.conv.weight.mul_(factor)
