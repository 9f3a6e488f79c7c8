# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A camera that moves in an arc over a table: frames, depth, poses and true boxes for a bag."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from vit_perception.scenes.cameras import MODELS, Pinhole
from vit_perception.scenes.catalogue import Asset, CatalogueError, load_catalogue
from vit_perception.scenes.clutter import Thing, drop
from vit_perception.scenes.depth_noise import DepthSensor
from vit_perception.scenes.labels import Label, label_things, thing_of
from vit_perception.scenes.lamps import Lamp, Lighting
from vit_perception.scenes.photometry import Noise
from vit_perception.scenes.recolour import Look
from vit_perception.scenes.scene_truth import Placed, SceneTruth
from vit_perception.scenes.settle import UnstableError
from vit_perception.scenes.shapes import hull_of
from vit_perception.scenes.surfaces import Surfaces, load_surfaces
from vit_perception.scenes.table_render import TableRenderer, millimetres
from vit_perception.scenes.tabletop import Arrangement, TableView, furnish
from vit_perception.wording import shown_path

SAMPLE_OBJECTS = (
    "cracker_box_red",
    "water_bottle_green",
    "can_pepsi",
    "mug_brown_printed",
    "mug_large",
    "bowl_plastic_blue",
    "plate_turquoise",
    "banana_ycb",
    "apple_ycb",
    "lemon_ycb",
    "screwdriver_red",
    "hammer_yellow",
)
"""Everyday objects of the asset pack's val_instances: no detector was trained on them."""

SAMPLE_LIGHT = Lighting(
    "soft", (Lamp((0.5, -0.6, 1.5), 0.6, True), Lamp((-0.9, 0.5, 1.3), 0.25, False)), 0.4
)
LIT_M = 0.9
MEAN_LEVEL = 105.0
"""Reach of shadows around the middle, metres, and the mean grey level of the first frame."""
GRAIN = 1.2
"""Noise of a pixel of medium brightness, grey levels."""
CAMERA = "d435"
UPRIGHT = 0.85
"""Share of the objects that are dropped upright."""
ATTEMPTS = 50
"""Draws of objects of which one has to stay on the table."""


@dataclass(frozen=True, slots=True, eq=False)
class CameraFrame:
    """One frame of the recording.

    `stamp` ns; `rgb` uint8 [H,W,3]; `depth` uint16 [H,W] millimetres along the optical axis,
    registered to the colour, 0 = none; `intrinsics` float64 [3,3], no distortion; `pose` float64
    [4,4], the optical frame (x right, y down, z forward) in the world (z up, origin in the middle
    of the table top); `labels` of the objects in sight; `truth`: exact depth, masks and objects.
    """

    stamp: int
    rgb: np.ndarray
    depth: np.ndarray
    intrinsics: np.ndarray
    pose: np.ndarray
    labels: tuple[Label, ...]
    truth: SceneTruth


@dataclass(frozen=True, slots=True)
class Arc:
    """The path: seconds, frames per second; start and end of angles (degrees) and distance (m)."""

    seconds: float = 7.0
    rate: float = 10.0
    azimuth: tuple[float, float] = (-125.0, -40.0)
    elevation: tuple[float, float] = (34.0, 52.0)
    distance: tuple[float, float] = (1.02, 0.95)

    def camera(self, share: float, target: tuple[float, float, float], fov: float) -> Pinhole:
        """Returns the camera at `share` (0 to 1) of the way; it starts and stops softly.

        `fov`: vertical field of view in degrees.
        """
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
        return Pinhole(
            (float(place[0]), float(place[1]), float(place[2])), target, 0.0, fov, CAMERA
        )


def render_moving_camera(
    roots: Sequence[Path],
    *,
    seed: int = 7,
    objects: Sequence[str] = SAMPLE_OBJECTS,
    arc: Arc = Arc(),
    width: int = 640,
    height: int = 480,
    start_ns: int = 0,
    sensor: DepthSensor | None = None,
) -> Iterator[CameraFrame]:
    """Renders the frames in order; same arguments, same bytes.

    `objects` are ids in the asset folders `roots`; they are dropped over a table and lie as they
    fell. Table and room are of the first folder's surfaces held out from training. `sensor`: what
    measures the depth; None: exact up to the millimetre. Raises CatalogueError if an object is
    absent, cannot be used or does not stay on the table.
    """
    arrangement = _clutter(_find(roots, objects), seed)
    surfaces = load_surfaces(roots[0], held_out=True)
    yield from film(
        arrangement,
        surfaces,
        seed=seed,
        arc=arc,
        width=width,
        height=height,
        start_ns=start_ns,
        sensor=sensor,
    )


