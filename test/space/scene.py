# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Scenes of boxes, cylinders and spheres on a table, ray-cast to depth and masks."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from vit_perception.masks import Masks
from vit_perception.space.camera_model import CameraModel
from vit_perception.space.rigid import Rigid

K = np.array([[600.0, 0, 319.5], [0, 600, 239.5], [0, 0, 1]])
CAMERA = CameraModel(K, np.zeros(0), "", 640, 480)


@dataclass(frozen=True)
class Solid:
    """A box, cylinder (upright) or ellipsoid; size is of its bounding box."""

    kind: str
    size: tuple[float, float, float]
    at: tuple[float, float] = (0.0, 0.0)
    yaw: float = 0.0
    lift: float = 0.0

    @property
    def pose(self) -> Rigid:
        """Its own axes into the world, whose z = 0 is the table."""
        centre = np.array([*self.at, self.lift + self.size[2] / 2])
        return Rigid(Rotation.from_euler("z", self.yaw).as_matrix(), centre)

    def hit(self, origin: NDArray[np.float64], rays: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns how many times each ray [..., 3] it takes to get there; inf where it misses."""
        back = self.pose.inverse()
        half = np.array(self.size) / 2
        o = back.apply(origin) / half
        d = rays @ back.rotation.T / half
        with np.errstate(all="ignore"):
            if self.kind == "ball":
                return _first(_round(o, d))
            low, high = (-1 - o) / d, (1 - o) / d
            near, far = np.minimum(low, high), np.maximum(low, high)
            if self.kind == "box":
                return _first((near.max(-1), far.min(-1)))
            first, last = _round(o[:2], d[..., :2])
            return _first((np.maximum(first, near[..., 2]), np.minimum(last, far[..., 2])))


def _round(o: NDArray, d: NDArray) -> tuple[NDArray, NDArray]:
    a, b, c = (d * d).sum(-1), (d * o).sum(-1), o @ o - 1
    root = np.sqrt(b * b - a * c)
    return (-b - root) / a, (-b + root) / a


def _first(span: tuple[NDArray, NDArray]) -> NDArray:
    return np.where((span[0] <= span[1]) & (span[0] > 0), span[0], np.inf)


@dataclass(frozen=True)
class View:
    """What a camera sees.

    depth: float32 [H, W]; ids: int64 [H, W], -1 table or nothing; camera_from_world.
    """

    depth: NDArray[np.float32]
    ids: NDArray[np.int64]
    camera: CameraModel
    camera_from_world: Rigid
    count: int
    clean: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 0), np.float32))

    def masks(self) -> Masks:
        """The true masks."""
        return masks_of([self.ids == i for i in range(self.count)])

    def noisy(self, rng: np.random.Generator, base: float = 0.001, scale: float = 0.0025) -> View:
        """With axial noise, quantized to millimetres."""
        z = self.depth
        noisy = z + rng.normal(size=z.shape) * (base + scale * z * z)
        return replace(self, depth=(np.round(noisy * 1000) / 1000).astype(np.float32), clean=z)

    def mixed(self, rng: np.random.Generator) -> View:
        """With pixels between two depths along edges, and holes there."""
        z = self.depth.copy()
        near = cv2.erode(z, np.ones((3, 3), np.uint8))
        far = cv2.dilate(z, np.ones((3, 3), np.uint8))
        edge = far - near > 0.02
        share = rng.random(z.shape).astype(np.float32)
        chosen = edge & (rng.random(z.shape) < 0.5)
        z[chosen] = (near + share * (far - near))[chosen]
        z[edge & (rng.random(z.shape) < 0.2)] = np.nan
        return replace(self, depth=z)

    def truth(self, index: int) -> NDArray[np.float64]:
        """The noise-free points of a thing's visible surface in the world: [N, 3]."""
        z = self.clean if self.clean.size else self.depth
        y, x = np.nonzero(self.ids == index)
        rays = self.camera.rays(np.stack([x, y], 1).astype(np.float64))
        return self.camera_from_world.inverse().apply(rays * z[y, x, None])


def masks_of(masks: list[NDArray[np.bool_]]) -> Masks:
    """Returns whole-image masks, each cut to what it holds."""
    origins, crops = [], []
    for mask in masks:
        y, x = np.nonzero(mask)
        if not len(y):
            origins.append((0, 0))
            crops.append(mask[:0, :0])
            continue
        origins.append((x.min(), y.min()))
        crops.append(mask[y.min() : y.max() + 1, x.min() : x.max() + 1].copy())
    height, width = masks[0].shape
    return Masks(np.array(origins, np.int64).reshape(-1, 2), tuple(crops), height, width)


def looking(
    distance: float = 0.8, tilt: float = 45.0, turn: float = 0.0, roll: float = 0.0
) -> Rigid:
    """camera_from_world of a camera that looks at the world's origin.

    Tilt is the angle of the optical axis below the horizon, in degrees.
    """
    t, a, r = np.radians([tilt, turn, roll])
    back = np.array([np.cos(a) * np.cos(t), np.sin(a) * np.cos(t), np.sin(t)])
    z = -back
    x = np.array([-np.sin(a), np.cos(a), 0.0])
    y = np.cross(z, x)
    rotation = Rotation.from_euler("z", r).as_matrix() @ np.stack([x, y, z])
    return Rigid(rotation, -rotation @ (back * distance))


def render(
    solids: list[Solid],
    camera_from_world: Rigid | None = None,
    camera: CameraModel = CAMERA,
    table: bool = True,
) -> View:
    """Ray-casts what stands on the table z = 0."""
    pose = looking() if camera_from_world is None else camera_from_world
    rays = np.concatenate([camera.ray_map(), np.ones((1, camera.height, camera.width))])
    world = np.moveaxis(rays.astype(np.float64), 0, -1) @ pose.rotation
    origin = pose.inverse().translation
    with np.errstate(all="ignore"):
        ground = -origin[2] / world[..., 2]
    depths = [np.where((ground > 0) & table, ground, np.inf)]
    depths += [solid.hit(origin, world) for solid in solids]
    stack = np.stack(depths)
    ids = stack.argmin(0).astype(np.int64) - 1
    depth = stack.min(0)
    return View(
        np.where(np.isfinite(depth), depth, np.nan).astype(np.float32),
        ids,
        camera,
        pose,
        len(solids),
    )


def tightest(points: NDArray[np.float64]) -> tuple[NDArray, NDArray, float]:
    """Returns centre, size (longer horizontal side first) and yaw of the smallest upright box."""
    (x, y), (a, b), angle = cv2.minAreaRect(points[:, :2].astype(np.float32))
    low, high = points[:, 2].min(), points[:, 2].max()
    yaw = np.radians(angle)
    if b > a:
        a, b, yaw = b, a, yaw + np.pi / 2
    return np.array([x, y, (low + high) / 2]), np.array([a, b, high - low]), float(yaw)
