# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from vit_perception.scenes.catalogue import load_catalogue
from vit_perception.scenes.surfaces import load_surfaces
from vit_perception.scenes.tabletop import (
    Pinhole,
    TableScene,
    TableView,
    furnish,
    stand_on_table,
)

pytestmark = pytest.mark.usefixtures("rendering")

CAMERA = Pinhole((0.25, -0.6, 0.5), (0.0, 0.0, 0.0), 7.0, 45.0)


@pytest.fixture(scope="module")
def scene(pack: Path) -> TableScene:
    assets = [asset for asset in load_catalogue(pack).parts("train") if asset.mesh is not None]
    rng = np.random.default_rng(0)
    objects = stand_on_table(assets, rng, recolour=True, lying=0.0)
    return furnish(objects, load_surfaces(pack, held_out=False), rng)


@pytest.fixture(scope="module")
def view(scene: TableScene, rendering: None) -> TableView:
    from vit_perception.scenes.table_render import TableRenderer

    with TableRenderer(scene, 160, 120) as renderer:
        return renderer.render(CAMERA)


def world_points(view: TableView) -> np.ndarray:
    """Every pixel's point in the world, float64 [H,W,3], from depth, intrinsics and pose."""
    height, width = view.depth.shape
    columns, rows = np.meshgrid(np.arange(width), np.arange(height))
    pixels = np.stack([columns, rows, np.ones_like(rows)], axis=-1).astype(np.float64)
    rays = pixels @ np.linalg.inv(CAMERA.intrinsics(width, height)).T
    pose = CAMERA.pose()
    return rays * view.depth[..., None] @ pose[:3, :3].T + pose[:3, 3]


def test_objects_do_not_touch(scene: TableScene) -> None:
    corners = []
    for item in scene.objects:
        x, y, _ = item.extent
        corners.append(((item.x, item.y), (x, y), float(np.degrees(item.yaw))))
    for number, one in enumerate(corners):
        for other in corners[number + 1 :]:
            kind, _ = cv2.rotatedRectangleIntersection(one, other)
            assert kind == cv2.INTERSECT_NONE


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
        turn = np.array(
            [[np.cos(item.yaw), np.sin(item.yaw)], [-np.sin(item.yaw), np.cos(item.yaw)]]
        )
        local = (own[:, :2] - (item.x, item.y)) @ turn.T
        assert (np.abs(local) < np.array(item.extent[:2]) / 2 + 0.002).all()
        assert (own[:, 2] > -0.002).all()
        assert (own[:, 2] < item.extent[2] + 0.003).all()


def test_visible_fractions(view: TableView) -> None:
    assert all(0 < fraction <= 1 for fraction in view.visible_fraction)
    assert max(view.visible_fraction) > 0.95


def test_a_thing_half_out_of_the_picture_is_half_visible(scene: TableScene) -> None:
    from vit_perception.scenes.table_render import TableRenderer

    target = scene.objects[0]
    above = (target.x, target.y + 0.001, 0.8)
    # Straight above, the frame's edge through the object's middle.
    aside = Pinhole(above, (target.x, target.y, 0.0), 0.0, 30.0)
    half_width = 0.8 * np.tan(np.radians(15.0))
    moved = (target.x + half_width, target.y, 0.0)
    shifted = Pinhole((moved[0], moved[1] + 0.001, 0.8), moved, 0.0, 30.0)
    with TableRenderer(scene, 240, 240) as renderer:
        whole = renderer.render(aside).visible_fraction[0]
        half = renderer.render(shifted).visible_fraction[0]
    assert whole > 0.95
    assert half == pytest.approx(0.5, abs=0.12)


def test_colours_are_drawn_where_the_owner_says(scene: TableScene, view: TableView) -> None:
    reds = [n for n, item in enumerate(scene.objects) if item.look.colours[0] == "red"]
    for number in reds:
        if scene.objects[number].asset.has_texture:
            continue
        red, green, blue = view.rgb[view.owner == number].mean(axis=0)
        assert red > 1.5 * max(green, blue)