def film(
    arrangement: Arrangement,
    surfaces: Surfaces,
    *,
    seed: int,
    arc: Arc,
    light: Lighting = SAMPLE_LIGHT,
    width: int = 640,
    height: int = 480,
    start_ns: int = 0,
    sensor: DepthSensor | None = None,
) -> Iterator[CameraFrame]:
    """Renders objects at rest from a camera on an arc; same arguments, same bytes.

    The camera may stand still: only noise differs between the frames then.
    """
    rng = np.random.default_rng([seed, 2026])
    scene = furnish(arrangement, surfaces, rng)
    middle = np.mean([item.middle() for item in arrangement.items], axis=0)
    target = (float(middle[0]), float(middle[1]), 0.03)
    things = [
        thing_of(item.asset, item.look.colours, item.look.caption) for item in arrangement.items
    ]
    objects = tuple(
        Placed(number, thing, item.pose(), item.hull)
        for number, (thing, item) in enumerate(zip(things, arrangement.items, strict=True), 1)
    )
    noise = Noise.from_seed(seed)
    fov = MODELS[CAMERA].fov(width, height)
    count = max(round(arc.seconds * arc.rate), 2)
    with TableRenderer(scene, width, height) as renderer:
        renderer.light(light, target, LIT_M)
        gain, last, view = 1.0, None, None
        for number in range(count):
            camera = arc.camera(number / (count - 1), target, fov)
            if view is None or camera != last:
                view, last = renderer.render(camera), camera
            if number == 0:
                # Exposure is set once, like that of a camera with a fixed setting.
                gain = float(np.clip(MEAN_LEVEL / max(float(view.rgb.mean()), 1.0), 0.6, 2.0))
            labels, _ = label_things(view.owner, things, view.visible_fraction)
            bright = np.minimum(view.rgb * gain, 255.0)
            # Shot noise: grows with the square root of the light.
            grain = noise.cut(height, width, rng) * GRAIN * np.sqrt(np.maximum(bright, 1) / 128)
            depth, intrinsics = view.depth, camera.intrinsics(width, height)
            if sensor is not None:
                depth = sensor.measure(
                    depth, intrinsics, np.random.default_rng([seed, 2027, number])
                )
            yield CameraFrame(
                stamp=start_ns + round(number / arc.rate * 1e9),
                rgb=np.clip(bright + grain, 0, 255).astype(np.uint8),
                depth=millimetres(depth),
                intrinsics=intrinsics,
                pose=camera.pose(),
                labels=labels,
                truth=_truth(view, objects),
            )


def _truth(view: TableView, objects: tuple[Placed, ...]) -> SceneTruth:
    owner = (view.owner + 1).astype(np.uint16)
    return SceneTruth(view.depth, owner, objects, view.visible_fraction)


def _clutter(things: Sequence[Thing], seed: int) -> Arrangement:
    """Drops all objects over the table, mostly upright, and loses none."""
    rngs = (np.random.default_rng([seed, 2026, attempt]) for attempt in range(ATTEMPTS))
    return settled(((things, rng) for rng in rngs), 0.06, len(things))


def settled(
    draws: Iterable[tuple[Sequence[Thing], np.random.Generator]], room: float, least: int
) -> Arrangement:
    """Drops things over the table, mostly upright, until so many of a draw stay on it.

    `room`: metres for one thing. Raises CatalogueError if of no draw as many stay.
    """
    for things, rng in draws:
        try:
            arrangement = drop(things, room * np.sqrt(len(things)), rng, upright=UPRIGHT)
        except UnstableError:
            continue
        if len(arrangement.items) >= least:
            return arrangement
    raise CatalogueError(f"expected {least} objects to stay on the table, found fewer")


def _find(roots: Sequence[Path], objects: Sequence[str]) -> list[Thing]:
    """Returns the objects of these ids, none of which is absent or unusable."""
    catalogue = load_catalogue(*roots)
    by_id = {asset.id: asset for asset in catalogue.assets}
    reasons = {entry.id: entry.reason for entry in catalogue.skipped}
    folders = ", ".join(str(root) for root in roots)
    things = []
    for name in objects:
        if name not in by_id:
            reason = reasons.get(name, "no object of that id")
            raise CatalogueError(
                f"{shown_path(folders)}: expected the object {name}, found {reason}"
            )
        try:
            things.append(thing_in(by_id[name]))
        except (OSError, ValueError) as error:
            raise CatalogueError(f"{shown_path(folders)}: {error}") from None
    return things


def thing_in(asset: Asset) -> Thing:
    picture = np.asarray(Image.open(asset.texture).convert("RGB"))
    return Thing(asset, Look(picture, asset.colours, asset.caption), hull_of(asset))
