# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Directions of pixels in the optical frame (REP-103: x right, y down, z forward)."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

# Distortion models of sensor_msgs/CameraInfo: fisheye or not, and numbers of coefficients.
_MODELS: dict[str, tuple[bool, tuple[int, ...]]] = {
    "": (False, (0,)),
    "plumb_bob": (False, (0, 4, 5)),
    "rational_polynomial": (False, (0, 8, 12, 14)),
    "equidistant": (True, (0, 4)),
    "fisheye": (True, (0, 4)),
}


class IntrinsicsError(ValueError):
    """The numbers describe no camera; one line."""


@dataclass(frozen=True, slots=True, eq=False)
class Intrinsics:
    """A camera as sensor_msgs/CameraInfo describes it (REP-104).

    Attributes:
        matrix: float64 [3, 3], K, in pixels of the image.
        distortion: float64 [N], D; empty for none.
        model: of the distortion, e.g. "plumb_bob", "rational_polynomial", "equidistant".
        width, height: of the image in pixels.

    Raises:
        IntrinsicsError: K without positive focal lengths, an unknown model, or another number of
            coefficients than the model has.
    """

    matrix: NDArray[np.float64]
    distortion: NDArray[np.float64]
    model: str
    width: int
    height: int

    def __post_init__(self) -> None:
        matrix = np.asarray(self.matrix)
        if matrix.shape != (3, 3) or not np.isfinite(matrix).all():
            raise IntrinsicsError("camera matrix: expected 3 x 3 finite numbers")
        if not (matrix[0, 0] > 0 and matrix[1, 1] > 0):
            raise IntrinsicsError(
                "camera matrix: expected positive focal lengths, found "
                f"{matrix[0, 0]:g} and {matrix[1, 1]:g} (an uncalibrated camera?)"
            )
        if self.model not in _MODELS:
            raise IntrinsicsError(
                f"distortion model: expected one of {', '.join(filter(None, _MODELS))}, "
                f"found {self.model!r}"
            )
        _, counts = _MODELS[self.model]
        if len(self.distortion) not in counts or not np.isfinite(self.distortion).all():
            raise IntrinsicsError(
                f"distortion: expected {' or '.join(map(str, counts))} finite coefficients for "
                f"{self.model or 'no model'}, found {len(self.distortion)}"
            )

    def rays(self, pixels: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns the rays through pixels, scaled to z = 1.

        Args:
            pixels: float64 [N, 2], x y; the centre of the first pixel is at 0, 0.

        Returns:
            float64 [N, 3] with z = 1.
        """
        points = np.asarray(pixels, np.float64).reshape(-1, 1, 2)
        rays = np.ones((len(points), 3), np.float64)
        if not len(points):
            return rays
        matrix = np.asarray(self.matrix, np.float64)
        fisheye, _ = _MODELS[self.model]
        if fisheye:
            # A fisheye image is bent even if all coefficients are 0.
            coefficients = self.distortion if len(self.distortion) else np.zeros(4)
            found = cv2.fisheye.undistortPoints(points, matrix, coefficients)
        else:
            found = cv2.undistortPoints(points, matrix, self.distortion)
        rays[:, :2] = np.asarray(found, np.float64).reshape(-1, 2)
        return rays
