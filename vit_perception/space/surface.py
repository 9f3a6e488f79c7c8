# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The visible surface of one thing: points from mask, depth and rays.

Pixels where depth jumps, and those along the outline, mix two surfaces and are not used. The
silhouette keeps its width all the same: such a pixel gets the mean depth of the good ones beside
it. The same mean, over 5 x 5 pixels, takes most of the noise out of what the box is made of.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vit_perception.space.objects import FEW_POINTS, NO_DEPTH, Plane
from vit_perception.space.settings import SpaceSettings

# Pixels around a mask that are looked at, for jumps of depth; half the mean's window and one.
_MARGIN = 3
_WINDOW = (5, 5)
SMOOTHING = 0.3
"""What is left of the noise after the mean; 0.2 if all 25 pixels were good and independent."""
_CROSS = np.ones((3, 3), np.uint8)
# Where there are more pixels in a crop, only every second, third, ... row and column is used.
_MOST_PIXELS = 40_000
# A jump is more than this much noise, and more than a surface 75 degrees from facing the camera
# falls within the three pixels that are compared.
_JUMP = 5.0
_STEEP = 7.5
# A part of the surface that jumps cut off belongs to the thing if it has this share of the
# largest part's pixels, or lies within its depths.
_PART = 0.15
# What lies this close to the support plane is taken for it: metres, and standard deviations of
# the smoothed noise; and the share that has to lie higher, else the thing itself is that flat.
_CLOSE, _CLOSE_NOISE = 0.003, 2.0
_FLAT = 0.35


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """The visible surface of a thing.

    Attributes:
        points: float32 [M, 3], as measured, in the optical frame.
        pixels: int32 [M, 2], x y of each in the image.
        smooth: float32 [K, 3], with less noise and with the outline.
        visible: 0..1, share of the mask's pixels that gave a point.
        pitch: metres between neighbouring pixels at the thing's distance.
        noise: metres; standard deviation of a measured distance.
        stands: whether it goes down to the support plane.
    """

    points: NDArray[np.float32]
    pixels: NDArray[np.int32]
    smooth: NDArray[np.float32]
    visible: float
    pitch: float
    noise: float
    stands: bool


