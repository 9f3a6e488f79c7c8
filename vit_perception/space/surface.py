# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The visible surface of one thing: points from mask, depth and rays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vit_perception.space.crop import Crop
from vit_perception.space.objects import FEW_POINTS, NO_DEPTH, Plane
from vit_perception.space.own_pixels import own_pixels
from vit_perception.space.settings import SpaceSettings
from vit_perception.space.smoothing import SMOOTHING, smoothed

_NEIGHBOURS = np.ones((3, 3), np.uint8)
# What lies this close to the support plane is taken for it: metres, and standard deviations of
# the smoothed noise; and the share that has to lie higher, else the thing itself is that flat.
_CLOSE, _CLOSE_NOISE = 0.003, 2.0
# What is left of the noise after a median of nine.
_MEDIAN_NOISE = 0.41
# The share that has to lie higher than single pixels' noise, for these to be told apart.
_CLEAR = 0.55
# Pixels near the plane, and over it next to them, that make a thing stand on it.
_TOUCHING = 4
# How far depth along the outline may be from that inside: standard deviations of noise, and
# pixels sideways.
_FALL_NOISE, _FALL = 3.0, 8.0
# Of the pixels inside the outline, every so many-th row and column is enough for the box.
_SPARSE = 4


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """The visible surface of a thing.

    Attributes:
        points: float32 [M, 3], as measured, in the optical frame; none where not wanted.
        pixels: int32 [M, 2], x y of each in the image.
        count: how many there are, wanted or not.
        smooth: float32 [3, K], with less noise; all of the outline and some inside.
        visible: 0..1, share of the mask's pixels that gave a point.
        pitch: metres between neighbouring pixels at the thing's distance.
        hidden: metres by which an outline may lie farther out, as not all pixels were used.
        noise: metres; standard deviation of a distance.
        stands: whether it goes down to the support plane.
    """

    points: NDArray[np.float32]
    pixels: NDArray[np.int32]
    count: int
    smooth: NDArray[np.float32]
    visible: float
    pitch: float
    hidden: float
    noise: float
    stands: bool


def surface_of(
    crop: NDArray[np.bool_],
    origin: tuple[int, int],
    depth: NDArray[np.float32],
    rays: NDArray[np.float32],
    settings: SpaceSettings,
    support: Plane | None = None,
    *,
    measured: bool = True,
) -> Surface | str:
    """Returns the surface of a mask, or the cause (see LEFT_OUT) why there is none.

    Args:
        crop: bool [h, w].
        origin: x y of its first pixel in the image.
        depth: float32 [H, W], metres; NaN, 0 or infinite where unknown.
        rays: float32 [2, H, W], x and y at z = 1.
        settings: range, outlines, least points, noise.
        support: the plane that the thing stands on.
        measured: whether its points are wanted too, not the box alone.
    """
    view = Crop.of(crop, origin, depth, rays, settings.max_range)
    if view is None or not view.usable_count:
        return NO_DEPTH
    fewest = settings.min_points / view.step**2
    noise = settings.noise.sigma(view.middle)
    good = own_pixels(view, settings.edge_pixels, noise, fewest)
    reach = _FALL_NOISE * noise + _FALL * view.pitch
    stands = False
    if support is None:
        smooth, region = smoothed(view, good, view.mask, reach)
    else:
        good, smooth, region, stands = _standing(view, good, support, noise, reach)
    own = np.asarray(cv2.bitwise_and(good, region), np.uint8)
    seen = view.with_depth(own, depth, settings.max_range)
    count = cv2.countNonZero(seen)
    if count < settings.min_points:
        return FEW_POINTS
    pixels = view.pixels(seen) if measured else np.zeros((0, 2), np.int32)
    # All along the outline, and a grid inside.
    outline = cv2.subtract(region, cv2.erode(region, _NEIGHBOURS))
    outline[::_SPARSE, ::_SPARSE] = region[::_SPARSE, ::_SPARSE]
    sparse = np.flatnonzero(outline.ravel() > 0)
    return Surface(
        points=_points(pixels, depth, rays),
        pixels=pixels,
        count=count,
        smooth=view.points(sparse, smooth),
        visible=count / view.count,
        pitch=view.pitch,
        hidden=view.pitch * (view.step - 1) / (4 * view.step),
        noise=noise,
        stands=stands,
    )


def _points(
    pixels: NDArray[np.int32], depth: NDArray[np.float32], rays: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Returns the points of pixels [K, 2]: float32 [K, 3]."""
    index = pixels[:, 1].astype(np.int64)
    index *= depth.shape[1]
    index += pixels[:, 0]
    points = np.empty((3, len(index)), np.float32)
    z = points[2]
    depth.ravel().take(index, out=z, mode="clip")
    np.multiply(rays[0].ravel()[index], z, out=points[0])
    np.multiply(rays[1].ravel()[index], z, out=points[1])
    result: NDArray[np.float32] = points.T
    return result


def over_support(noise: float) -> float:
    """Returns the height over the support plane from which on a smoothed surface is a thing's.

    Args:
        noise: standard deviation of a measured distance, in metres as is the result.
    """
    return _CLOSE + _CLOSE_NOISE * SMOOTHING * noise


def _standing(
    view: Crop, good: NDArray[np.uint8], support: Plane, noise: float, reach: float
) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.uint8], bool]:
    """Returns good pixels, means and region as `smoothed`, without the support plane.

    A thing that hardly rises over it keeps all of its pixels. The last result says whether the
    thing goes down to the plane, as what is flat does.
    """
    a, b, c = support.normal.tolist()
    # Metres over the plane per metre of depth, from the camera's own height on.
    gain = cv2.addWeighted(view.x, a, view.y, b, c)
    # The middle one of nine keeps edges, and has less noise than each.
    limit = _CLOSE + _CLOSE_NOISE * _MEDIAN_NOISE * noise
    low = cv2.inRange(cv2.medianBlur(view.z, 3) * gain, -1e3, limit - support.offset)
    low = cv2.bitwise_and(low, view.usable)
    mask: Any = view.mask
    rising = cv2.subtract(good, low)
    clear = cv2.countNonZero(rising) >= _CLEAR * cv2.countNonZero(good)
    if clear:
        # Else means would mix the table into the thing's lower end.
        good, mask = np.asarray(rising, np.uint8), cv2.subtract(mask, low)
    smooth, region = smoothed(view, good, np.asarray(mask, np.uint8), reach)
    if not clear:
        return good, smooth, region, True
    heights = smooth * gain
    high = cv2.inRange(heights, over_support(noise) - support.offset, 1e3)
    region = np.asarray(cv2.bitwise_and(region, high), np.uint8)
    # It goes on, pixel by pixel, down to what was taken for the plane.
    lowest = cv2.inRange(heights, -1e3, limit + 3 * view.pitch - support.offset)
    lowest = cv2.bitwise_and(region, lowest)
    stands = min(cv2.countNonZero(low), cv2.countNonZero(lowest)) >= _TOUCHING
    return good, smooth, region, stands
