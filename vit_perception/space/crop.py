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
# Where a mask's rectangle has more pixels, boxes are made of every second or third row and column.
_PIXELS = 2500
_FEWEST = 400
_LARGEST_STEP = 4
NEAREST = 1e-3
"""Metres; nearer is no depth."""
_NEIGHBOURS = np.ones((3, 3), np.uint8)
# Pixels whose statistics stand for all.
_SAMPLE = 600
_FEW = 50


@dataclass(frozen=True, slots=True, eq=False)
class Crop:
    """Mask, depth and rays of every `step`-th pixel around a thing.

    Attributes:
        whole: uint8, the mask with all of its pixels, 255 on the thing.
        mask: uint8 [h, w], its `step`-th pixels.
        z: float32 [h, w], metres; 0 where unknown.
        own: float32 [h, w], that of the mask's pixels; 0 elsewhere.
        usable: uint8 [h, w], 255 where that is known.
        x, y: float32 [h, w], of the rays at z = 1.
        left, top: of the whole mask's first pixel in the image.
        step: pixels of the image per pixel.
        count: all pixels of the mask.
        usable_count: those of every `step`-th that have depth.
        middle: metres, their median depth.
        pitch: metres between neighbouring pixels at that depth.
    """

    whole: NDArray[np.uint8]
    mask: NDArray[np.uint8]
    z: NDArray[np.float32]
    own: NDArray[np.float32]
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
        count = int(np.count_nonzero(crop))
        # A slender thing in a large rectangle keeps enough pixels.
        step = round(math.sqrt(min(crop.size / _PIXELS, count / _FEWEST)))
        step = min(max(step, 1), _LARGEST_STEP)
        left, top = (max(at - _MARGIN * step, 0) for at in origin)
        right = min(origin[0] + crop.shape[1] + _MARGIN * step, depth.shape[1])
        bottom = min(origin[1] + crop.shape[0] + _MARGIN * step, depth.shape[0])
        whole = np.zeros((bottom - top, right - left), np.uint8)
        y, x = origin[1] - top, origin[0] - left
        np.multiply(crop, np.uint8(255), out=whole[y : y + crop.shape[0], x : x + crop.shape[1]])
        half = step // 2
        part = slice(top + half, bottom, step), slice(left + half, right, step)
        # OpenCV takes no views with a step.
        mask = np.ascontiguousarray(whole[half::step, half::step])
        seen = np.ascontiguousarray(depth[part])
        z = np.asarray(cv2.copyTo(seen, cv2.inRange(seen, NEAREST, max_range)), np.float32)
        own = np.asarray(cv2.copyTo(z, mask), np.float32)
        usable = np.asarray(cv2.inRange(own, NEAREST, max_range), np.uint8)
        usable_count = cv2.countNonZero(usable)
        middle = pitch = 0.0
        ray_x, ray_y = (np.ascontiguousarray(each[part]) for each in rays)
        if usable_count:
            sample = sparse(own, _SAMPLE)
            sample = sample[sample > 0]
            if len(sample) < _FEW:
                sample = own[own > 0]
            middle = median(sample)
            width, height = ray_x[-1, -1] - ray_x[0, 0], ray_y[-1, -1] - ray_y[0, 0]
            pitch = middle * float(width + height) / max(sum(mask.shape) - 2, 1)
        return cls(
            whole=whole,
            mask=mask,
            z=z,
            own=own,
            usable=usable,
            x=ray_x,
            y=ray_y,
            left=left,
            top=top,
            step=step,
            count=count,
            usable_count=usable_count,
            middle=middle,
            pitch=abs(pitch),
        )

    def with_depth(
        self, chosen: NDArray[np.uint8], depth: NDArray[np.float32], max_range: float
    ) -> NDArray[np.uint8]:
        """Returns the mask's pixels with depth where [h, w] is not 0: uint8 [h', w'].

        They are all pixels there, from the first one on, not every `step`-th.
        """
        if self.step > 1:
            height, width = self.whole.shape
            size = chosen.shape[1] * self.step, chosen.shape[0] * self.step
            larger = cv2.resize(chosen, size, interpolation=cv2.INTER_NEAREST)
            # Half a step at the right and the lower end may have no pixel of the crop.
            height, width = min(height, size[1]), min(width, size[0])
            seen = depth[self.top : self.top + height, self.left : self.left + width]
            own = cv2.copyTo(seen, self.whole[:height, :width])
            known = cv2.inRange(own, NEAREST, max_range)
            larger = cv2.bitwise_and(larger[:height, :width], known)
            chosen = np.asarray(larger, np.uint8)
        return chosen

    def pixels(self, chosen: NDArray[np.uint8]) -> NDArray[np.int32]:
        """Returns the places in the image of pixels of `with_depth`: int32 [K, 2], x y."""
        found = cv2.findNonZero(chosen)
        if found is None:
            return np.zeros((0, 2), np.int32)
        pixels = np.asarray(found, np.int32).reshape(-1, 2)
        # Both numbers of a pixel at once: several times as fast.
        pixels.view(np.int64)[...] += np.array([self.left, self.top], np.int32).view(np.int64)
        return pixels

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


def without_jumps(
    own: NDArray[np.float32], chosen: NDArray[np.uint8], limit: float
) -> NDArray[np.uint8]:
    """Returns the chosen pixels whose chosen neighbours all have about their depth: uint8 [h, w].

    Args:
        own: float32 [h, w], depth of the chosen pixels, 0 elsewhere.
        chosen: uint8 [h, w], 255 or 0.
        limit: metres between the nearest and the farthest one.
    """
    least = cv2.copyTo(own, chosen, np.full_like(own, 1e4))
    rise = cv2.subtract(cv2.dilate(own, _NEIGHBOURS), cv2.erode(least, _NEIGHBOURS))
    return np.asarray(cv2.bitwise_and(cv2.inRange(rise, -1e9, limit), chosen), np.uint8)


def sparse(image: NDArray[Any], pixels: int) -> NDArray[Any]:
    """Returns about so many pixels of an image [h, w], on a regular grid: a view."""
    step = max(int(math.sqrt(image.size / pixels)), 1)
    return image[step // 2 :: step, step // 2 :: step]


def median(values: NDArray[np.float32]) -> float:
    """Returns the median of some values, the upper one of two; quicker than numpy's."""
    half = len(values) // 2
    return float(np.partition(values, half)[half])
