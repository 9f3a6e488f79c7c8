# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The part of a depth image around one mask."""

from __future__ import annotations

import math
from dataclasses import dataclass

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
_SAMPLE = 300


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
        spread: metres, the median distance from that.
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
    spread: float
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
        index = np.flatnonzero(usable)
        middle = spread = pitch = 0.0
        ray_x, ray_y = rays[0][part], rays[1][part]
        if len(index):
            sample = z.ravel()[index[:: -(-len(index) // _SAMPLE)]]
            middle = float(np.median(sample))
            spread = float(np.median(np.abs(sample - middle)))
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
            usable_count=len(index),
            middle=middle,
            spread=spread,
            pitch=abs(pitch),
        )

    def points(
        self, index: NDArray[np.int64], distances: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Returns the points at distances [K] through pixels [K] of the crop: float32 [3, K]."""
        points = np.empty((3, len(index)), np.float32)
        np.multiply(self.x.ravel()[index], distances, out=points[0])
        np.multiply(self.y.ravel()[index], distances, out=points[1])
        points[2] = distances
        return points

    def pixels(self, index: NDArray[np.int64]) -> NDArray[np.int32]:
        """Returns where pixels [K] of the crop are in the image: int32 [K, 2], x y."""
        found = np.empty((len(index), 2), np.int32)
        rows, columns = np.divmod(index, self.mask.shape[1])
        np.multiply(columns, self.step, out=found[:, 0], casting="unsafe")
        np.multiply(rows, self.step, out=found[:, 1], casting="unsafe")
        found += (self.left, self.top)
        return found
