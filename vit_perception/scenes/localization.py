# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""How far boxes in space are from the truth of rendered tables.

Things of no training picture lie on a table as they fell. A camera comes nearer, moves around
them, or stands still. Of those 0.4 to 1.2 m away, what is found is compared in the world:

- centre: with the box around every point that is seen, from exact depth and true mask;
- yaw: with the footprint of the whole mesh, where it is longer than wide; modulo 180 degrees;
- size: with the sides of the box around what is seen, longer, shorter and height.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from vit_perception.masks import Masks
from vit_perception.scenes.catalogue import Asset, CatalogueError, load_catalogue
from vit_perception.scenes.clutter import Thing
from vit_perception.scenes.depth_noise import DepthSensor
from vit_perception.scenes.moving_camera import ATTEMPTS, Arc, CameraFrame, film, settled, thing_in
from vit_perception.scenes.surfaces import Surfaces, load_surfaces
from vit_perception.scenes.tabletop import Arrangement
from vit_perception.space.camera_model import CameraModel
from vit_perception.space.locate import locate
from vit_perception.space.objects import Objects
from vit_perception.space.rigid import Rigid
from vit_perception.space.settings import SpaceSettings

FEWEST, MOST = 6, 9
LONGEST_M = 0.45
NEAREST, FARTHEST = 0.4, 1.2
"""Metres along the optical axis within which all that is seen of an object lies."""
SPEED = 0.3
"""Of a moving camera, m/s."""
RATE = 15.0
"""Frames a second. One frame later is the latest transform when a frame's result is placed."""
LEAST_OVERLAP = 0.5
"""Of a found mask with the true one, intersection over union."""


@dataclass(frozen=True, slots=True, eq=False)
class Errors:
    """Errors of N places; some objects have none of a kind: NaN.

    Attributes:
        asset, distance, visible: of the object: its name, metres from the camera to its box, and
            the share of it that is seen, 0 to 1.
        centre: float64 [N], metres.
        offset: float64 [N,3], the same as a vector in the world.
        yaw: float64 [N], degrees, 0 to 90.
        size: float64 [N,3], share of the true length, width and height.
        missed: objects without a place: no mask overlaps theirs, or it could not be placed.
    """

    asset: tuple[str, ...]
    distance: np.ndarray
    visible: np.ndarray
    centre: np.ndarray
    offset: np.ndarray
    yaw: np.ndarray
    size: np.ndarray
    missed: tuple[str, ...] = ()

    def seen(self, least: float) -> Errors:
        """Returns the errors of objects of which at least this share is seen."""
        rows = self.visible >= least
        return Errors(
            asset=tuple(name for name, row in zip(self.asset, rows, strict=True) if row),
            distance=self.distance[rows],
            visible=self.visible[rows],
            centre=self.centre[rows],
            offset=self.offset[rows],
            yaw=self.yaw[rows],
            size=self.size[rows],
            missed=self.missed,
        )

    @staticmethod
    def joined(parts: Sequence[Errors]) -> Errors:
        """Returns the errors of several frames as one."""
        return Errors(
            asset=tuple(name for part in parts for name in part.asset),
            distance=np.concatenate([part.distance for part in parts]),
            visible=np.concatenate([part.visible for part in parts]),
            centre=np.concatenate([part.centre for part in parts]),
            offset=np.concatenate([part.offset for part in parts]),
            yaw=np.concatenate([part.yaw for part in parts]),
            size=np.concatenate([part.size for part in parts]),
            missed=tuple(name for part in parts for name in part.missed),
        )


def draw_table(roots: Sequence[Path], seed: int) -> Arrangement:
    """Drops some of the objects that were kept out of training over a table.

    Raises CatalogueError if the folders have none, or none stay on the table.
    """
    assets, _ = _stock(tuple(roots))

    def draws() -> Iterator[tuple[list[Thing], np.random.Generator]]:
        for attempt in range(ATTEMPTS):
            rng = np.random.default_rng([seed, 3003, attempt])
            chosen = rng.choice(len(assets), int(rng.integers(FEWEST, MOST + 1)), replace=False)
            yield [thing_in(assets[int(n)]) for n in chosen], rng

    return settled(draws(), 0.07, FEWEST)


