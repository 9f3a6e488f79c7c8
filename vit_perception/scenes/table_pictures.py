# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Labelled pictures of rendered tables: several views per scene, each in its own light."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import mujoco
import numpy as np

from vit_perception.scenes.asset_files import read_rgb
from vit_perception.scenes.cameras import Pinhole, aim
from vit_perception.scenes.catalogue import Asset
from vit_perception.scenes.clutter import Thing, arrange
from vit_perception.scenes.labels import Picture, label_things, thing_of
from vit_perception.scenes.lamps import draw_light
from vit_perception.scenes.photometry import (
    Noise,
    defocus,
    encode,
    expose,
    light_up,
    photograph,
)
from vit_perception.scenes.recolour import Look, recoloured
from vit_perception.scenes.settings import Choice, SceneSettings
from vit_perception.scenes.settle import UnstableError
from vit_perception.scenes.shapes import hull_of
from vit_perception.scenes.surfaces import Surfaces
from vit_perception.scenes.table_render import TableRenderer, millimetres
from vit_perception.scenes.tabletop import TableScene, TableView, furnish

SEEN_WELL = 0.7
CAMERA_TRIES = 30
REARRANGED = 6
"""Times a scene is rearranged for a view that does not show what it must."""
CLEARANCE_M = 0.03
SHALLOW_FOCUS = ("phone_close", "d405_wrist")

Choose = Callable[[int, np.random.Generator], Choice]


