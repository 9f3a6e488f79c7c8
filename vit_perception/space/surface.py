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

from vit_perception.space.crop import Crop
from vit_perception.space.objects import FEW_POINTS, NO_DEPTH, Plane
from vit_perception.space.settings import SpaceSettings

_WINDOW = (5, 5)
SMOOTHING = 0.25
"""What is left of the noise after the mean; 0.2 if all 25 pixels were good and independent."""
_NEIGHBOURS = np.ones((3, 3), np.uint8)
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
# Pixels whose statistics stand for all.
_SAMPLE = 300
# Of the points inside the outline, every so many-th is enough for the footprint.
_SPARSE = 8


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """The visible surface of a thing.

    Attributes:
        points: float32 [M, 3], as measured, in the optical frame.
        pixels: int32 [M, 2], x y of each in the image.
        smooth: float32 [3, K], with less noise and with the outline.
        rim: int64 [R], those of `smooth` that its footprint's hull needs.
        visible: 0..1, share of the mask's pixels that gave a point.
        pitch: metres between neighbouring pixels at the thing's distance.
        noise: metres; standard deviation of a distance, as the sensor is known.
        scatter: the same as found here.
        stands: whether it goes down to the support plane.
    """

    points: NDArray[np.float32]
    pixels: NDArray[np.int32]
    smooth: NDArray[np.float32]
    rim: NDArray[np.int64]
    visible: float
    pitch: float
    noise: float
    scatter: float
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
    view = Crop.of(crop, origin, depth, rays, settings.max_range)
    if view is None or not view.usable_count:
        return NO_DEPTH
    fewest = settings.min_points / view.step**2
    if view.usable_count < fewest:
        return FEW_POINTS
    noise = settings.noise.sigma(view.middle)
    inner = _inner(view, settings.edge_pixels)
    good = _good(view, inner, noise, fewest)
    index, distances = _smoothed(view, good)
    if not len(index):
        return FEW_POINTS
    smooth = view.points(index, distances)
    measured = good.ravel()[index] != 0
    stands = False
    if support is not None:
        heights = support.normal.astype(np.float32) @ smooth + np.float32(support.offset)
        limit = over_support(noise)
        high = heights > limit
        higher = np.count_nonzero(high)
        if higher < len(high):
            # It goes on, pixel by pixel, down to what was taken for the plane.
            stands = np.count_nonzero(heights < limit + 3 * view.pitch) - len(high) + higher >= 4
            if higher >= _FLAT * len(high):
                index, smooth, measured = index[high], smooth[:, high], measured[high]
            else:
                stands = False
    chosen = np.flatnonzero(measured)
    if len(chosen) < max(fewest, 1):
        return FEW_POINTS
    own = index[chosen]
    raw = view.z.ravel()[own]
    some = slice(None, None, -(-len(chosen) // _SAMPLE))
    scatter = 1.5 * float(np.median(np.abs(raw[some] - smooth[2, chosen[some]])))
    outline = inner.ravel()[index] == 0
    outline[::_SPARSE] = True
    return Surface(
        points=view.points(own, raw).T,
        pixels=view.pixels(own),
        smooth=smooth,
        rim=np.flatnonzero(outline),
        visible=len(own) / view.count,
        pitch=view.pitch,
        noise=noise,
        scatter=scatter,
        stands=stands,
    )


def over_support(noise: float) -> float:
    """Returns the height over the support plane from which on a smoothed surface is a thing's.

    Args:
        noise: standard deviation of a measured distance, in metres as is the result.
    """
    return _CLOSE + _CLOSE_NOISE * SMOOTHING * noise


def _inner(view: Crop, pixels: int) -> NDArray[np.uint8]:
    """Returns a mask without its outline."""
    eroded: Any = view.mask
    if pixels:
        eroded = cv2.erode(view.mask, _NEIGHBOURS, iterations=max(pixels // view.step, 1))
    return np.asarray(eroded)


def _good(view: Crop, inner: NDArray[np.uint8], noise: float, fewest: float) -> NDArray[np.uint8]:
    """Returns the pixels, 255 or 0, whose depth is that of the thing's surface."""
    # Where depth is unknown, there is no jump.
    least = cv2.copyTo(view.z, view.known, np.full_like(view.z, 1e4))
    rise = cv2.dilate(view.z, _NEIGHBOURS)
    rise = cv2.subtract(rise, cv2.erode(least, _NEIGHBOURS))
    steady = cv2.inRange(rise, -1e9, _JUMP * noise + _STEEP * view.pitch)
    # What is farther from the middle than the thing is large is another thing.
    reach = 4.5 * view.spread + _JUMP * noise + view.pitch * sum(view.mask.shape)
    good: Any = cv2.inRange(view.z, max(view.middle - reach, 1e-3), view.middle + reach)
    good = cv2.bitwise_and(good, view.usable)
    fewest = max(fewest, 0.2 * view.usable_count)
    for check in (inner, steady):
        stricter = cv2.bitwise_and(good, check)
        # Of a thing too thin for this, everything is used.
        if cv2.countNonZero(stricter) >= fewest:
            good = stricter
    if cv2.countNonZero(steady) < steady.size:
        good = _connected(good, view.z, noise)
    return np.asarray(good)


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
    chosen = (areas >= _PART * areas[largest])[labels]
    return np.asarray(np.where(chosen, good, within), np.uint8)


def _smoothed(
    view: Crop, good: NDArray[np.uint8]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Returns the mask's pixels with good ones around, [K], and the means of these [K].

    Means are of what is left over a paraboloid, so that those along the outline, which have good
    pixels on one side only, follow the slope.
    """
    trend = _trend(view, good)
    weights: Any = (good != 0).astype(np.float32)
    total: Any = view.z - trend
    total *= weights
    total = cv2.boxFilter(total, -1, _WINDOW, normalize=False, borderType=cv2.BORDER_CONSTANT)
    weights = cv2.boxFilter(weights, -1, _WINDOW, normalize=False, borderType=cv2.BORDER_CONSTANT)
    near = cv2.bitwise_and(cv2.inRange(weights, 0.5, 100.0), view.mask)
    index = np.flatnonzero(near)
    means = total.ravel()[index]
    means /= weights.ravel()[index]
    means += trend.ravel()[index]
    return index, means


def _trend(view: Crop, good: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Returns the paraboloid closest to the depth of good pixels: float32 [h, w]."""
    height, width = good.shape
    index = np.flatnonzero(good)
    index = index[:: -(-len(index) // _SAMPLE)]
    v, u = np.divmod(index, width)
    v, u = v / height - 0.5, u / width - 0.5
    rows = np.stack([np.ones_like(u), u, v, u * u, u * v, v * v])
    z = view.z.ravel()[index] - view.middle
    square = rows @ rows.T
    # Keeps it level across what is thin.
    square.ravel()[7::7] += 1e-3 * len(index)
    a, b, c, d, e, f = np.linalg.solve(square, rows @ z).astype(np.float32).tolist()
    x = np.arange(width, dtype=np.float32) / width - np.float32(0.5)
    y = np.arange(height, dtype=np.float32)[:, None] / height - np.float32(0.5)
    trend: NDArray[np.float32] = y * (e * x)
    trend += (d * x + b) * x + (a + view.middle)
    trend += (f * y + c) * y
    return trend