def approach(seed: int, frames: int) -> Arc:
    """Returns a path from 1.1 m to 0.5 m from the middle of the things, around them."""
    rng = np.random.default_rng([seed, 3004])
    start = float(rng.uniform(-180, 180))
    low, high = (float(each) for each in rng.uniform((25, 45), (45, 65)))
    return Arc(frames / RATE, RATE, (start, start + 150), (low, high), (1.1, 0.5))


def standing(seed: int, frames: int) -> Arc:
    """Returns the path of a camera that stands still."""
    rng = np.random.default_rng([seed, 3005])
    azimuth, elevation = float(rng.uniform(-180, 180)), float(rng.uniform(25, 65))
    distance = float(rng.uniform(0.5, 1.1))
    return Arc(frames / RATE, RATE, (azimuth,) * 2, (elevation,) * 2, (distance,) * 2)


def passing(seed: int, frames: int) -> Arc:
    """Returns the path of a camera that moves around the things at a mean speed of SPEED."""
    rng = np.random.default_rng([seed, 3006])
    azimuth, elevation = float(rng.uniform(-180, 180)), float(rng.uniform(25, 65))
    distance = float(rng.uniform(0.5, 1.1))
    around = np.degrees(SPEED * frames / RATE / (distance * np.cos(np.radians(elevation))))
    turn = float(rng.choice([-1, 1]) * around)
    return Arc(frames / RATE, RATE, (azimuth, azimuth + turn), (elevation,) * 2, (distance,) * 2)


def shots(roots: Sequence[Path], seed: int, arc: Arc) -> Iterator[CameraFrame]:
    """Renders a table of things that were kept out of training from a path."""
    _, surfaces = _stock(tuple(roots))
    return film(draw_table(roots, seed), surfaces, seed=seed, arc=arc)


@lru_cache(maxsize=1)  # checking all meshes takes far longer than a scene
def _stock(roots: tuple[Path, ...]) -> tuple[tuple[Asset, ...], Surfaces]:
    assets = tuple(
        asset
        for asset in load_catalogue(*roots).parts("val_instances")
        if asset.mesh is not None and max(asset.size_m) <= LONGEST_M
    )
    if len(assets) < MOST:
        raise CatalogueError(f"expected {MOST} objects kept out of training, found {len(assets)}")
    return assets, load_surfaces(roots[0], held_out=True)


def depth_of(frame: CameraFrame, sensor: DepthSensor | None, *seed: int) -> np.ndarray:
    """Returns what a sensor measures of a frame, float32 [H,W] metres; None: exact depth."""
    if sensor is None:
        return frame.truth.depth
    rng = np.random.default_rng([3007, *seed])
    return sensor.measure(frame.truth.depth, frame.intrinsics, rng)


def camera_of(frame: CameraFrame) -> CameraModel:
    """Returns the camera of a frame."""
    height, width = frame.rgb.shape[:2]
    return CameraModel(frame.intrinsics, np.zeros(0), "", width, height)


def world_of(frame: CameraFrame) -> Rigid:
    """Returns the transform from a frame's camera to the world."""
    return Rigid(frame.pose[:3, :3], frame.pose[:3, 3])


