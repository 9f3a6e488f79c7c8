# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Makes segmenters by the name that a recipe, a bundle or a command gives."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from vit_perception.models.necks.shelf_pyramid import ShelfPyramid
from vit_perception.models.segmenters.lightm_unet import LightMUNet, lightm_unet
from vit_perception.models.segmenters.pp_mobileseg import (
    FineFusion,
    PPMobileSeg,
    pp_mobileseg_base,
    pp_mobileseg_tiny,
)
from vit_perception.models.shelf import BackboneError, create_backbone

SEGMENTERS: dict[str, Callable[[int], PPMobileSeg | LightMUNet]] = {
    "pp_mobileseg_base": pp_mobileseg_base,
    "pp_mobileseg_tiny": pp_mobileseg_tiny,
    "lightm_unet": lightm_unet,
}
"""Segmenters by name, from a number of classes."""
_FINE = (64, 128, 192)
"""Channels of strides 8, 16 and 32 that a backbone of the shelf gives PP-MobileSeg."""
_LIGHT = (64, 96, 128)
"""The same for LightM-UNet's decoder."""


class SegmenterError(ValueError):
    """The segmenter cannot be built; one line."""


def create_segmenter(
    name: str, classes: int, *, backbone: str = "", size: tuple[int, int] = (480, 640)
) -> PPMobileSeg | LightMUNet:
    """Builds a segmenter with random weights.

    Args:
        name: one of SEGMENTERS.
        classes: number of them, at least 2.
        backbone: name on the shelf (`models.shelf`); empty for the segmenter's own. With it,
            PP-MobileSeg is its fusion and head, LightM-UNet its decoder, and logits have stride
            8 and 4.
        size: height and width of the input, multiples of 32, for backbones that depend on it.

    Raises:
        SegmenterError: there is no such segmenter or backbone, the backbone has no fine map, or
            there are too few classes.
    """
    if name not in SEGMENTERS:
        raise SegmenterError(f"segmenter: expected one of {', '.join(SEGMENTERS)}, found {name}")
    if classes < 2:
        raise SegmenterError(f"classes: expected 2 or more, found {classes}")
    if not backbone:
        return SEGMENTERS[name](classes)
    try:
        made = create_backbone(backbone, size)
        if name == "lightm_unet":
            maps = _FourMaps(ShelfPyramid(made, _LIGHT, "relu"))
            return LightMUNet(maps, maps.channels, classes)
        pyramid = ShelfPyramid(made, _FINE, "relu")
        return PPMobileSeg(pyramid, FineFusion(_FINE), classes)
    except BackboneError as error:
        raise SegmenterError(str(error)) from None


class _FourMaps(nn.Module):
    """Maps of strides 4, 8, 16 and 32 of a pyramid, the finest as wide as groups allow.

    Attributes:
        channels: of the maps.
    """

    def __init__(self, pyramid: ShelfPyramid) -> None:
        super().__init__()
        self.pyramid = pyramid
        # The decoder's norms have groups; a backbone's finest map may have any width.
        self.channels = (32, *pyramid.channels)
        self.finest = nn.Conv2d(pyramid.detail, self.channels[0], 1)

    def forward(self, image: Tensor) -> list[Tensor]:
        finest, *others = self.pyramid.pyramid(image)
        return [self.finest(finest), *others]