@dataclass(slots=True, eq=False)
class TablePictures:
    """Makes picture number `index` of `seed`; the same two numbers give the same bytes.

    Pictures index // settings.views share a scene, whose renderer is kept between calls: ask for
    them in order. `choose(number, rng)` chooses the objects of scene `number`: assets with a mesh,
    vetted before (vetting.py). `recolour`: they may get other colours. Holds OpenGL resources,
    released by `close`.

    Calling raises ValueError, one line, if no arrangement of a scene can be shown as its choice
    requires, or an asset's files are gone.
    """

    choose: Choose
    surfaces: Surfaces
    seed: int
    noise: Noise
    width: int
    height: int
    recolour: bool = True
    settings: SceneSettings = field(default_factory=SceneSettings)
    _renderers: dict[tuple[int, int], TableRenderer | None] = field(
        default_factory=dict, init=False
    )
    """By scene and attempt; None if it could not be made."""

    def __call__(self, index: int) -> Picture:
        number, view = divmod(index, self.settings.views)
        try:
            for attempt in range(REARRANGED):
                renderer = self._renderer(number, attempt)
                if renderer is None:
                    continue
                rng = np.random.default_rng([self.seed, number, view, attempt])
                found = self._camera(renderer, rng)
                if found is not None:
                    return self._picture(renderer, *found, rng)
        except mujoco.FatalError as error:
            raise ValueError(f"scene {number}: expected room for it, found {error}") from None
        raise ValueError(f"scene {number}: expected every object to be shown well, found no way")

    def close(self) -> None:
        """Releases the OpenGL resources."""
        for key in list(self._renderers):
            self._drop(key)

    def _renderer(self, number: int, attempt: int) -> TableRenderer | None:
        key = number, attempt
        if key not in self._renderers:
            # The scene as first arranged is kept for the next views.
            for old in [k for k in self._renderers if k != (number, 0)]:
                self._drop(old)
            scene = self._scene(number, attempt)
            made = None if scene is None else TableRenderer(scene, self.width, self.height)
            self._renderers[key] = made
        return self._renderers[key]

    def _drop(self, key: tuple[int, int]) -> None:
        renderer = self._renderers.pop(key)
        if renderer is not None:
            renderer.__exit__()

    def _scene(self, number: int, attempt: int) -> TableScene | None:
        """Returns the scene, or None if an object that must be shown was lost."""
        rng = np.random.default_rng([self.seed, number, attempt])
        things = self._things(number)
        shown = [thing for thing in things if thing.shown]
        name = _draw(self.settings.arrangements, rng)
        if attempt >= REARRANGED - 2:
            name = "scattered"
        if attempt == REARRANGED - 1 and shown:
            things = shown
        try:
            arrangement = arrange(
                name, things, self.surfaces, rng, distractors=self.settings.distractors
            )
        except UnstableError:
            return None
        if sum(item.shown for item in arrangement.items) < len(shown) or not arrangement.items:
            return None
        return furnish(arrangement, self.surfaces, rng)

    def _things(self, number: int) -> list[Thing]:
        """Returns the objects of the scene, in the colours they have there."""
        rng = np.random.default_rng([self.seed, number, 1000])
        choice = self.choose(number, rng)
        return [
            self._thing(asset, place < choice.shown, rng)
            for place, asset in enumerate(choice.assets)
        ]

    def _thing(self, asset: Asset, shown: bool, rng: np.random.Generator) -> Thing:
        hull = hull_of(asset)
        texture = read_rgb(asset.texture)
        look = Look(texture, asset.colours, asset.caption)
        if self.recolour:
            look = recoloured(asset, texture, rng)
        return Thing(asset, look, hull, shown)

    def _camera(
        self, renderer: TableRenderer, rng: np.random.Generator
    ) -> tuple[Pinhole, TableView] | None:
        """Returns a camera that shows what it must, with its view except colour; or None."""
        scene = renderer.scene
        targets = np.array([item.middle() for item in scene.objects])
        radii = [item.radius() for item in scene.objects]
        must = [n for n, item in enumerate(scene.objects) if item.shown]
        size = self.width, self.height
        for _ in range(CAMERA_TRIES):
            model = _draw(self.settings.cameras, rng)
            camera = aim(model, targets, radii, must, scene.arrangement.vantage, size, rng)
            if _inside(camera, scene):
                continue
            seen = renderer.look(camera)
            if must:
                if all(_shown_well(seen, number) for number in must):
                    return camera, seen
            elif any(
                fraction >= 0.3 and np.count_nonzero(seen.owner == number) >= 60
                for number, fraction in enumerate(seen.visible_fraction)
            ):
                return camera, seen
        return None

    def _picture(
        self,
        renderer: TableRenderer,
        camera: Pinhole,
        seen: TableView,
        rng: np.random.Generator,
    ) -> Picture:
        away = np.subtract(camera.place, camera.target)
        light = draw_light(
            self.settings.hard_light,
            (away[0], away[1], away[2]),
            rng,
            in_front=renderer.scene.arrangement.name == "shelf",
        )
        reach = float(np.linalg.norm(away)) * np.tan(np.radians(camera.fov) / 2)
        renderer.light(light, camera.target, float(np.clip(2.0 * reach, 0.12, 0.9)))
        seen = renderer.render(camera, seen)
        objects = renderer.scene.objects
        things = [thing_of(o.asset, o.look.colours, o.look.caption) for o in objects]
        labels, owner = label_things(seen.owner, things, seen.visible_fraction)
        order = [number for number in range(len(objects)) if (seen.owner == number).any()]
        picture = seen.rgb.astype(np.float32)
        if camera.name in SHALLOW_FOCUS and rng.random() < 0.5:
            strength = float(rng.uniform(0.8, 4.5)) * self.height / 416
            picture = defocus(picture, seen.depth, float(np.linalg.norm(away)), strength)
        lit, grain = expose(light_up(picture, rng), light.kind, rng)
        jpeg = encode(photograph(lit, self.noise, rng, grain_least=grain), rng)
        return Picture(
            jpeg,
            self.width,
            self.height,
            labels,
            owner,
            depth=millimetres(seen.depth) if self.settings.depth else None,
            camera=camera.seen(self.width, self.height),
            poses=tuple(objects[number].pose() for number in order),
            roles=seen.roles if self.settings.class_maps else None,
        )


def _draw(weights: Mapping[str, float], rng: np.random.Generator) -> str:
    names = sorted(weights)
    share = np.array([weights[name] for name in names])
    return names[int(rng.choice(len(names), p=share / share.sum()))]


def _inside(camera: Pinhole, scene: TableScene) -> bool:
    """Returns whether the camera is in one of the objects or nearly so."""
    place = np.array(camera.place)
    for item in scene.objects:
        corners = item.corners()
        low, high = corners.min(axis=0) - CLEARANCE_M, corners.max(axis=0) + CLEARANCE_M
        if ((place > low) & (place < high)).all():
            return True
    return False


def _shown_well(seen: TableView, number: int) -> bool:
    """Returns whether an object is visible enough and does not touch the picture's edge."""
    mine = seen.owner == number
    edge = mine[0].any() or mine[-1].any() or mine[:, 0].any() or mine[:, -1].any()
    return bool(seen.visible_fraction[number] >= SEEN_WELL and not edge)
