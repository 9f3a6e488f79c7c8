# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Which pixels of a mask have the depth of the thing itself."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vit_perception.space.crop import Crop, without_jumps

_NEIGHBOURS = np.ones((3, 3), np.uint8)
# A jump is more than this much noise, and more than a surface 81 degrees from facing the camera
# falls within the three pixels that are compared.
_JUMP = 4.0
_STEEP = 13.0
# A part of the surface that jumps cut off belongs to the thing if so many of its pixels have all
# their neighbours in it, or lie so many pixels of the image from the largest part, as those of a
# handle do, and at most so many metres before or behind it; or if it lies within its depths.
_PART, _AWAY, _REACH = 4, 8, 0.12


def own_pixels(view: Crop, edge_pixels: int, noise: float, fewest: float) -> NDArray[np.uint8]:
    """Returns the pixels whose depth is that of the thing's surface: uint8 [h, w], 255 or 0.

    Not those along the mask's outline, at jumps of depth, and beyond such jumps.

    Args:
        view: the thing.
        edge_pixels: width of that outline, in pixels of the image.
        noise: standard deviation of a distance, in metres.
        fewest: where less would be left, all are kept.
    """
    # Only jumps within the mask count.
    steady = without_jumps(view.own, view.usable, _JUMP * noise + _STEEP * view.pitch)
    good: Any = view.usable
    fewest = max(fewest, 0.2 * view.usable_count)
    for check in (_inner(view.mask, -(-edge_pixels // view.step)), steady):
        stricter = cv2.bitwise_and(good, check)
        # Of a thing too small for this, everything is used.
        if cv2.countNonZero(stricter) >= fewest:
            good = stricter
    if cv2.countNonZero(steady) < view.usable_count:
        good = _connected(good, view.z, noise, -(-_AWAY // view.step))
    return np.asarray(good, np.uint8)


def _inner(mask: NDArray[np.uint8], pixels: int) -> NDArray[np.uint8]:
    """Returns a mask without its outline; what is thinner than two outlines keeps it."""
    if not pixels:
        return mask
    inner = cv2.erode(mask, _NEIGHBOURS, iterations=pixels)
    thick = cv2.dilate(inner, _NEIGHBOURS, iterations=pixels)
    return np.asarray(cv2.bitwise_or(inner, cv2.subtract(mask, thick)), np.uint8)


def _connected(
    steady: NDArray[np.uint8], z: NDArray[np.float32], noise: float, away: int
) -> NDArray[np.uint8]:
    """Returns the largest connected part and those that belong to it: uint8 [h, w], 255 or 0.

    Args:
        steady: what is not at a jump.
        z: float32 [h, w], metres.
        noise: standard deviation of a distance, in metres.
        away: pixels by which a loose mask does not reach over the thing.
    """
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        steady, connectivity=8, ltype=cv2.CV_16U
    )
    if count <= 2:
        return steady
    areas = stats[:, cv2.CC_STAT_AREA]
    areas[0] = 0
    largest = int(np.argmax(areas))
    low, high, _, _ = cv2.minMaxLoc(z, (labels == largest).view(np.uint8))
    own = cv2.bitwise_and(steady, cv2.inRange(z, low - _JUMP * noise, high + _JUMP * noise))
    # What a loose mask takes from another thing is a strip along it; a part of its own has an
    # inside, or leads away from it.
    around = cv2.dilate((labels == largest).view(np.uint8), _NEIGHBOURS, iterations=away)
    leads = (cv2.inRange(z, low - _REACH, high + _REACH) > 0) & (around == 0)
    parts = np.zeros(count, np.bool_)
    for chosen in (cv2.erode(steady, _NEIGHBOURS) > 0, leads):
        parts |= np.bincount(labels[chosen], minlength=count) >= _PART
    parts[0] = False
    for label in np.flatnonzero(parts).tolist():
        if label != largest:
            own[labels == label] = 255
    return np.asarray(own, np.uint8)
