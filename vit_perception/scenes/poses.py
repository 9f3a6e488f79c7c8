# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Rigid poses as position and quaternion (w, x, y, z)."""

from __future__ import annotations

import numpy as np

IDENTITY = np.array([1.0, 0.0, 0.0, 0.0])


def turn(axis: tuple[float, float, float], degrees: float) -> np.ndarray:
    """Returns the unit quaternion float64 [4] of a rotation about a unit axis."""
    half = np.radians(degrees) / 2
    return np.array([np.cos(half), *(np.sin(half) * np.array(axis))])


def after(second: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Returns the quaternion of `first` followed by `second`."""
    w, v = second[0], second[1:]
    s, u = first[0], first[1:]
    return np.array([w * s - v @ u, *(w * u + s * v + np.cross(v, u))])


def random_turn(rng: np.random.Generator) -> np.ndarray:
    """Returns a quaternion uniform over all orientations."""
    four = rng.normal(size=4)
    unit: np.ndarray = four / np.linalg.norm(four)
    return unit


def rotation(quaternion: np.ndarray) -> np.ndarray:
    """Returns the rotation matrix float64 [3,3] of a unit quaternion."""
    w, x, y, z = (float(value) for value in quaternion)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def matrix(position: np.ndarray, quaternion: np.ndarray) -> np.ndarray:
    """Returns float64 [4,4]: the pose's frame to the world."""
    pose = np.eye(4)
    pose[:3, :3] = rotation(quaternion)
    pose[:3, 3] = position
    return pose
