# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A table with objects standing on it, rendered whole: true perspective, shadows and depth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from vit_perception.scenes.catalogue import Asset
from vit_perception.scenes.recolour import Look, recoloured
from vit_perception.scenes.surfaces import Surfaces

TABLE_HEIGHT = 0.75
ROOM = 2.6
GAP = 0.006
"""Half the room's side, and the least distance between neighbours, metres."""


@dataclass(frozen=True, slots=True, eq=False)
class Standing:
    """An object on the table: middle of its bottom (x, y) in metres, turn about z in radians.

    `tip` is 0 for upright, 1 for lying after a quarter turn about its x axis.
    """

    asset: Asset
    look: Look
    x: float
    y: float
    yaw: float
    tip: int

    @property
    def extent(self) -> tuple[float, float, float]:
        """x, y, z extent in metres as it stands or lies, before the turn about z."""
        x, y, z = self.asset.size_m
        return (x, z, y) if self.tip else (x, y, z)


@dataclass(frozen=True, slots=True)
class Lamp:
    """A spot light: place in metres, brightness 0 to 1."""

    place: tuple[float, float, float]
    brightness: float
    casts_shadow: bool


@dataclass(frozen=True, slots=True, eq=False)
class TableScene:
    """A furnished room; the table top is the plane z = 0, its middle the origin."""

    objects: tuple[Standing, ...]
    table: np.ndarray
    tile_m: float
    half_size: tuple[float, float]
    floor: np.ndarray
    walls: tuple[np.ndarray, ...]
    lamps: tuple[Lamp, ...]
    ambient: float


@dataclass(frozen=True, slots=True)
class Pinhole:
    """A camera: its place and target in metres, roll and vertical field of view in degrees."""

    place: tuple[float, float, float]
    target: tuple[float, float, float]
    roll: float
    fov: float

    def intrinsics(self, width: int, height: int) -> np.ndarray:
        """float64 [3,3]; the middle of the first pixel is (0, 0)."""
        focal = height / 2 / np.tan(np.radians(self.fov) / 2)
        return np.array(
            [[focal, 0, (width - 1) / 2], [0, focal, (height - 1) / 2], [0, 0, 1]], np.float64
        )

    def pose(self) -> np.ndarray:
        """float64 [4,4]: optical frame (x right, y down, z forward) to world."""
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


@dataclass(frozen=True, slots=True, eq=False)
class TableView:
    """What a camera saw.

    `rgb` uint8 [H,W,3]; `depth` float32 [H,W] metres along the optical axis; `owner` int16 [H,W]
    index into the scene's objects or -1; `visible_fraction` of each object, 0 to 1, hidden and cut
    off parts counted as not visible.
    """

    rgb: np.ndarray
    depth: np.ndarray
    owner: np.ndarray
    visible_fraction: tuple[float, ...]


def stand_on_table(
    assets: Sequence[Asset], rng: np.random.Generator, *, recolour: bool, lying: float = 0.12
) -> tuple[Standing, ...]:
    """Put the assets on the table without touching; those that find no place are left out."""
    placed: list[Standing] = []
    radius = 0.05 + 0.055 * np.sqrt(len(assets)) * float(rng.uniform(0.8, 1.5))
    for asset in assets:
        texture = np.asarray(Image.open(asset.texture).convert("RGB"))
        look = Look(texture, asset.colours, asset.caption)
        if recolour:
            look = recoloured(asset, texture, rng)
        tip = int(rng.random() < lying)
        for attempt in range(30):
            reach = radius * (1 + attempt / 10)
            x, y = rng.uniform(-reach, reach, 2)
            yaw = float(rng.uniform(0, 2 * np.pi))
            candidate = Standing(asset, look, float(x), float(y), yaw, tip)
            if not any(_touch(candidate, other) for other in placed):
                placed.append(candidate)
                break
    return tuple(placed)


def _touch(a: Standing, b: Standing) -> bool:
    kind, _ = cv2.rotatedRectangleIntersection(_footprint(a), _footprint(b))
    return bool(kind != cv2.INTERSECT_NONE)


