# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A furnished table with objects on it, ready to be rendered: true perspective and shadows."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from vit_perception.scenes.cameras import Vantage
from vit_perception.scenes.catalogue import Asset
from vit_perception.scenes.furniture import Prop
from vit_perception.scenes.poses import matrix, rotation
from vit_perception.scenes.recolour import Look
from vit_perception.scenes.surfaces import Surfaces

TABLE_HEIGHT = 0.75
ROOM = 2.6
"""Half the room's side, metres."""


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """An object in the scene: `position` float64 [3] metres, `quaternion` float64 [4] w, x, y, z.

    Both place the asset's own frame in the world. `hull` float64 [N,3]: its convex hull there.
    `shown`: it has to be seen well in every picture.
    """

    asset: Asset
    look: Look
    hull: np.ndarray
    position: np.ndarray
    quaternion: np.ndarray
    shown: bool = False

    def pose(self) -> np.ndarray:
        """Returns float64 [4,4]: the asset's frame to the world."""
        return matrix(self.position, self.quaternion)

    def corners(self) -> np.ndarray:
        """Returns the hull's vertices in the world, float64 [N,3]."""
        corners: np.ndarray = self.hull @ rotation(self.quaternion).T + self.position
        return corners

    def middle(self) -> np.ndarray:
        """Returns the middle of the hull's bounding box in the world, float64 [3]."""
        corners = self.corners()
        middle: np.ndarray = (corners.min(axis=0) + corners.max(axis=0)) / 2
        return middle

    def radius(self) -> float:
        """Returns the radius of the sphere around the hull's bounding box, metres."""
        return float(np.linalg.norm(np.ptp(self.hull, axis=0))) / 2


@dataclass(frozen=True, slots=True, eq=False)
class Arrangement:
    """Objects and unnamed props at rest, and the sides from which they may be seen."""

    name: str
    items: tuple[Item, ...]
    props: tuple[Prop, ...] = ()
    vantage: Vantage = Vantage()


@dataclass(frozen=True, slots=True, eq=False)
class TableScene:
    """A furnished room; the table top is the plane z = 0, its middle the origin."""

    arrangement: Arrangement
    table: np.ndarray
    tile_m: float
    half_size: tuple[float, float]
    floor: np.ndarray
    walls: tuple[np.ndarray, ...]

    @property
    def objects(self) -> tuple[Item, ...]:
        return self.arrangement.items


@dataclass(frozen=True, slots=True, eq=False)
class TableView:
    """The view of a camera.

    `rgb` uint8 [H,W,3]; `depth` float32 [H,W] metres along the optical axis; `owner` int16 [H,W]
    index into the scene's objects or -1; `visible_fraction` of each object, 0 to 1, hidden and cut
    off parts counted as not visible; `roles` uint8 [H,W], the Role of each pixel.
    """

    rgb: np.ndarray
    depth: np.ndarray
    owner: np.ndarray
    visible_fraction: tuple[float, ...]
    roles: np.ndarray


def furnish(arrangement: Arrangement, surfaces: Surfaces, rng: np.random.Generator) -> TableScene:
    """Puts a table that is large enough, a floor and four walls around the objects."""
    table = surfaces.draw_texture(rng)
    half = np.array([rng.uniform(0.45, 1.0), rng.uniform(0.42, 0.8)])
    for item in arrangement.items:
        half = np.maximum(half, np.abs(item.corners()[:, :2]).max(axis=0) + 0.03)
    half = np.minimum(half, ROOM - 0.1)
    return TableScene(
        arrangement=arrangement,
        table=table.levels[0],
        tile_m=float(rng.uniform(0.3, 1.0)) if table.tileable else 2 * float(half.max()),
        half_size=(float(half[0]), float(half[1])),
        floor=surfaces.draw_texture(rng).levels[1],
        walls=tuple(_wall(surfaces, rng) for _ in range(4)),
    )


def _wall(surfaces: Surfaces, rng: np.random.Generator) -> np.ndarray:
    if rng.random() < 0.35:
        return surfaces.draw_texture(rng).levels[1]
    room = surfaces.rooms[int(rng.integers(len(surfaces.rooms)))]
    side = int(rng.choice([48, 128, 384]))
    small = cv2.resize(room, (side, side), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (384, 384), interpolation=cv2.INTER_CUBIC)
