# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Cameras like real ones: their intrinsics and their usual places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True, eq=False)
class CameraPose:
    """Intrinsics and pose of a picture.

    `intrinsics` float64 [3,3] (the middle of the first pixel is (0, 0)), `pose` float64 [4,4],
    optical frame (x right, y down, z forward) to world.
    """

    name: str
    intrinsics: np.ndarray
    pose: np.ndarray


@dataclass(frozen=True, slots=True)
class Pinhole:
    """A camera: its place and target in metres, roll and vertical field of view in degrees."""

    place: tuple[float, float, float]
    target: tuple[float, float, float]
    roll: float
    fov: float
    name: str = "pinhole"

    def intrinsics(self, width: int, height: int) -> np.ndarray:
        """Returns float64 [3,3]; the middle of the first pixel is (0, 0)."""
        focal = height / 2 / np.tan(np.radians(self.fov) / 2)
        return np.array(
            [[focal, 0, (width - 1) / 2], [0, focal, (height - 1) / 2], [0, 0, 1]], np.float64
        )

    def pose(self) -> np.ndarray:
        """Returns float64 [4,4]: optical frame (x right, y down, z forward) to world."""
        place, target = np.array(self.place), np.array(self.target)
        forward = (target - place) / np.linalg.norm(target - place)
        right = np.cross(forward, [0.0, 0.0, 1.0])
        if np.linalg.norm(right) < 1e-6:
            right = np.array([1.0, 0.0, 0.0])
        right /= np.linalg.norm(right)
        down = np.cross(forward, right)
        turn = np.radians(self.roll)
        pose = np.eye(4)
        pose[:3, 0] = np.cos(turn) * right + np.sin(turn) * down
        pose[:3, 1] = np.cos(turn) * down - np.sin(turn) * right
        pose[:3, 2] = forward
        pose[:3, 3] = place
        return pose

    def seen(self, width: int, height: int) -> CameraPose:
        """Returns the camera in the form of labels."""
        return CameraPose(self.name, self.intrinsics(width, height), self.pose())


@dataclass(frozen=True, slots=True)
class CameraModel:
    """A kind of camera and its usual placement.

    `focal` is in pixels of the `width` x `height` stream; other sizes are the largest crop of the
    middle of that stream, scaled. Distances (to its target) are in metres, elevations above the
    table in degrees. `fill`: it comes so near that one object fills this share of the picture's
    shorter side, instead of a distance. `jitter`: spread of the focal length between units.
    """

    width: int
    height: int
    focal: float
    distance: tuple[float, float]
    elevation: tuple[float, float]
    roll: float = 3.0
    fill: tuple[float, float] | None = None
    jitter: float = 0.01

    def fov(self, width: int, height: int) -> float:
        """Returns the vertical field of view in degrees of a `width` x `height` picture."""
        scale = max(width / self.width, height / self.height)
        return float(np.degrees(2 * np.arctan(height / 2 / (self.focal * scale))))


# Fields of view from the makers' data sheets: RealSense D435 colour 69 x 42 degrees, D455 colour
# 90 x 65, D405 87 x 58 (640 x 480: 84 x 58); a webcam of 78 degrees diagonal at 16:9 (Logitech
# C920); a phone's main camera as 26 mm on 24 x 36.
MODELS: dict[str, CameraModel] = {
    "d435": CameraModel(640, 480, 615.0, (0.4, 1.3), (18.0, 70.0)),
    "d455": CameraModel(1280, 800, 642.0, (0.35, 1.1), (18.0, 70.0)),
    "d405_wrist": CameraModel(640, 480, 432.0, (0.14, 0.4), (25.0, 88.0), roll=60.0),
    "webcam": CameraModel(1280, 720, 907.0, (0.4, 1.4), (12.0, 50.0), jitter=0.08),
    "overhead": CameraModel(640, 480, 615.0, (0.6, 1.2), (80.0, 89.5), roll=180.0),
    "phone_close": CameraModel(
        4000, 3000, 2889.0, (0.12, 1.6), (5.0, 75.0), fill=(0.45, 1.15), jitter=0.02
    ),
}


@dataclass(frozen=True, slots=True)
class Vantage:
    """The sides from which the scene may be seen: degrees of azimuth and elevation."""

    azimuth: tuple[float, float] = (0.0, 360.0)
    elevation: tuple[float, float] = (0.0, 90.0)
    least_m: float = 0.0
    """Least distance to the target."""


def aim(
    model: str,
    targets: np.ndarray,
    radii: Sequence[float],
    must: Sequence[int],
    vantage: Vantage,
    size: tuple[int, int],
    rng: np.random.Generator,
) -> Pinhole:
    """Returns a camera of this model that looks at objects at `targets` float64 [N,3], metres.

    `radii` are in metres. It looks at one of the objects, at their middle, or between; if there
    are any in `must` (indices), at their middle from far enough to show them all. `size` is the
    picture's.
    """
    camera = MODELS[model]
    fov = camera.fov(*size) * float(np.exp(rng.normal(0, camera.jitter)))
    zoom = 2.0 if camera.fill and rng.random() < 0.4 else 1.0
    fov = float(np.degrees(2 * np.arctan(np.tan(np.radians(fov) / 2) / zoom)))
    low, high = _overlap(camera.elevation, vantage.elevation)
    elevation = np.radians(rng.uniform(low, high))
    azimuth = np.radians(rng.uniform(*vantage.azimuth))
    half = np.tan(np.radians(fov) / 2) * min(1.0, size[0] / size[1])
    near = int(rng.integers(len(targets))) if not must else must[int(rng.integers(len(must)))]
    middle = targets[list(must)].mean(axis=0) if must else targets.mean(axis=0)
    if camera.fill and len(must) < 2:
        target = targets[near] + rng.normal(0, 0.12, 3) * radii[near]
        distance = radii[near] * 0.85 / (half * rng.uniform(*camera.fill))
        distance = float(np.clip(distance, radii[near] + 0.05, camera.distance[1]))
    else:
        target = middle + (targets[near] - middle) * rng.uniform(0, 1) + rng.normal(0, 0.02, 3)
        distance = float(np.exp(rng.uniform(*np.log(camera.distance))))
    if must:
        reach = max(np.linalg.norm(targets[n] - target) + radii[n] for n in must)
        distance = max(distance, float(reach * rng.uniform(0.95, 1.4) / half))
    distance = max(distance, vantage.least_m)
    away = [
        np.cos(elevation) * np.cos(azimuth),
        np.cos(elevation) * np.sin(azimuth),
        np.sin(elevation),
    ]
    place = target + distance * np.array(away)
    place[2] = max(place[2], 0.04)
    # Cameras on wrists and above tables may be rolled any way, unless they look from the front.
    free = camera.roll > 20 and low >= camera.elevation[0]
    roll = float(rng.uniform(-1, 1) * camera.roll if free else rng.normal(0, min(camera.roll, 4)))
    return Pinhole(_xyz(place), _xyz(target), roll, fov, model)


def _overlap(one: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    """Returns the overlap of two spans; without one, the scene's own."""
    low, high = max(one[0], other[0]), min(one[1], other[1])
    return (low, high) if low < high else other


def _xyz(vector: np.ndarray) -> tuple[float, float, float]:
    return float(vector[0]), float(vector[1]), float(vector[2])
