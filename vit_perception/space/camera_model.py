# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Pixels and directions in the optical frame (REP-103: x right, y down, z forward)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from vit_perception.images.raw import DEFAULT_MAX_PIXELS

# Distortion models of sensor_msgs/CameraInfo: fisheye or not, and numbers of coefficients.
_MODELS: dict[str, tuple[bool, tuple[int, ...]]] = {
    "": (False, (0,)),
    "plumb_bob": (False, (0, 4, 5)),
    "rational_polynomial": (False, (0, 8, 12, 14)),
    "equidistant": (True, (0, 4)),
    "fisheye": (True, (0, 4)),
}


# What no camera is beyond: focal lengths in longer sides of the image and in pixels, how many
# times as wide as high a pixel is, and pixels from the image's corner to the optical axis. What
# is beyond would take forever, or more memory than there is.
_WIDEST, _LONGEST, _UNEVEN, _ASIDE = 1e-3, 1e6, 20.0, 1e6


class CameraModelError(ValueError):
    """The numbers describe no camera; one line."""


@dataclass(frozen=True, slots=True, eq=False)
class CameraModel:
    """How the pixels of an image see the world; `of_info` reads sensor_msgs/CameraInfo (REP-104).

    Attributes:
        matrix: float64 [3, 3], K, in pixels of the image; the centre of its first pixel is 0, 0.
        distortion: float64 [N], D; empty for none.
        model: of the distortion, e.g. "plumb_bob", "rational_polynomial", "equidistant".
        width, height: of the image in pixels.

    Raises:
        CameraModelError: an image without pixels or with too many, K with focal lengths or an axis
            that no camera has, an unknown model, or another number of coefficients than the model
            has.
    """

    matrix: NDArray[np.float64]
    distortion: NDArray[np.float64]
    model: str
    width: int
    height: int

    def __post_init__(self) -> None:
        matrix = np.asarray(self.matrix)
        if matrix.shape != (3, 3) or not np.isfinite(matrix).all():
            raise CameraModelError("camera matrix: expected 3 x 3 finite numbers")
        if not (matrix[0, 0] > 0 and matrix[1, 1] > 0):
            raise CameraModelError(
                "camera matrix: expected positive focal lengths, found "
                f"{matrix[0, 0]:g} and {matrix[1, 1]:g} (an uncalibrated camera?)"
            )
        if min(self.width, self.height) < 1 or self.width * self.height > DEFAULT_MAX_PIXELS:
            raise CameraModelError(
                f"camera: expected an image of 1 to {DEFAULT_MAX_PIXELS} px, "
                f"found {self.width} x {self.height}"
            )
        least = _WIDEST * max(self.width, self.height)
        focal = matrix[0, 0], matrix[1, 1]
        if not (least <= min(focal) and max(focal) <= min(_LONGEST, _UNEVEN * min(focal))):
            raise CameraModelError(
                f"camera matrix: expected focal lengths of {least:g} to {_LONGEST:g} px that "
                f"differ by up to {_UNEVEN:g} times, found {focal[0]:g} and {focal[1]:g}"
            )
        if not np.abs(matrix[:2]).max() <= _ASIDE:
            raise CameraModelError(
                f"camera matrix: expected an optical axis up to {_ASIDE:g} px aside, found "
                f"{matrix[0, 2]:g}, {matrix[1, 2]:g}"
            )
        if self.model not in _MODELS:
            raise CameraModelError(
                f"distortion model: expected one of {', '.join(filter(None, _MODELS))}, "
                f"found {self.model!r}"
            )
        _, counts = _MODELS[self.model]
        if not self.model and not np.any(self.distortion):
            # Simulators fill in zeros.
            object.__setattr__(self, "distortion", np.zeros(0))
        if len(self.distortion) not in counts or not np.isfinite(self.distortion).all():
            raise CameraModelError(
                f"distortion: expected {' or '.join(map(str, counts))} finite coefficients for "
                f"{self.model or 'no model'}, found {len(self.distortion)}"
            )

    @classmethod
    def of_info(
        cls,
        *,
        width: int,
        height: int,
        k: ArrayLike,
        d: ArrayLike = (),
        model: str = "",
        p: ArrayLike = (),
        binning: tuple[int, int] = (1, 1),
        roi: tuple[int, int, int, int] = (0, 0, 0, 0),
        rectified: bool = False,
    ) -> CameraModel:
        """Returns the model of an image that was taken with the settings of a CameraInfo.

        Region and binning change the matrix as image_geometry's PinholeCameraModel does it. A
        rectified image has the matrix of P and no distortion; its points are in the frame of the
        rectified camera.

        Args:
            width, height: of the whole sensor, in pixels.
            k, d, model, p: K [9], D, distortion model and P [12] of the whole sensor.
            binning: sensor pixels that make one of the image, along x and y; 0 is 1.
            roi: x, y, width, height of the region in sensor pixels; sizes of 0 are all of it.
            rectified: whether the image is.

        Raises:
            CameraModelError: the numbers describe no camera.
        """
        numbers = p if rectified else k
        matrix = np.array(numbers, np.float64).reshape(3, -1)[:, :3].copy()
        x, y, roi_width, roi_height = roi
        if roi_width and roi_height:
            width, height = roi_width, roi_height
        else:
            x = y = 0
        bins = np.array([binning[0] or 1, binning[1] or 1])
        matrix[:2, 2] -= (x, y)
        matrix[:2] /= bins[:, None]
        return cls(
            matrix=matrix,
            distortion=np.zeros(0) if rectified else np.asarray(d, np.float64),
            model="" if rectified else model,
            width=int(width // bins[0]),
            height=int(height // bins[1]),
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

    def ray_map(self) -> NDArray[np.float32]:
        """Returns x and y at z = 1 of every pixel: float32 [2, height, width], read-only.

        Models that are equal share it; the last few are kept.
        """
        distortion = np.asarray(self.distortion, np.float64).tobytes()
        matrix = np.asarray(self.matrix, np.float64).tobytes()
        return _ray_map(matrix, distortion, self.model, self.width, self.height)

    def project(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """Returns where points are seen.

        Args:
            points: [N, 3] in the optical frame, metres, z > 0.

        Returns:
            float64 [N, 2], x y in pixels, also outside the image.
        """
        points = np.asarray(points, np.float64).reshape(-1, 1, 3)
        if not len(points):
            return np.zeros((0, 2))
        matrix = np.asarray(self.matrix, np.float64)
        fisheye, _ = _MODELS[self.model]
        if not fisheye and not np.any(self.distortion):
            seen = points[:, 0] @ matrix.T
            return np.asarray(seen[:, :2] / seen[:, 2:], np.float64)
        turn = np.zeros(3)
        if fisheye:
            coefficients = self.distortion if len(self.distortion) else np.zeros(4)
            found, _ = cv2.fisheye.projectPoints(points, turn, turn, matrix, coefficients)
        else:
            found, _ = cv2.projectPoints(points, turn, turn, matrix, self.distortion)
        return np.asarray(found, np.float64).reshape(-1, 2)


# Robots have few cameras; a map of 640 x 480 takes 2.5 MB.
@lru_cache(maxsize=8)
def _ray_map(
    matrix: bytes, distortion: bytes, model: str, width: int, height: int
) -> NDArray[np.float32]:
    camera = CameraModel(
        np.frombuffer(matrix).reshape(3, 3), np.frombuffer(distortion), model, width, height
    )
    x, y = np.meshgrid(np.arange(width, dtype=np.float64), np.arange(height, dtype=np.float64))
    rays = camera.rays(np.stack([x.ravel(), y.ravel()], axis=1))
    result: NDArray[np.float32] = (
        rays[:, :2].T.reshape(2, height, width).astype(np.float32, order="C")
    )
    result.flags.writeable = False
    return result
