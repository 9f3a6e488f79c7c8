# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A camera that moves in an arc over a table: frames, depth, poses and true boxes for a bag."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from vit_perception.scenes.catalogue import Asset, CatalogueError, load_catalogue
from vit_perception.scenes.labels import Label, label_things, thing_of
from vit_perception.scenes.photometry import Noise
from vit_perception.scenes.surfaces import load_surfaces
from vit_perception.scenes.table_render import TableRenderer
from vit_perception.scenes.tabletop import Pinhole, furnish, stand_on_table

SAMPLE_OBJECTS = (
    "mug_large",
    "banana_ycb",
    "bowl_green",
    "screwdriver_red",
    "plate_turquoise",
    "apple_ycb",
    "hammer_yellow",
    "water_bottle_green",
    "cracker_box_red",
)
"""Everyday things of the asset pack's val_instances: no detector was trained on them."""

MAX_DEPTH_M = 10.0


@dataclass(frozen=True, slots=True, eq=False)
class CameraFrame:
    """One moment of the recording.

    `stamp` ns; `rgb` uint8 [H,W,3]; `depth` uint16 [H,W] millimetres along the optical axis,
    registered to the colour, 0 = none; `intrinsics` float64 [3,3], no distortion; `pose` float64
    [4,4], the optical frame (x right, y down, z forward) in the world (z up, origin in the middle
    of the table top); `labels` of the things in sight.
    """

    stamp: int
    rgb: np.ndarray
    depth: np.ndarray
    intrinsics: np.ndarray
    pose: np.ndarray
    labels: tuple[Label, ...]


@dataclass(frozen=True, slots=True)
class Arc:
    """The path: seconds, frames a second; start and end of angles (degrees) and distance (m)."""

    seconds: float = 7.0
    rate: float = 10.0
    azimuth: tuple[float, float] = (-125.0, -40.0)
    elevation: tuple[float, float] = (34.0, 52.0)
    distance: tuple[float, float] = (1.02, 0.95)
    fov: float = 42.0

    def camera(self, share: float, target: tuple[float, float, float]) -> Pinhole:
        """The camera at `share` (0 to 1) of the way; it starts and stops softly."""
        ease = share * share * (3 - 2 * share)
        azimuth, elevation = (
            np.radians(start + (end - start) * ease)
            for start, end in (self.azimuth, self.elevation)
        )
        distance = self.distance[0] + (self.distance[1] - self.distance[0]) * ease
        place = np.array(target) + distance * np.array(
            [
                np.cos(elevation) * np.cos(azimuth),
                np.cos(elevation) * np.sin(azimuth),
                np.sin(elevation),
            ]
        )
        return Pinhole((float(place[0]), float(place[1]), float(place[2])), target, 0.0, self.fov)


def render_moving_camera(
    assets: Path,
    *,
    seed: int = 7,
    objects: Sequence[str] = SAMPLE_OBJECTS,
    arc: Arc = Arc(),
    width: int = 640,
    height: int = 480,
    start_ns: int = 0,
) -> Iterator[CameraFrame]:
    """Render the frames one after the other; same arguments, same bytes.

    The table and the room are of the surfaces held out from training. Raises CatalogueError when
    the asset folder lacks one of `objects`.
    """
    rng = np.random.default_rng([seed, 2026])
    standing = stand_on_table(_find(assets, objects), rng, recolour=False, lying=0.0)
    scene = furnish(standing, load_surfaces(assets, held_out=True), rng)
    middle = np.mean([[item.x, item.y] for item in standing], axis=0)
    target = (float(middle[0]), float(middle[1]), 0.03)
    things = [thing_of(item.asset, item.look.colours, item.look.caption) for item in standing]
    noise = Noise.from_seed(seed)
    count = max(round(arc.seconds * arc.rate), 2)
    with TableRenderer(scene, width, height) as renderer:
        for number in range(count):
            camera = arc.camera(number / (count - 1), target)
            view = renderer.render(camera)
            labels, _ = label_things(view.owner, things, view.visible_fraction)
            grain = noise.cut(height, width, rng) * 1.2
            yield CameraFrame(
                stamp=start_ns + round(number / arc.rate * 1e9),
                rgb=np.clip(view.rgb + grain, 0, 255).astype(np.uint8),
                depth=_millimetres(view.depth),
                intrinsics=camera.intrinsics(width, height),
                pose=camera.pose(),
                labels=labels,
            )


def _find(assets: Path, objects: Sequence[str]) -> list[Asset]:
    catalogue = load_catalogue(assets)
    by_id = {asset.id: asset for asset in catalogue.assets}
    missing = [name for name in objects if name not in by_id]
    if missing:
        raise CatalogueError(f"{assets}: expected the objects {', '.join(missing)}, found none")
    return [by_id[name] for name in objects]


def _millimetres(depth: np.ndarray) -> np.ndarray:
    return np.where(depth < MAX_DEPTH_M, np.round(depth * 1000), 0).astype(np.uint16)


def contact_sheet(frames: Sequence[CameraFrame], columns: int = 4) -> np.ndarray:
    """The frames with their boxes and names side by side at half size, uint8 RGB: to look at."""
    tiles = []
    for frame in frames:
        picture = frame.rgb.copy()
        for label in frame.labels:
            x, y, width, height = label.box
            cv2.rectangle(picture, (x, y), (x + width, y + height), (0, 255, 0), 2)
            cv2.putText(picture, label.thing.category, (x, y - 4), 0, 0.6, (255, 255, 0), 2)
        tiles.append(cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA))
    blank = np.zeros_like(tiles[0])
    tiles += [blank] * (-len(tiles) % columns)
    rows = [np.hstack(tiles[start : start + columns]) for start in range(0, len(tiles), columns)]
    return np.vstack(rows)
