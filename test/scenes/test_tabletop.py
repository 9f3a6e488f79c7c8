# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vit_perception.scenes.cameras import Pinhole
from vit_perception.scenes.catalogue import load_catalogue
from vit_perception.scenes.clutter import Thing, arrange
from vit_perception.scenes.lamps import Lamp, Lighting
from vit_perception.scenes.recolour import Look
from vit_perception.scenes.settings import ARRANGEMENTS
from vit_perception.scenes.shapes import hull_of
from vit_perception.scenes.surfaces import Surfaces, load_surfaces
from vit_perception.scenes.tabletop import Arrangement, TableScene, TableView, furnish

pytestmark = pytest.mark.usefixtures("rendering")

CAMERA = Pinhole((0.25, -0.6, 0.5), (0.0, 0.0, 0.0), 7.0, 45.0)
LIGHT = Lighting("soft", (Lamp((0.4, -0.5, 1.4), 0.6, True),), 0.5)


@pytest.fixture(scope="module")
def surfaces(pack: Path) -> Surfaces:
    return load_surfaces(pack, held_out=False)


@pytest.fixture(scope="module")
def things(pack: Path) -> list[Thing]:
    assets = [asset for asset in load_catalogue(pack).parts("train") if asset.mesh is not None]
    return [
        Thing(
            asset,
            Look(np.asarray(Image.open(asset.texture)), asset.colours, asset.caption),
            hull_of(asset),
        )
        for asset in assets
    ]


@pytest.fixture(scope="module")
def scene(things: list[Thing], surfaces: Surfaces) -> TableScene:
    rng = np.random.default_rng(0)
    return furnish(arrange("scattered", things, surfaces, rng), surfaces, rng)


@pytest.fixture(scope="module")
def view(scene: TableScene, rendering: None) -> TableView:
    from vit_perception.scenes.table_render import TableRenderer

    with TableRenderer(scene, 160, 120) as renderer:
        renderer.light(LIGHT, (0.0, 0.0, 0.0), 0.6)
        return renderer.render(CAMERA)


def world_points(view: TableView) -> np.ndarray:
    """Every pixel's point in the world, float64 [H,W,3], from depth, intrinsics and pose."""
    height, width = view.depth.shape
    columns, rows = np.meshgrid(np.arange(width), np.arange(height))
    pixels = np.stack([columns, rows, np.ones_like(rows)], axis=-1).astype(np.float64)
    rays = pixels @ np.linalg.inv(CAMERA.intrinsics(width, height)).T
    pose = CAMERA.pose()
    return rays * view.depth[..., None] @ pose[:3, :3].T + pose[:3, 3]


def test_the_hull_is_in_the_frame_of_the_file(pack: Path, things: list[Thing]) -> None:
    assert len(things) == 4
    for thing in things:
        assert np.allclose(thing.hull.min(axis=0), [-0.05, -0.035, 0.0], atol=1e-5)
        assert np.allclose(thing.hull.max(axis=0), [0.05, 0.035, 0.05], atol=1e-5)


@pytest.mark.parametrize("name", ARRANGEMENTS)
def test_things_rest_above_the_table_in_every_arrangement(
    name: str, things: list[Thing], surfaces: Surfaces
) -> None:
    rng = np.random.default_rng(4)
    placed = arrange(name, things * 2, surfaces, rng, distractors=3.0)
    assert len(placed.items) >= 6
    for item in placed.items:
        assert item.corners()[:, 2].min() > -0.002
        assert np.abs(item.corners()).max() < 1.0
    if name in ("bin", "shelf"):
        assert placed.props


def test_a_stack_is_higher_than_its_things(things: list[Thing], surfaces: Surfaces) -> None:
    placed = arrange("stack", things, surfaces, np.random.default_rng(1))
    assert max(item.corners()[:, 2].max() for item in placed.items) > 0.09


def test_shelves_hold_things_side_by_side(things: list[Thing], surfaces: Surfaces) -> None:
    placed = arrange("shelf", things * 3, surfaces, np.random.default_rng(2))
    boxes = [
        (item.corners().min(axis=0) + 0.001, item.corners().max(axis=0) - 0.001)
        for item in placed.items
    ]
    for number, (low, high) in enumerate(boxes):
        for other_low, other_high in boxes[number + 1 :]:
            assert not ((low < other_high) & (other_low < high)).all()