def _footprint(item: Standing) -> tuple[tuple[float, float], tuple[float, float], float]:
    x, y, _ = item.extent
    return (item.x, item.y), (x + GAP, y + GAP), float(np.degrees(item.yaw))


def furnish(
    objects: tuple[Standing, ...], surfaces: Surfaces, rng: np.random.Generator
) -> TableScene:
    """A table, floor, four walls and one to three lamps around the objects."""
    table = surfaces.draw_texture(rng)
    half = (float(rng.uniform(0.45, 1.0)), float(rng.uniform(0.4, 0.8)))
    walls = tuple(_wall(surfaces, rng) for _ in range(4))
    count = int(rng.integers(1, 4))
    total = float(rng.uniform(0.55, 0.9))
    shares = np.sort(rng.dirichlet(np.full(count, 2.0)) * total)[::-1]
    # A shadow costs a rendering of its own: the brightest lamp's is the one that is seen.
    casts = [number == 0 or (number == 1 and rng.random() < 0.3) for number in range(count)]
    return TableScene(
        objects=objects,
        table=table.levels[0],
        tile_m=float(rng.uniform(0.3, 1.0)) if table.tileable else 2 * max(half),
        half_size=half,
        floor=surfaces.draw_texture(rng).levels[1],
        walls=walls,
        lamps=tuple(
            Lamp(_lamp_place(rng), float(share), cast)
            for share, cast in zip(shares, casts, strict=True)
        ),
        ambient=float(rng.uniform(0.25, 0.5)),
    )


def _wall(surfaces: Surfaces, rng: np.random.Generator) -> np.ndarray:
    if rng.random() < 0.35:
        return surfaces.draw_texture(rng).levels[1]
    room = surfaces.rooms[int(rng.integers(len(surfaces.rooms)))]
    side = int(rng.choice([48, 128, 384]))
    small = cv2.resize(room, (side, side), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (384, 384), interpolation=cv2.INTER_CUBIC)


def _lamp_place(rng: np.random.Generator) -> tuple[float, float, float]:
    angle, reach = rng.uniform(0, 2 * np.pi), rng.uniform(0.1, 1.5)
    return (
        float(reach * np.cos(angle)),
        float(reach * np.sin(angle)),
        float(rng.uniform(0.9, 1.9)),
    )


def dim_lamps(scene: TableScene, rng: np.random.Generator) -> tuple[tuple[Lamp, ...], float]:
    """The scene's lamps moved and dimmed for another picture, and the ambient light."""
    lamps = tuple(
        Lamp(
            _lamp_place(rng),
            lamp.brightness * float(rng.uniform(0.7, 1.2)),
            lamp.casts_shadow,
        )
        for lamp in scene.lamps
    )
    return lamps, scene.ambient * float(rng.uniform(0.7, 1.3))


def look_from_somewhere(scene: TableScene, rng: np.random.Generator) -> Pinhole:
    """A camera 0.25 to 1.2 m from one of the objects or their middle, at any side and height."""
    places = np.array([[item.x, item.y, item.extent[2] / 2] for item in scene.objects])
    middle = places.mean(axis=0)
    near = places[int(rng.integers(len(places)))]
    target = middle + (near - middle) * rng.uniform(0, 1) + rng.normal(0, 0.02, 3)
    distance = float(np.exp(rng.uniform(np.log(0.28), np.log(1.2))))
    elevation = np.radians(rng.uniform(14, 60) if rng.random() < 0.75 else rng.uniform(60, 88))
    azimuth = rng.uniform(0, 2 * np.pi)
    away = np.array(
        [
            np.cos(elevation) * np.cos(azimuth),
            np.cos(elevation) * np.sin(azimuth),
            np.sin(elevation),
        ]
    )
    place = target + away * distance
    place[2] = max(place[2], 0.08)
    return Pinhole(_xyz(place), _xyz(target), float(rng.normal(0, 4)), float(rng.uniform(34, 58)))


def _xyz(vector: np.ndarray) -> tuple[float, float, float]:
    return float(vector[0]), float(vector[1]), float(vector[2])
