# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A part of the image that is looked at, and what is found there in pixels of the whole."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import numpy as np

from vit_perception.detections import Detections
from vit_perception.frame import Frame
from vit_perception.masks import Masks
from vit_perception.wording import shown

_FOUR_NUMBERS = re.compile(r"\s*,\s*".join([r"([0-9]{1,6})"] * 4))


class RegionError(ValueError):
    """A region that cannot be, or lies beside the image; one line."""


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle in pixels of the source image."""

    x: int
    y: int
    width: int
    height: int

    @classmethod
    def parse(cls, text: str) -> Region | None:
        """Reads 'x,y,width,height'; returns None for an empty text, which is the whole image.

        Raises:
            RegionError: another text, or a region without pixels.
        """
        if not text.strip():
            return None
        match = _FOUR_NUMBERS.fullmatch(text.strip())
        if match is None or not all(int(side) for side in match.groups()[2:]):
            raise RegionError(f"roi: expected 'x,y,width,height' in pixels, found {shown(text)}")
        return cls(*map(int, match.groups()))

    def of(self, frame: Frame) -> Frame:
        """Returns the part of a frame inside the region: a view; the intrinsics move with it.

        Raises:
            RegionError: the region lies beside the image.
        """
        if self.x >= frame.width or self.y >= frame.height:
            raise RegionError(
                f"roi: expected a part of the image, {frame.width}x{frame.height} px, found "
                f"{self.width}x{self.height} px at {self.x}, {self.y}"
            )
        part = np.s_[self.y : self.y + self.height, self.x : self.x + self.width]
        intrinsics = frame.intrinsics
        if intrinsics is not None:
            intrinsics = intrinsics.copy()
            intrinsics[:2, 2] -= (self.x, self.y)
        return replace(
            frame,
            image=frame.image[part],
            depth=None if frame.depth is None else frame.depth[part],
            intrinsics=intrinsics,
        )

    def whole(self, detections: Detections, frame: Frame) -> Detections:
        """Returns detections of the part, `of(frame)`, in pixels of `frame`."""
        offset = np.array([self.x, self.y, self.x, self.y], np.float32)
        masks = detections.masks
        if masks is not None:
            origins = masks.origins + np.array([self.x, self.y], np.int64)
            masks = Masks(origins, masks.crops, frame.height, frame.width)
        return replace(detections, boxes=detections.boxes + offset, masks=masks)