def surface_of(
    crop: NDArray[np.bool_],
    origin: tuple[int, int],
    depth: NDArray[np.float32],
    rays: NDArray[np.float32],
    settings: SpaceSettings,
    support: Plane | None = None,
) -> Surface | str:
    """Returns the surface of a mask, or the cause (see LEFT_OUT) why there is none.

    Args:
        crop: bool [h, w].
        origin: x y of its first pixel in the image.
        depth: float32 [H, W], metres; NaN, 0 or infinite where unknown.
        rays: float32 [2, H, W], x and y at z = 1.
        settings: ranges, least points, noise.
        support: the plane that the thing stands on.
    """
    view = _View.of(crop, origin, depth)
    if view is None:
        return NO_DEPTH
    known: Any = cv2.inRange(view.depth, 1e-3, settings.max_range)
    usable: Any = cv2.bitwise_and(known, view.mask)
    distances = view.depth[usable != 0]
    if not len(distances):
        return NO_DEPTH
    if len(distances) * view.step**2 < settings.min_points:
        return FEW_POINTS
    sample = distances[:: -(-len(distances) // 300)]
    middle = float(np.median(sample))
    noise = settings.noise.sigma(middle)
    y0, x0, step = view.top, view.left, view.step
    height, width = view.mask.shape
    part = np.s_[:, y0 : y0 + height * step : step, x0 : x0 + width * step : step]
    x, y = rays[part]
    pitch = (
        middle
        * float(abs(x[-1, -1] - x[0, 0]) + abs(y[-1, -1] - y[0, 0]))
        / max(width + height - 2, 1)
    )
    z: Any = cv2.copyTo(view.depth, known)
    good = _good(view, z, known, usable, sample, middle, noise, pitch, settings)
    # Means over good pixels only; what has none in its window has no depth.
    weights: Any = (good != 0).astype(np.float32)
    total = cv2.boxFilter(z * weights, -1, _WINDOW, normalize=False, borderType=0)
    weights = cv2.boxFilter(weights, -1, _WINDOW, normalize=False, borderType=0)
    near = np.flatnonzero((weights > 0.5) & (view.mask != 0))
    if not len(near):
        return FEW_POINTS
    smooth = np.empty((3, len(near)), np.float32)
    np.divide(total.ravel()[near], weights.ravel()[near], out=smooth[2])
    np.multiply(x.ravel()[near], smooth[2], out=smooth[0])
    np.multiply(y.ravel()[near], smooth[2], out=smooth[1])
    good = good.ravel()[near] != 0
    stands = False
    if support is not None:
        heights = support.normal.astype(np.float32) @ smooth + np.float32(support.offset)
        limit = _CLOSE + _CLOSE_NOISE * SMOOTHING * noise
        high = heights > limit
        higher = np.count_nonzero(high)
        stands = bool(higher < len(high) and _reaches(heights, high, limit, pitch))
        if higher >= _FLAT * len(high) and np.count_nonzero(high & good):
            near, smooth, good = near[high], smooth[:, high], good[high]
    if not good.any():
        return FEW_POINTS
    # As measured.
    index = near[good]
    z = z.ravel()[index]
    points = np.stack([x.ravel()[index] * z, y.ravel()[index] * z, z], axis=1)
    if len(points) * step**2 < settings.min_points:
        return FEW_POINTS
    pixels = np.empty((len(index), 2), np.int32)
    pixels[:, 1], pixels[:, 0] = np.divmod(index, width)
    pixels *= step
    pixels += (x0, y0)
    visible = min(len(points) / max(cv2.countNonZero(view.mask), 1), 1.0)
    return Surface(points, pixels, smooth.T, visible, pitch, noise, stands)


def _reaches(
    heights: NDArray[np.float32], high: NDArray[np.bool_], limit: float, pitch: float
) -> bool:
    """Returns whether the surface goes on down to what lies close to the plane."""
    above = heights[high]
    return not len(above) or bool(np.count_nonzero(above < limit + 3 * pitch) >= 4)


@dataclass(frozen=True, slots=True, eq=False)
class _View:
    """The part of an image around a mask: uint8 [h, w] and float32 [h, w] of every step-th."""

    mask: NDArray[np.uint8]
    depth: NDArray[np.float32]
    left: int
    top: int
    step: int

    @classmethod
    def of(
        cls, crop: NDArray[np.bool_], origin: tuple[int, int], depth: NDArray[np.float32]
    ) -> _View | None:
        if not crop.size:
            return None
        step = int(np.ceil(np.sqrt(crop.size / _MOST_PIXELS)))
        left, top = (max(at - _MARGIN * step, 0) for at in origin)
        right = min(origin[0] + crop.shape[1] + _MARGIN * step, depth.shape[1])
        bottom = min(origin[1] + crop.shape[0] + _MARGIN * step, depth.shape[0])
        mask = np.zeros((bottom - top, right - left), np.uint8)
        y, x = origin[1] - top, origin[0] - left
        np.multiply(crop, np.uint8(255), out=mask[y : y + crop.shape[0], x : x + crop.shape[1]])
        part = depth[top:bottom, left:right]
        if step > 1:
            mask, part = mask[::step, ::step].copy(), part[::step, ::step]
        # OpenCV takes no views with a step.
        return cls(mask, np.ascontiguousarray(part), left, top, step)


def _good(
    view: _View,
    z: NDArray[np.float32],
    known: NDArray[np.uint8],
    usable: NDArray[np.uint8],
    sample: NDArray[np.float32],
    middle: float,
    noise: float,
    pitch: float,
    settings: SpaceSettings,
) -> NDArray[np.uint8]:
    """Returns the pixels of a mask, 255 or 0, whose depth is that of the thing's surface."""
    # Where depth is unknown, there is no jump.
    least = cv2.copyTo(z, known, np.full_like(z, 1e4))
    rise = cv2.dilate(z, _CROSS) - cv2.erode(least, _CROSS)
    steady = cv2.inRange(rise, -1e9, _JUMP * noise + _STEEP * pitch)
    inner: Any = view.mask
    if settings.edge_pixels:
        inner = cv2.erode(inner, _CROSS, iterations=max(settings.edge_pixels // view.step, 1))
    # What is farther from the middle than the thing is large is another thing.
    spread = 4.5 * float(np.median(np.abs(sample - middle)))
    reach = spread + _JUMP * noise + pitch * sum(view.mask.shape)
    good: Any = cv2.inRange(z, max(middle - reach, 1e-3), middle + reach)
    good = cv2.bitwise_and(good, usable)
    fewest = max(settings.min_points / view.step**2, 0.2 * cv2.countNonZero(usable))
    for check in (inner, steady):
        stricter = cv2.bitwise_and(good, check)
        # Of a thing too thin for this, everything is used.
        if cv2.countNonZero(stricter) >= fewest:
            good = stricter
    if cv2.countNonZero(steady) < steady.size:
        good = _connected(good, z, noise)
    return good


def _connected(good: NDArray[np.uint8], z: NDArray[np.float32], noise: float) -> NDArray[np.uint8]:
    """Returns the largest connected part and those that belong to it."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        good, connectivity=8, ltype=cv2.CV_16U
    )
    if count <= 2:
        return good
    areas = stats[:, cv2.CC_STAT_AREA]
    areas[0] = 0
    largest = int(np.argmax(areas))
    depths = z[labels == largest]
    low, high = float(depths.min()) - _JUMP * noise, float(depths.max()) + _JUMP * noise
    within = cv2.bitwise_and(good, cv2.inRange(z, low, high))
    kept = areas >= _PART * areas[largest]
    chosen = kept.astype(np.uint8)[labels]
    return np.asarray(np.where(chosen > 0, good, within), np.uint8)
