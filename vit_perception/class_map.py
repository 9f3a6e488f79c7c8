# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The class of each pixel of an image."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vit_perception.rle import Rle, encode_mask


class ClassMapError(ValueError):
    """A class map was built from arrays that do not fit, or asked for another class; one line."""


@dataclass(frozen=True, slots=True, eq=False)
class ClassMap:
    """The class of each pixel of an image.

    Attributes:
        labels: uint8 [H, W], index of the class.
        names: of the classes.
        stamp: nanoseconds, of the frame.

    Raises:
        ClassMapError: another type or shape, or a label without a name.
    """

    labels: NDArray[np.uint8]
    names: tuple[str, ...]
    stamp: int = 0

    def __post_init__(self) -> None:
        if self.labels.dtype != np.uint8 or self.labels.ndim != 2 or not self.labels.size:
            raise ClassMapError(
                f"labels: expected uint8 [H, W], found {self.labels.dtype} "
                f"{list(self.labels.shape)}"
            )
        if self.labels.max() >= len(self.names):
            raise ClassMapError(
                f"labels: expected 0..{len(self.names) - 1}, found {self.labels.max()}"
            )

    def mask(self, name: str) -> NDArray[np.bool_]:
        """Returns the pixels of a class, bool [H, W].

        Raises:
            ClassMapError: there is no class of that name.
        """
        if name not in self.names:
            raise ClassMapError(f"class: expected one of {', '.join(self.names)}, found {name!r}")
        found: NDArray[np.bool_] = self.labels == self.names.index(name)
        return found

    def shares(self) -> dict[str, float]:
        """Returns the share of the pixels that each class has, 0 to 1."""
        counts = np.bincount(self.labels.ravel(), minlength=len(self.names))
        return dict(zip(self.names, (counts / self.labels.size).tolist(), strict=True))

    def rle(self, name: str) -> Rle:
        """Returns the pixels of a class as COCO's compressed run lengths; see `mask`."""
        return encode_mask(self.mask(name))

    def contours(self, name: str, least_area: float = 0.0) -> tuple[NDArray[np.int32], ...]:
        """Returns the outer outlines of a class, each int32 [N, 2], x y of pixels, largest first.

        Args:
            name: of the class; see `mask`.
            least_area: smaller parts are left out, pixels.
        """
        mask = self.mask(name).view(np.uint8)
        _, parts, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
        areas = stats[1:, cv2.CC_STAT_AREA]
        outlines = []
        for part in np.argsort(-areas, kind="stable") + 1:
            if areas[part - 1] >= least_area:
                alone = (parts == part).view(np.uint8)
                (outline,) = cv2.findContours(alone, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0]
                outlines.append(np.asarray(outline[:, 0], np.int32))
        return tuple(outlines)
