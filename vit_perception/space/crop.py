# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The part of a depth image around one mask."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

# Pixels around a mask that are looked at: for jumps of depth, and half the window of means.
_MARGIN = 3
# Where a mask's rectangle has more pixels, only every second, third, ... row and column is used.
_MOST_PIXELS = 40_000
# Metres; nearer is no depth.
_NEAREST = 1e-3
# Pixels whose statistics stand for all.
_SAMPLE = 600
_FEW = 50


@dataclass(frozen=True, slots=True, eq=False)
class Crop:
    """Mask, depth and rays of every `step`-th pixel around a thing.

    Attributes:
        mask: uint8 [h, w], 255 on the thing.
        z: float32 [h, w], metres; 0 where unknown.
        known: uint8 [h, w], 255 where depth is.
        usable: uint8 [h, w], 255 where both are.
        x, y: float32 [h, w], of the rays at z = 1.
        left, top: of its first pixel in the image.
        step: pixels of the image per pixel.
        count: pixels of the mask.
        usable_count: those with depth.
        middle: metres, their median depth.
        pitch: metres between neighbouring pixels at that depth.
    """

    mask: NDArray[np.uint8]
    z: NDArray[np.float32]
    known: NDArray[np.uint8]
    usable: NDArray[np.uint8]
    x: NDArray[np.float32]
    y: NDArray[np.float32]
    left: int
    top: int
    step: int
    count: int
    usable_count: int
    middle: float
    pitch: float

    @classmethod
    def of(
        cls,
        crop: NDArray[np.bool_],
        origin: tuple[int, int],
        depth: NDArray[np.float32],
        rays: NDArray[np.float32],
        max_range: float,
    ) -> Crop | None:
        """Returns the part around a mask bool [h, w] that begins at x y; None if it is empty.

        Args:
            crop, origin: the mask.
            depth: float32 [H, W], metres; NaN, 0 or infinite where unknown.
            rays: float32 [2, H, W], x and y at z = 1.
            max_range: metres beyond which depth is taken as unknown.
        """
        if not crop.size:
            return None
        step = math.ceil(math.sqrt(crop.size / _MOST_PIXELS))
        left, top = (max(at - _MARGIN * step, 0) for at in origin)
        right = min(origin[0] + crop.shape[1] + _MARGIN * step, depth.shape[1])
        bottom = min(origin[1] + crop.shape[0] + _MARGIN * step, depth.shape[0])
        mask = np.zeros((bottom - top, right - left), np.uint8)
        y, x = origin[1] - top, origin[0] - left
        np.multiply(crop, np.uint8(255), out=mask[y : y + crop.shape[0], x : x + crop.shape[1]])
        part = slice(top, bottom, step), slice(left, right, step)
        if step > 1:
            mask = mask[::step, ::step].copy()
        # OpenCV takes no views with a step.
        seen = np.ascontiguousarray(depth[part])
        known = np.asarray(cv2.inRange(seen, _NEAREST, max_range), np.uint8)
        usable = np.asarray(cv2.bitwise_and(known, mask), np.uint8)
        z = np.asarray(cv2.copyTo(seen, known), np.float32)
        count = cv2.countNonZero(usable)
        middle = pitch = 0.0
        ray_x, ray_y = (np.ascontiguousarray(each[part]) for each in rays)
        if count:
            sample = sparse(z, _SAMPLE)[sparse(usable, _SAMPLE) != 0]
            if len(sample) < _FEW:
                sample = z[usable != 0]
            middle = median(sample)
            width, height = ray_x[-1, -1] - ray_x[0, 0], ray_y[-1, -1] - ray_y[0, 0]
            pitch = middle * float(width + height) / max(sum(mask.shape) - 2, 1)
        return cls(
            mask=mask,
            z=z,
            known=known,
            usable=usable,
            x=ray_x,
            y=ray_y,
            left=left,
            top=top,
            step=step,
            count=cv2.countNonZero(mask),
            usable_count=count,
            middle=middle,
            pitch=abs(pitch),
        )

    def pixels(self, chosen: NDArray[np.uint8]) -> NDArray[np.int32]:
        """Returns where the pixels of the crop that are not 0 in [h, w] are in it: [K, 2], x y."""
        found = cv2.findNonZero(chosen)
        if found is None:
            return np.zeros((0, 2), np.int32)
        return np.asarray(found, np.int32).reshape(-1, 2)

    def index(self, pixels: NDArray[np.int32]) -> NDArray[np.int64]:
        """Returns where pixels [K, 2] are in the crop's arrays when these are flat: int64 [K]."""
        index = pixels[:, 1].astype(np.int64)
        index *= self.mask.shape[1]
        index += pixels[:, 0]
        return index

    def points(
        self, index: NDArray[np.int64], distances: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Returns points through some of the crop's pixels: float32 [3, K].

        Args:
            index: which, int64 [K].
            distances: float32 [h, w], of all of them.
        """
        points = np.empty((3, len(index)), np.float32)
        z = points[2]
        distances.ravel().take(index, out=z, mode="clip")
        np.multiply(self.x.ravel()[index], z, out=points[0])
        np.multiply(self.y.ravel()[index], z, out=points[1])
        return points

    def in_image(self, pixels: NDArray[np.int32]) -> NDArray[np.int32]:
        """Returns pixels [K, 2] of the crop, at least one, as pixels of the image."""
        if self.step > 1:
            pixels = pixels * np.int32(self.step)
        # Quicker than numpy where rows are short.
        moved = cv2.add(pixels.reshape(-1, 1, 2), (self.left, self.top, 0, 0))
        return np.asarray(moved, np.int32).reshape(-1, 2)


def sparse(image: NDArray[Any], pixels: int) -> NDArray[Any]:
    """Returns about so many pixels of an image [h, w], on a regular grid: a view."""
    step = max(int(math.sqrt(image.size / pixels)), 1)
    return image[step // 2 :: step, step // 2 :: step]


def median(values: NDArray[np.float32]) -> float:
    """Returns the median of some values, the upper one of two; quicker than numpy's."""
    half = len(values) // 2
    return float(np.partition(values, half)[half])
