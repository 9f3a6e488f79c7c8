# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Rigid transforms between frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

# A quaternion of a message is taken for a rotation up to this distance from length 1; tf2 has
# the same limit.
_QUATERNION_TOLERANCE = 0.1
# Metres; farther than the planets, and sums of what is farther may overflow.
_FARTHEST = 1e13


class TransformError(ValueError):
    """Numbers that are no transform, or a transform that is not to be had; one line."""


@dataclass(frozen=True, slots=True, eq=False)
class Rigid:
    """Takes points of a source frame into a target frame: `target_from_source`.

    Attributes:
        rotation: float64 [3, 3], orthonormal.
        translation: float64 [3], metres.
    """

    rotation: NDArray[np.float64]
    translation: NDArray[np.float64]

    @classmethod
    def identity(cls) -> Rigid:
        """Returns the transform that changes nothing."""
        return cls(np.eye(3), np.zeros(3))

    @classmethod
    def of_quaternion(cls, quaternion: NDArray[np.float64], translation: object) -> Rigid:
        """Returns a transform as ROS writes it.

        Args:
            quaternion: x, y, z, w; of length 1, up to 0.1.
            translation: x, y, z in metres.

        Raises:
            TransformError: a number is not finite or too large, or the quaternion has another
                length.
        """
        q, t = np.asarray(quaternion, np.float64), np.asarray(translation, np.float64)
        if not (np.isfinite(q).all() and np.isfinite(t).all()):
            raise TransformError("transform: expected finite numbers")
        if np.abs(t).max(initial=0) > _FARTHEST:
            raise TransformError(
                f"transform: expected up to {_FARTHEST:g} m along each axis, "
                f"found {np.abs(t).max():g}"
            )
        length = float(np.linalg.norm(q))
        if abs(length - 1.0) > _QUATERNION_TOLERANCE:
            raise TransformError(f"transform: expected a quaternion of length 1, found {length:g}")
        return cls(Rotation.from_quat(q).as_matrix(), t)

    @classmethod
    def of_message(cls, place: Any, turn: Any) -> Rigid:
        """Returns the transform of a message.

        Args:
            place: geometry_msgs/Vector3 or Point, rclpy's or one with the same fields; metres.
            turn: geometry_msgs/Quaternion.

        Raises:
            TransformError: see `of_quaternion`.
        """
        quaternion = np.array([turn.x, turn.y, turn.z, turn.w], np.float64)
        return cls.of_quaternion(quaternion, (place.x, place.y, place.z))

    @property
    def quaternion(self) -> NDArray[np.float64]:
        """The rotation as x, y, z, w, with w >= 0: float64 [4]."""
        found: NDArray[np.float64] = Rotation.from_matrix(self.rotation).as_quat()
        return -found if found[3] < 0 else found

    def apply(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """Returns points [..., 3] of the source frame in the target frame."""
        return np.asarray(points @ self.rotation.T + self.translation, np.float64)

    def inverse(self) -> Rigid:
        """Returns the transform back."""
        back = self.rotation.T
        return Rigid(back, -back @ self.translation)

    def __matmul__(self, other: Rigid) -> Rigid:
        """Returns `other` first, then this one: (a_from_b @ b_from_c) is a_from_c."""
        return Rigid(self.rotation @ other.rotation, self.apply(other.translation))
