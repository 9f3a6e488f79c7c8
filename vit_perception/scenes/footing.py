# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Places a hull (float64 [N,3], metres, in its own frame) on a plane, standing or lying."""

from __future__ import annotations

import cv2
import numpy as np

from vit_perception.scenes.poses import rotation, turn
from vit_perception.scenes.settle import Body

UP = (0.0, 0.0, 1.0)
GAP_M = 0.006
"""Gap between neighbouring objects."""
TOUCH_M = 0.0003
"""Objects are put down with this much air, so that contacts begin without a push."""
THINNEST_M = 0.008
"""Thinner objects slip off one another."""


def standing(
    hull: np.ndarray, x: float, y: float, quaternion: np.ndarray, floor: float = 0.0
) -> Body:
    """Returns the body with its middle over x, y and its lowest point at `floor`, metres."""
    corners = hull @ rotation(quaternion).T
    low, high = corners.min(axis=0), corners.max(axis=0)
    position = np.array([x, y, floor + TOUCH_M]) - [*((low + high)[:2] / 2), low[2]]
    return Body(hull, position, quaternion)


def outline(body: Body) -> np.ndarray:
    """Returns the body's rectangle on the table with a gap around, float32 [4,2] metres."""
    corners = (body.hull @ rotation(body.quaternion).T + body.position)[:, :2]
    middle, size, angle = cv2.minAreaRect(corners.astype(np.float32))
    return cv2.boxPoints((middle, (size[0] + GAP_M, size[1] + GAP_M), angle))


def footprint(hull: np.ndarray) -> float:
    """Returns the area of its largest side, square metres."""
    size = np.sort(np.ptp(hull, axis=0))
    return float(size[1] * size[2])


def lies_flat(hull: np.ndarray) -> bool:
    """Returns whether something can stand on it if it lies on its largest side."""
    size = np.sort(np.ptp(hull, axis=0))
    if size[0] < THINNEST_M or size[1] < 0.3 * size[2]:
        return False
    upright = np.ptp(hull, axis=0)
    as_it_stands = upright[2] < 0.55 * min(upright[:2])
    full = cv2.contourArea(cv2.convexHull(hull[:, :2].astype(np.float32)))
    box_like = full > 0.9 * upright[0] * upright[1] and size[0] < 0.8 * size[1]
    return bool(as_it_stands or box_like)


def flattest(hull: np.ndarray) -> np.ndarray:
    """Returns the turn that lays the object on its largest side."""
    axis = int(np.argmin(np.ptp(hull, axis=0)))
    if axis == 2:
        return turn(UP, 0.0)
    return turn((1.0, 0.0, 0.0), 90.0) if axis == 1 else turn((0.0, 1.0, 0.0), 90.0)


def turned_size(hull: np.ndarray, degrees: float) -> np.ndarray:
    """Returns the x, y, z extent float64 [3], metres, after a turn about the upright axis."""
    size: np.ndarray = np.ptp(hull @ rotation(turn(UP, degrees)).T, axis=0)
    return size
