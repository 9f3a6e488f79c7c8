# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Detected things in space: boxes, their certainty and the points they were made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from vit_perception.space.rigid import Rigid

NO_DEPTH = "no_depth"
FEW_POINTS = "few_points"
LEFT_OUT: Mapping[str, str] = {
    NO_DEPTH: "no pixel of it has a depth",
    FEW_POINTS: "fewer than `min_points` of its pixels have a depth that can be used",
}
"""Why a detection has no place in space."""


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """What things stand on: the points p with normal · p + offset = 0.

    Attributes:
        normal: float64 [3], of length 1, to the side that the camera is on.
        offset: metres; the height of the frame's origin over the plane.
        inliers: points it was fitted to.
        sigma: metres, of these points' distances.
    """

    normal: NDArray[np.float64]
    offset: float
    inliers: int = 0
    sigma: float = 0.0

    def heights(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """Returns the signed distances of points [..., 3] from the plane, in metres."""
        return np.asarray(points @ self.normal + self.offset, np.float64)

    def moved(self, transform: Rigid) -> Plane:
        """Returns the plane in the target frame of a transform."""
        normal = transform.rotation @ self.normal
        return replace(
            self, normal=normal, offset=float(self.offset - normal @ transform.translation)
        )


@dataclass(frozen=True, slots=True, eq=False)
class Objects:
    """N things of one frame of a camera, in one coordinate frame.

    The box of a thing is that of its visible surface. On a support plane its third axis is the
    plane's normal and its first the longer side of the smallest rectangle on the plane; without
    one the axes are the principal ones, the longest first.

    Attributes:
        rows: int64 [N], which of the frame's detections each one is; ascending.
        centres: float64 [N, 3], metres.
        sizes: float64 [N, 3], full sizes along the box's own axes, metres.
        rotations: float64 [N, 3, 3]; the columns are the box's axes.
        covariances: float64 [N, 6, 6], of centre (m) and rotation about x, y, z (rad).
        points: int64 [N], how many surface points the box was made of.
        visible: float64 [N], 0..1, the share of the mask's pixels that gave such a point.
        surfaces: N times float32 [M, 3], these points; none where they were not wanted.
        pixels: N times int32 [M, 2], x y of each of them in the image.
        left_out: cause (see LEFT_OUT) of each row that has no place.
        support: what they stand on; None where no plane was found.
    """

    rows: NDArray[np.int64]
    centres: NDArray[np.float64]
    sizes: NDArray[np.float64]
    rotations: NDArray[np.float64]
    covariances: NDArray[np.float64]
    points: NDArray[np.int64]
    visible: NDArray[np.float64]
    surfaces: tuple[NDArray[np.float32], ...]
    pixels: tuple[NDArray[np.int32], ...]
    left_out: Mapping[int, str] = field(default_factory=dict)
    support: Plane | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def pose(self, index: int) -> Rigid:
        """Returns the pose of a box: points of the box's own axes into the frame."""
        return Rigid(self.rotations[index], self.centres[index])

    def corners(self, index: int) -> NDArray[np.float64]:
        """Returns the eight corners of a box: float64 [8, 3]."""
        signs = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
        return self.pose(index).apply(signs * self.sizes[index] / 2)

    def moved(self, transform: Rigid) -> Objects:
        """Returns the same things in the target frame of a transform."""
        turn = np.zeros((6, 6))
        turn[:3, :3] = turn[3:, 3:] = transform.rotation
        return replace(
            self,
            centres=transform.apply(self.centres),
            rotations=transform.rotation @ self.rotations,
            covariances=turn @ self.covariances @ turn.T,
            surfaces=tuple(transform.apply(each).astype(np.float32) for each in self.surfaces),
            support=None if self.support is None else self.support.moved(transform),
        )