def test_depth_intrinsics_and_pose_agree(scene: TableScene, view: TableView) -> None:
    """Pixels of the table lie on z = 0, those of a box inside that box, to 2 mm."""
    points = world_points(view)
    x, y = scene.half_size
    middle = (np.abs(points[..., 0]) < x - 0.05) & (np.abs(points[..., 1]) < y - 0.05)
    table = (view.owner < 0) & middle & (points[..., 2] > -0.1)
    assert np.count_nonzero(table) > 3000
    assert np.abs(points[table][:, 2]).max() < 0.002
    for number, item in enumerate(scene.objects):
        own = points[view.owner == number]
        assert len(own) > 50
        local = (own - item.position) @ item.pose()[:3, :3]
        assert (local > item.hull.min(axis=0) - 0.002).all()
        assert (local < item.hull.max(axis=0) + 0.002).all()


def test_a_corner_lies_on_its_pixel_at_its_depth(scene: TableScene, view: TableView) -> None:
    """Pose and intrinsics take each box's nearest top corner to the edge of its pixels."""
    pose, intrinsics = CAMERA.pose(), CAMERA.intrinsics(160, 120)
    checked = 0
    for number, item in enumerate(scene.objects):
        if view.visible_fraction[number] < 0.999:
            continue
        local = (item.corners() - pose[:3, 3]) @ pose[:3, :3]
        x, y, z = local[np.argmin(local[:, 2])]
        column, row = (intrinsics @ (x / z, y / z, 1.0))[:2]
        near = (
            slice(round(row) - 1, round(row) + 2),
            slice(round(column) - 1, round(column) + 2),
        )
        assert (view.owner[near] == number).any()
        assert abs(view.depth[near][view.owner[near] == number] - z).min() < 0.006
        checked += 1
    assert checked >= 1


def test_visible_fractions_are_those_of_rendering_each_thing_alone(
    things: list[Thing], surfaces: Surfaces
) -> None:
    from vit_perception.scenes.table_render import TableRenderer

    rng = np.random.default_rng(6)
    scene = furnish(arrange("pile", things, surfaces, rng), surfaces, rng)
    low = Pinhole((0.1, -0.6, 0.1), (0.0, 0.0, 0.03), 3.0, 60.0)
    with TableRenderer(scene, 360, 360) as renderer:
        whole = renderer.look(low)
    assert min(whole.visible_fraction) < 0.9
    for number, item in enumerate(scene.objects):
        alone = replace(scene, arrangement=Arrangement("pile", (item,)))
        with TableRenderer(alone, 360, 360) as renderer:
            pixels = np.count_nonzero(renderer.look(low).owner == 0)
        seen = np.count_nonzero(whole.owner == number)
        assert whole.visible_fraction[number] == pytest.approx(seen / pixels, abs=0.06)


def test_a_thing_half_out_of_the_picture_is_half_visible(scene: TableScene) -> None:
    from vit_perception.scenes.table_render import TableRenderer

    x, y, _ = scene.objects[0].middle()
    # Straight above, the frame's edge through the object's middle.
    half_width = 0.8 * np.tan(np.radians(15.0))
    aside = Pinhole((x, y + 0.001, 0.8), (x, y, 0.0), 0.0, 30.0)
    shifted = Pinhole((x + half_width, y + 0.001, 0.8), (x + half_width, y, 0.0), 0.0, 30.0)
    with TableRenderer(scene, 240, 240) as renderer:
        whole = renderer.look(aside).visible_fraction[0]
        half = renderer.look(shifted).visible_fraction[0]
    assert whole > 0.95
    assert half == pytest.approx(0.5, abs=0.12)


def test_two_renderers_do_not_disturb_one_another(scene: TableScene, view: TableView) -> None:
    """They share an OpenGL context."""
    from vit_perception.scenes.table_render import TableRenderer

    with TableRenderer(scene, 160, 120) as one, TableRenderer(scene, 160, 120) as two:
        for renderer in (one, two):
            renderer.light(LIGHT, (0.0, 0.0, 0.0), 0.6)
        first, second, again = one.render(CAMERA), two.render(CAMERA), one.render(CAMERA)
    assert np.array_equal(first.rgb, view.rgb)
    assert np.array_equal(first.rgb, second.rgb)
    assert np.array_equal(first.rgb, again.rgb)


def test_colours_are_drawn_where_the_owner_says(scene: TableScene, view: TableView) -> None:
    reds = [n for n, item in enumerate(scene.objects) if item.look.colours[0] == "red"]
    for number in reds:
        if scene.objects[number].asset.has_texture:
            continue
        red, green, blue = view.rgb[view.owner == number].mean(axis=0)
        assert red > 1.5 * max(green, blue)
