# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""How certain a box is: covariances of its centre and of its rotation."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from vit_perception.space.objects import Plane
from vit_perception.space.smoothing import SMOOTHING
from vit_perception.space.surface import Surface

# Yaw that is tried to see whether another one fits as well: a right angle, from the best on.
_TURNS = np.radians(np.arange(0.0, 90.0, 5.0))
_TURNED = np.concatenate(
    [
        np.stack([np.cos(_TURNS), np.sin(_TURNS)], axis=1),
        np.stack([-np.sin(_TURNS), np.cos(_TURNS)], axis=1),
    ]
).astype(np.float32)
# The same, as -45 to 45 degrees.
_OFF = (_TURNS + math.pi / 4) % (math.pi / 2) - math.pi / 4
# Nothing is known about an angle with this variance: all of -90 to 90 degrees are alike.
_UNKNOWN_ANGLE = math.pi**2 / 12
# How much of a smoothed point's noise is left in an end of the box, and by how many pixels the
# end of a silhouette is off; so that errors against rendered scenes are as large as said.
_END_NOISE, _END_PIXELS = 2.0, 0.7
# Tilt in radians of a plane that came without points; and how far apart in metres points of a
# fitted one are taken to lie.
_TILT, _PLANE_SPREAD = 0.01, 0.15


def centre_covariance(surface: Surface, centre: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns the covariance of a box's centre: float64 [3, 3], m².

    Depth is off along the ray to the thing, the outline across it too.
    """
    # The centre lies between two ends.
    return _end_covariance(surface, centre) / 2


def standing_turns(
    surface: Surface,
    support: Plane,
    rotation: NDArray[np.float64],
    size: NDArray[np.float64],
    hull: NDArray[np.floating],
) -> NDArray[np.float64]:
    """Returns the covariance of the rotation of a box on a plane: float64 [3, 3], rad².

    Args:
        surface: of the thing.
        support: the plane.
        rotation, size: of the box, the longer side first.
        hull: [2, N], the footprint's, along the box's sides.
    """
    off = _off(surface)
    yaw = _yaw_variance(hull, float(size[0]), float(size[1]), off)
    tilt = support.sigma / math.sqrt(support.inliers) / _PLANE_SPREAD if support.inliers else _TILT
    variances = np.array([tilt**2, tilt**2, yaw])
    return np.asarray((rotation * variances) @ rotation.T, np.float64)


def free_turns(
    surface: Surface, rotation: NDArray[np.float64], spread: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Returns the covariance of the rotation of a box along principal axes: [3, 3], rad².

    Args:
        surface: of the thing.
        rotation: of the box.
        spread: [3], variances of the points along its axes, m².
    """
    off = _off(surface) ** 2
    variances = np.empty(3)
    for axis in range(3):
        # Two axes turn the more freely the less their spreads differ.
        a, b = spread[(axis + 1) % 3], spread[(axis + 2) % 3]
        variances[axis] = min(off * (a + b) / max((a - b) ** 2, 1e-18), _UNKNOWN_ANGLE)
    return np.asarray((rotation * variances) @ rotation.T, np.float64)


def _end_covariance(surface: Surface, centre: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns the covariance of an end of the box: float64 [3, 3]."""
    ray = centre / math.sqrt(centre @ centre)
    deep = (_END_NOISE * SMOOTHING * surface.noise) ** 2
    wide = (_END_PIXELS * surface.pitch) ** 2
    return np.asarray(deep * np.outer(ray, ray) + wide * np.eye(3), np.float64)


def _off(surface: Surface) -> float:
    """Returns the standard deviation of an end of the box in no direction in particular."""
    return math.hypot(
        SMOOTHING * _END_NOISE * surface.noise / math.sqrt(3), _END_PIXELS * surface.pitch
    )


def _yaw_variance(hull: NDArray[np.floating], longer: float, shorter: float, off: float) -> float:
    """Returns the variance of a rectangle's direction, in rad².

    Args:
        hull: [2, N], along its sides.
        longer, shorter: its sides in metres.
        off: metres; standard deviation of the ends of a side.
    """
    widths = np.ptp(_TURNED @ hull.astype(np.float32), axis=1).astype(np.float64)
    areas = widths[: len(_TURNS)] * widths[len(_TURNS) :]
    scale = off * (longer + shorter)
    weights = np.exp(-0.5 * ((areas - areas[0]) / scale) ** 2)
    variance = float(weights @ _OFF**2 / weights.sum())
    # Either end of the longer side may be off.
    variance += 2 * (off / longer) ** 2
    # The longer side may be the other one.
    swapped = 0.5 * math.erfc((longer - shorter) / (2 * off))
    variance += swapped * (1 - swapped) * (math.pi / 2) ** 2
    return min(variance, _UNKNOWN_ANGLE)
