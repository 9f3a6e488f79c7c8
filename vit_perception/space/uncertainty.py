# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""How certain a box is: covariances of its centre and of its rotation."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import erfc

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


def centre_covariances(
    surfaces: Sequence[Surface], centres: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Returns the covariances of boxes' centres: float64 [N, 3, 3], m².

    Depth is off along the ray to the thing, the outline across it too.
    """
    noise, pitch = _noise_and_pitch(surfaces)
    rays = centres / np.linalg.norm(centres, axis=1, keepdims=True)
    deep = (_END_NOISE * SMOOTHING * noise) ** 2
    wide = (_END_PIXELS * pitch) ** 2
    ends = deep[:, None, None] * (rays[:, :, None] * rays[:, None, :])
    ends += wide[:, None, None] * np.eye(3)
    # The centre lies between two ends.
    return np.asarray(ends / 2, np.float64)


def standing_turns(
    surfaces: Sequence[Surface],
    support: Plane,
    sizes: NDArray[np.float64],
    rotations: NDArray[np.float64],
    turns: NDArray[np.float64],
    hulls: Sequence[NDArray[np.float32]],
) -> NDArray[np.float64]:
    """Returns the covariances of rotations of boxes on a plane: float64 [N, 3, 3], rad².

    Args:
        surfaces: that the boxes are of.
        support: the plane.
        sizes: float64 [N, 3], the longer side first.
        rotations: float64 [N, 3, 3].
        turns: float64 [N, 2, 2], the sides' directions on the plane, one a row.
        hulls: N times float32 [2, K], the footprints' on the plane.
    """
    tilt = support.sigma / math.sqrt(support.inliers) / _PLANE_SPREAD if support.inliers else _TILT
    variances = np.full((len(surfaces), 3), tilt**2)
    variances[:, 2] = _yaw_variances(turns, hulls, sizes, _off(surfaces))
    return _turned(rotations, variances)


def free_turns(
    surfaces: Sequence[Surface],
    spreads: NDArray[np.float64],
    rotations: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Returns the covariances of rotations of boxes along principal axes: [N, 3, 3], rad².

    Args:
        surfaces: that the boxes are of.
        spreads: float64 [N, 3], variances of their points along the axes, m².
        rotations: float64 [N, 3, 3].
    """
    # Two axes turn the more freely about the third the less their spreads differ. What is thinner
    # than its ends are certain has none; rounding even makes it negative.
    off = _off(surfaces)[:, None] ** 2
    spreads = np.maximum(spreads, off)
    a, b = np.roll(spreads, -1, axis=1), np.roll(spreads, -2, axis=1)
    variances = off * (a + b) / np.maximum((a - b) ** 2, 1e-18)
    return _turned(rotations, np.minimum(variances, _UNKNOWN_ANGLE))


def _turned(rotations: NDArray[np.float64], variances: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns covariances of variances [N, 3] about each box's own axes."""
    found = (rotations * variances[:, None, :]) @ rotations.transpose(0, 2, 1)
    return np.asarray(found, np.float64)


def _noise_and_pitch(
    surfaces: Sequence[Surface],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    found = np.array([(surface.noise, surface.pitch) for surface in surfaces]).reshape(-1, 2)
    return found[:, 0], found[:, 1]


def _off(surfaces: Sequence[Surface]) -> NDArray[np.float64]:
    """Returns the standard deviation of an end of each box, in no direction in particular: [N]."""
    noise, pitch = _noise_and_pitch(surfaces)
    return np.hypot(SMOOTHING * _END_NOISE / math.sqrt(3) * noise, _END_PIXELS * pitch)


def _yaw_variances(
    turns: NDArray[np.float64],
    hulls: Sequence[NDArray[np.float32]],
    sizes: NDArray[np.float64],
    off: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Returns the variances of rectangles' directions: float64 [N], rad².

    Args:
        turns: float64 [N, 2, 2], directions of their sides, one a row.
        hulls: N times float32 [2, K], of what they are around.
        sizes: float64 [N, 3], the longer side first.
        off: [N], metres; standard deviation of the ends of a side.
    """
    corners = np.empty((len(hulls), 2, max((hull.shape[1] for hull in hulls), default=1)))
    for row, hull in enumerate(hulls):
        corners[row] = hull[:, :1]
        corners[row, :, : hull.shape[1]] = hull
    places = _TURNED @ (turns @ corners)
    widths = places.max(axis=2) - places.min(axis=2)
    areas = widths[:, : len(_TURNS)] * widths[:, len(_TURNS) :]
    longer, shorter = sizes[:, 0], sizes[:, 1]
    scale = off * (longer + shorter)
    weights = np.exp(-0.5 * ((areas - areas[:, :1]) / scale[:, None]) ** 2)
    variances = weights @ _OFF**2 / weights.sum(axis=1)
    # Either end of the longer side may be off.
    variances += 2 * (off / longer) ** 2
    # The longer side may be the other one.
    swapped = 0.5 * erfc((longer - shorter) / (2 * off))
    variances += swapped * (1 - swapped) * (math.pi / 2) ** 2
    return np.asarray(np.minimum(variances, _UNKNOWN_ANGLE), np.float64)
