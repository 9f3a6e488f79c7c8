# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What is known of a rendered frame: identities, masks, poses, and boxes in space."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from vit_perception.detections import Detections
from vit_perception.masks import Masks
from vit_perception.scenes.labels import IGNORE_BELOW, SMALLEST_PX, Label, Thing
from vit_perception.space.footprint import rectangle_angle
from vit_perception.space.objects import Objects
from vit_perception.space.rigid import Rigid

HAS_YAW = 1.3
"""Things whose footprint is this much longer than wide have a direction."""


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """An object at rest; `number`, from 1, is its identity over the recording.

    `pose` float64 [4,4] takes its own frame to the world; `hull` float64 [N,3] are the vertices of
    its convex hull in its own frame, metres.
    """

    number: int
    thing: Thing
    pose: np.ndarray
    hull: np.ndarray

    def corners(self) -> np.ndarray:
        """Returns the hull in the world, float64 [N,3]."""
        corners: np.ndarray = self.hull @ self.pose[:3, :3].T + self.pose[:3, 3]
        return corners

    def extents(self) -> np.ndarray:
        """Returns the whole mesh's x, y, z extent in its own frame, float64 [3], metres."""
        extents: np.ndarray = np.ptp(self.hull, axis=0)
        return extents

    def footprint(self) -> tuple[float, float, float]:
        """Returns length, width (metres) and yaw (radians, 0 to pi) of what it covers.

        That is the smallest rectangle around the whole object as seen from above; yaw is its long
        side's, from the world's x.
        """
        _, (length, width), yaw = smallest_rectangle(self.corners()[:, :2])
        return length, width, yaw

    def has_yaw(self) -> bool:
        """Returns whether its footprint has a direction."""
        length, width, _ = self.footprint()
        return length >= HAS_YAW * width


@dataclass(frozen=True, slots=True, eq=False)
class SceneTruth:
    """Exact depth, true masks and objects of one frame.

    Attributes:
        depth: float32 [H,W], metres along the optical axis, before any rounding.
        owner: uint16 [H,W], number of the object seen at each pixel; 0: none of them.
        objects: all of the scene, seen or not; number n is at n - 1. Same over a recording.
        visible: of each one, 0 to 1.
    """

    depth: np.ndarray
    owner: np.ndarray
    objects: tuple[Placed, ...]
    visible: tuple[float, ...]

    def seen(self) -> tuple[int, ...]:
        """Returns the numbers of objects that are visible enough to be asked for, ascending."""
        pixels = np.bincount(self.owner.reshape(-1), minlength=len(self.objects) + 1)[1:]
        return tuple(
            placed.number
            for placed, area, share in zip(self.objects, pixels, self.visible, strict=True)
            if area >= SMALLEST_PX and share >= IGNORE_BELOW
        )

    def masks(self, numbers: tuple[int, ...]) -> Masks:
        """Returns the visible pixels of these objects, each of which has some."""
        origins, crops = [], []
        for number in numbers:
            mine = self.owner == number
            x, y, width, height = cv2.boundingRect(mine.view(np.uint8))
            origins.append((x, y))
            crops.append(mine[y : y + height, x : x + width].copy())
        height, width = self.owner.shape
        return Masks(np.array(origins, np.int64).reshape(-1, 2), tuple(crops), height, width)

    def points(self, number: int, intrinsics: np.ndarray, pose: np.ndarray) -> np.ndarray:
        """Returns the surface points seen of an object, in the world, float64 [N,3] metres.

        `intrinsics` float64 [3,3] and `pose` float64 [4,4] (optical frame to world) of the camera.
        """
        rows, columns = np.nonzero(self.owner == number)
        depth = self.depth[rows, columns].astype(np.float64)
        x = (columns - intrinsics[0, 2]) / intrinsics[0, 0] * depth
        y = (rows - intrinsics[1, 2]) / intrinsics[1, 1] * depth
        points: np.ndarray = np.stack([x, y, depth], axis=1) @ pose[:3, :3].T + pose[:3, 3]
        return points

    def boxes(self, intrinsics: np.ndarray, pose: np.ndarray) -> Objects:
        """Returns the boxes of the visible surfaces of what is seen, in the world.

        They hold every point that is seen, no more; row n is the n-th of `seen()`. The third axis
        is up. Covariances are 0.
        """
        surfaces = [self.points(number, intrinsics, pose) for number in self.seen()]
        count = len(surfaces)
        centres, sizes = np.zeros((count, 3)), np.zeros((count, 3))
        rotations = np.zeros((count, 3, 3))
        for row, points in enumerate(surfaces):
            centres[row, :2], sizes[row, :2], yaw = smallest_rectangle(points[:, :2])
            low, high = points[:, 2].min(), points[:, 2].max()
            centres[row, 2], sizes[row, 2] = (low + high) / 2, high - low
            cos, sin = np.cos(yaw), np.sin(yaw)
            rotations[row] = [[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]]
        return Objects(
            rows=np.arange(count),
            centres=centres,
            sizes=sizes,
            rotations=rotations,
            covariances=np.zeros((count, 6, 6)),
            points=np.array([len(points) for points in surfaces], np.int64),
            visible=np.ones(count),
            surfaces=tuple(points.astype(np.float32) for points in surfaces),
            pixels=tuple(
                np.argwhere(self.owner == number)[:, ::-1].astype(np.int32)
                for number in self.seen()
            ),
        )


def smallest_rectangle(
    points: np.ndarray,
) -> tuple[tuple[float, float], tuple[float, float], float]:
    """Returns the rectangle around points [N,2] that the room space means.

    Its middle, its long and short side, and the long side's angle in radians, 0 to pi.
    """
    middle = points.mean(axis=0)
    # OpenCV works in float32; far from 0 that is too coarse.
    hull = np.asarray(cv2.convexHull((points - middle).astype(np.float32)), np.float32)
    angle = rectangle_angle(hull)
    axes = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    along = (points - middle) @ axes.T
    low, high = along.min(axis=0), along.max(axis=0)
    x, y = ((low + high) / 2) @ axes + middle
    width, height = high - low
    if width < height:
        width, height, angle = height, width, angle + np.pi / 2
    return (float(x), float(y)), (float(width), float(height)), float(angle % np.pi)


def ground_truth(labels: tuple[Label, ...] | list[Label]) -> Detections:
    """Returns the true boxes of objects visible enough to be asked for, under their categories."""
    seen = [label for label in labels if not label.ignored]
    names = tuple(sorted({label.thing.category for label in seen}))
    corners = [(x, y, x + w, y + h) for x, y, w, h in (label.box for label in seen)]
    return Detections(
        boxes=np.array(corners, np.float32).reshape(-1, 4),
        scores=np.ones(len(seen), np.float32),
        labels=np.array([names.index(label.thing.category) for label in seen], np.int64),
        names=names,
        vocabulary_version=0,
    )


def ground_truth_3d(
    truth: SceneTruth, labels: tuple[Label, ...], intrinsics: np.ndarray, pose: np.ndarray
) -> tuple[Objects, Detections]:
    """Returns the boxes of visible surfaces in the optical frame, and whose they are, with ids.

    `intrinsics` float64 [3,3] and `pose` float64 [4,4] (optical frame to world) of the camera;
    `labels` of its picture.
    """
    world = Rigid(pose[:3, :3], pose[:3, 3])
    ids = np.array(truth.seen(), np.int64)
    return (
        truth.boxes(intrinsics, pose).moved(world.inverse()),
        replace(ground_truth(labels), ids=ids),
    )
