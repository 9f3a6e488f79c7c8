# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from test.space.scene import CAMERA, Solid, looking, masks_of, render
from vit_perception.masks import Masks
from vit_perception.space.noise import DepthNoise
from vit_perception.space.objects import Plane
from vit_perception.space.plane import fit_plane

NOISE = DepthNoise()
NOTHING = Masks(np.zeros((0, 2), np.int64), (), 480, 640)


def angle(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.degrees(np.arccos(np.clip(one @ other, -1, 1))))


def table(pose: object) -> Plane:
    return Plane(np.array([0.0, 0.0, 1.0]), 0.0).moved(pose)  # type: ignore[arg-type]


@pytest.mark.parametrize("tilt", [25, 50, 90])
@pytest.mark.parametrize("roll", [0, 130])
def test_a_noisy_table_with_things_on_it(tilt: float, roll: float) -> None:
    pose = looking(0.9, tilt, 20, roll)
    solids = [Solid("box", (0.15, 0.1, 0.1), (0.1 * i - 0.2, 0.1 * i - 0.2)) for i in range(5)]
    view = render(solids, pose).noisy(np.random.default_rng(0))
    found = fit_plane(view.masks(), view.depth, CAMERA, NOISE, 4.0)
    assert found is not None
    assert angle(found.normal, table(pose).normal) < 0.3
    assert found.offset == pytest.approx(table(pose).offset, abs=0.002)
    assert found.offset > 0 and found.inliers > 1000
    # Noise along the ray, seen at that angle.
    assert 0.0003 < found.sigma < 0.006


def test_the_same_image_gives_the_same_plane() -> None:
    view = render([Solid("box", (0.1, 0.1, 0.1))]).noisy(np.random.default_rng(1))
    one, other = (fit_plane(view.masks(), view.depth, CAMERA, NOISE, 4.0) for _ in range(2))
    assert one is not None and other is not None
    np.testing.assert_array_equal(one.normal, other.normal)


def test_exact_depth_gives_the_exact_plane() -> None:
    pose = looking(1.2, 40, 70, 15)
    view = render([], pose)
    found = fit_plane(NOTHING, view.depth, CAMERA, NOISE, 4.0)
    assert found is not None and angle(found.normal, table(pose).normal) < 0.01
    assert found.sigma < 1e-5


def test_the_table_under_the_things_and_not_the_larger_floor() -> None:
    # The table's top is 0.4 m over the floor, and most of the image is floor.
    board = Solid("box", (0.5, 0.4, 0.4))
    thing = Solid("box", (0.1, 0.08, 0.06), lift=0.4)
    view = render([board, thing], looking(1.6, 60)).noisy(np.random.default_rng(2))
    masks = masks_of([view.ids == 1])
    found = fit_plane(masks, view.depth, CAMERA, NOISE, 4.0)
    assert found is not None
    top = found.moved(view.camera_from_world.inverse())
    assert angle(top.normal, np.array([0, 0, 1.0])) < 1
    assert top.offset == pytest.approx(-0.4, abs=0.005)


def test_gravity_tells_the_table_from_a_wall() -> None:
    # A wall stands close behind the thing and fills most of what is around it.
    wall = Solid("box", (0.05, 2.0, 1.5), (-0.08, 0.0))
    thing = Solid("box", (0.06, 0.06, 0.2))
    pose = looking(0.9, 15)
    view = render([wall, thing], pose).noisy(np.random.default_rng(3))
    masks = masks_of([view.ids == 1])
    down = pose.rotation @ np.array([0.0, 0.0, -1.0])
    found = fit_plane(masks, view.depth, CAMERA, NOISE, 4.0, down)
    assert found is not None and angle(found.normal, -down) < 2
    # Any other direction finds no level plane.
    assert fit_plane(masks, view.depth, CAMERA, NOISE, 4.0, np.array([1.0, 0, 0])) is None


@pytest.mark.parametrize("bad", [np.nan, 0.0, np.inf])
def test_no_depth_has_no_plane(bad: float) -> None:
    depth = np.full((480, 640), bad, np.float32)
    assert fit_plane(NOTHING, depth, CAMERA, NOISE, 4.0) is None


def test_a_ragged_surface_has_no_plane() -> None:
    depth = np.random.default_rng(4).uniform(0.5, 2, (480, 640)).astype(np.float32)
    assert fit_plane(NOTHING, depth, CAMERA, NOISE, 4.0) is None
    # Nor has what is beyond the range.
    assert fit_plane(NOTHING, render([]).depth, CAMERA, NOISE, 0.3) is None