def errors_of(
    frame: CameraFrame,
    depth: np.ndarray,
    found: Masks | None = None,
    *,
    settings: SpaceSettings | None = None,
    world: Rigid | None = None,
    reference: Objects | None = None,
) -> Errors:
    """Places what is seen in a frame and returns how far it is off.

    Args:
        frame: as rendered.
        depth: float32 [H,W] metres, as measured.
        found: predicted masks; None: the true ones.
        settings: how things are placed; None: the defaults.
        world: the transform from the camera to the world that is taken for true; None: the true
            one.
        reference: boxes in the world of all that `truth.seen()` to compare centres with; None:
            the boxes around every point that is seen.
    """
    truth = frame.truth
    numbers = truth.seen()
    masks = truth.masks(numbers) if found is None else found
    owners = list(range(len(numbers))) if found is None else matched(masks, truth.masks(numbers))
    placed = locate(masks, depth, camera_of(frame), settings or SpaceSettings())
    placed = placed.moved(world or world_of(frame))
    boxes = truth.boxes(frame.intrinsics, frame.pose)
    centres = (reference or boxes).centres
    index_of = {int(row): index for index, row in enumerate(placed.rows)}
    rows: list[tuple[str, float, np.ndarray, float, np.ndarray, float]] = []
    missed = []
    for at, (number, owner) in enumerate(zip(numbers, owners, strict=True)):
        thing = truth.objects[number - 1]
        depths = truth.depth[truth.owner == number]
        if depths.min() < NEAREST or depths.max() > FARTHEST:
            continue
        if owner not in index_of:
            missed.append(thing.thing.asset)
            continue
        index = index_of[owner]
        axis = placed.rotations[index][:, 0]
        turn = np.degrees(np.arctan2(axis[1], axis[0]) - thing.footprint()[2])
        yaw = abs((turn + 90) % 180 - 90) if thing.has_yaw() else np.nan
        away = float(np.linalg.norm(boxes.centres[at] - frame.pose[:3, 3]))
        size = np.abs(placed.sizes[index] / np.maximum(boxes.sizes[at], 1e-3) - 1)
        off = placed.centres[index] - centres[at]
        rows.append((thing.thing.asset, away, off, yaw, size, truth.visible[number - 1]))
    offset = np.array([row[2] for row in rows]).reshape(-1, 3)
    return Errors(
        asset=tuple(row[0] for row in rows),
        distance=np.array([row[1] for row in rows]),
        visible=np.array([row[5] for row in rows]),
        centre=np.linalg.norm(offset, axis=1),
        offset=offset,
        yaw=np.array([row[3] for row in rows]),
        size=np.array([row[4] for row in rows]).reshape(-1, 3),
        missed=tuple(missed),
    )


def boxes_of_exact_depth(frame: CameraFrame) -> Objects:
    """Returns the boxes that the room space makes of exact depth and true masks, in the world.

    Raises ValueError if one of what is seen has none.
    """
    truth = frame.truth
    masks = truth.masks(truth.seen())
    placed = locate(masks, truth.depth, camera_of(frame)).moved(world_of(frame))
    if len(placed) != len(masks):
        raise ValueError(f"expected {len(masks)} boxes of exact depth, found {len(placed)}")
    return placed


def matched(found: Masks, true: Masks) -> list[int]:
    """Returns the row of the found mask that overlaps each true one most; -1: none enough."""
    whole = [found.one(row) for row in range(len(found))]
    rows = []
    for index in range(len(true)):
        mine = true.one(index)
        shares = [np.count_nonzero(mine & each) / np.count_nonzero(mine | each) for each in whole]
        best = int(np.argmax(shares)) if shares else -1
        rows.append(best if shares and shares[best] >= LEAST_OVERLAP else -1)
    return rows


def jitter(frames: Sequence[Errors]) -> dict[str, float]:
    """Returns by object the standard deviation of its centre over frames, metres.

    It is that of one coordinate, as the root of the mean variance of the three. Objects that some
    frame misses are left out.
    """
    common = set.intersection(*(set(each.asset) for each in frames))
    found = {}
    for name in sorted(common):
        places = np.array([each.offset[each.asset.index(name)] for each in frames])
        found[name] = float(np.sqrt(places.var(axis=0).mean()))
    return found
