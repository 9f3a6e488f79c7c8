# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Which way a footprint on a plane lies."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

# A hull that fills so much of its smallest rectangle is one.
_FILLED = 0.9
# The smallest rectangle of a pan with its handle leans to one side, and its mirror image is as
# small: noise would choose between them. Where the mirrored one is at most so much larger and the
# two are apart, in radians, the one between them is taken, if it is not much larger either.
_TIED, _BETWEEN = 1.05, 1.25
_APART = (math.radians(2.0), math.radians(40.0))


def rectangle_angle(hull: NDArray[np.float32]) -> float:
    """Returns the direction of a side of the rectangle around a convex hull, in radians.

    It is the smallest one (Freeman and Shapira, CACM 1975); where that has a mirror image across
    the principal axis that is hardly larger, the one along that axis.

    Args:
        hull: float32 [K, 1, 2], as cv2.convexHull gives it.
    """
    _, (width, height), degrees = cv2.minAreaRect(hull)
    angle, smallest = math.radians(degrees), float(width * height)
    moments: Any = cv2.moments(hull)
    if smallest <= 0 or moments["m00"] >= _FILLED * smallest:
        return angle
    axis = 0.5 * math.atan2(2 * moments["mu11"], moments["mu20"] - moments["mu02"])
    # Sides are alike modulo a right angle.
    lean = (angle - axis + math.pi / 4) % (math.pi / 2) - math.pi / 4
    if not _APART[0] < abs(lean) < _APART[1]:
        return angle
    turns = np.array([axis - lean, axis])
    directions = np.stack([np.cos(turns), np.sin(turns), -np.sin(turns), np.cos(turns)])
    along = directions.T.reshape(4, 2).astype(np.float32) @ hull[:, 0].T
    sides = (along.max(axis=1) - along.min(axis=1)).reshape(2, 2)
    mirrored, between = (sides[:, 0] * sides[:, 1]).tolist()
    tied = mirrored <= _TIED * smallest and between <= _BETWEEN * smallest
    return axis if tied else angle
