# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""PP-MobileSeg: a segmenter for CPUs (arXiv 2304.05152, card 70).

Its maps are fused by sigmoids of the coarser ones (AAM). A class map at the picture's resolution
comes from `vim`, which enlarges the classes that occur alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from vit_perception.models.fusing import ConvNorm
from vit_perception.models.segmenters.strideformer import Attended, Spec, StrideFormer, resized

WIDTH = 256
"""Channels of the fused map."""

BASE = (
    [
        Spec(3, 16, 16, True, "relu", 1),
        Spec(3, 64, 32, False, "relu", 2),
        Spec(3, 96, 32, False, "relu", 1),
    ],
    [Spec(5, 128, 64, True, "hardswish", 2), Spec(5, 240, 64, True, "hardswish", 1)],
    [Spec(5, 384, 128, True, "hardswish", 2), Spec(5, 384, 128, True, "hardswish", 1)],
    [Spec(5, 768, 192, True, "hardswish", 2), Spec(5, 768, 192, True, "hardswish", 1)],
)
"""Stages of PP-MobileSeg-Base, of strides 4 to 32; TINY has the same form."""
TINY = (
    [
        Spec(3, 16, 16, True, "relu", 1),
        Spec(3, 64, 32, False, "relu", 2),
        Spec(3, 48, 24, False, "relu", 1),
    ],
    [Spec(5, 96, 32, True, "hardswish", 2), Spec(5, 96, 32, True, "hardswish", 1)],
    [Spec(5, 160, 64, True, "hardswish", 2), Spec(5, 160, 64, True, "hardswish", 1)],
    [Spec(3, 384, 128, True, "hardswish", 2), Spec(3, 384, 128, True, "hardswish", 1)],
)


class FineFusion(nn.Module):
    """AAM at stride 8: the fine map, weighted by both coarser ones, and the coarsest added.

    Args:
        channels: of the maps of strides 8, 16 and 32.
    """

    def __init__(self, channels: tuple[int, ...]) -> None:
        super().__init__()
        fine, middle, coarse = channels
        self.local = ConvNorm(fine, WIDTH)
        self.middle_weight = ConvNorm(middle, WIDTH)
        self.coarse_weight = ConvNorm(coarse, WIDTH)
        self.coarse = ConvNorm(coarse, WIDTH)

    def forward(self, fine: Tensor, middle: Tensor, coarse: Tensor) -> Tensor:
        """Returns [B, WIDTH, h, w] of the fine map's size."""
        local: Tensor = self.local(fine)
        middle_weight = torch.sigmoid(self.middle_weight(resized(middle, fine)))
        coarse_weight = resized(torch.sigmoid(self.coarse_weight(coarse)), fine)
        return middle_weight * coarse_weight * local + resized(self.coarse(coarse), fine)


class CoarseFusion(nn.Module):
    """AAM at stride 16: the fine map is shrunk, and all three give weights.

    Args:
        channels: of the maps of strides 8, 16 and 32.
    """

    def __init__(self, channels: tuple[int, ...]) -> None:
        super().__init__()
        self.values = nn.ModuleList(ConvNorm(width, WIDTH) for width in channels)
        self.weights = nn.ModuleList(ConvNorm(width, WIDTH) for width in channels)

    def forward(self, fine: Tensor, middle: Tensor, coarse: Tensor) -> Tensor:
        """Returns [B, WIDTH, h, w] of the middle map's size."""
        fine = resized(fine, middle)
        weight = torch.sigmoid(self.weights[0](fine)) * torch.sigmoid(self.weights[1](middle))
        weight = weight * resized(torch.sigmoid(self.weights[2](coarse)), middle)
        local: Tensor = self.values[0](fine) + self.values[1](middle)
        return weight * local + resized(self.values[2](coarse), middle)


class AddedFusion(nn.Module):
    """Plain addition at stride 8, to compare AAM with.

    Args:
        channels: of the maps of strides 8, 16 and 32.
    """

    def __init__(self, channels: tuple[int, ...]) -> None:
        super().__init__()
        self.values = nn.ModuleList(ConvNorm(width, WIDTH) for width in channels)

    def forward(self, fine: Tensor, middle: Tensor, coarse: Tensor) -> Tensor:
        """Returns [B, WIDTH, h, w] of the fine map's size."""
        first, second, third = self.values
        found: Tensor = first(fine)
        return found + resized(second(middle), fine) + resized(third(coarse), fine)


class PPMobileSeg(nn.Module):
    """Logits of classes at a fraction of the picture's resolution.

    Args:
        backbone: maps of strides 8, 16 and 32: `StrideFormer`, or a pyramid of the shelf.
        fusion: of the three, to WIDTH channels.
        classes: number of them.

    Attributes:
        classes: as given.
    """

    def __init__(self, backbone: nn.Module, fusion: nn.Module, classes: int) -> None:
        super().__init__()
        self.classes = classes
        self.backbone = backbone
        self.fusion = fusion
        self.head = nn.Sequential(
            ConvNorm(WIDTH, WIDTH, groups=WIDTH),
            nn.ReLU(),
            nn.Dropout2d(0.1),
            nn.Conv2d(WIDTH, classes, 1),
        )

    def forward(self, image: Tensor) -> Tensor:
        """Returns logits [B, classes, h, w] of float images [B, 3, H, W].

        The stride is 8, or 16 with `CoarseFusion`; sizes are rounded up.
        """
        logits: Tensor = self.head(self.fusion(*self.backbone(image)))
        return logits


def pp_mobileseg_base(classes: int) -> PPMobileSeg:
    """Returns the larger network, whose logits have stride 8."""
    backbone = StrideFormer(BASE, (Attended(3, 8, 16, 2), Attended(3, 8, 24, 4)))
    return PPMobileSeg(backbone, FineFusion(backbone.channels), classes)


def pp_mobileseg_tiny(classes: int) -> PPMobileSeg:
    """Returns the smaller network, whose logits have stride 16."""
    backbone = StrideFormer(TINY, (Attended(2, 4, 16, 2), Attended(2, 4, 24, 4)))
    return PPMobileSeg(backbone, CoarseFusion(backbone.channels), classes)


def vim(logits: Tensor, size: Sequence[int]) -> Tensor:
    """Returns the class of every pixel, by enlarging the classes that occur (VIM).

    A class that is nowhere the best at low resolution cannot appear; others come out as if all
    had been enlarged.

    Args:
        logits: [1, K, h, w].
        size: height and width of the map.

    Returns:
        int64 [height, width], 0 to K - 1.
    """
    present = torch.unique(logits.argmax(1))
    kept = nn.functional.interpolate(
        logits[:, present], size=tuple(size), mode="bilinear", align_corners=False
    )
    best: Tensor = present[kept.argmax(1)[0]]
    return best
