# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from test.space.scene import Solid, looking, render, tightest
from vit_perception.space.box import free_boxes, standing_boxes
from vit_perception.space.locate import locate
from vit_perception.space.objects import Plane
from vit_perception.space.rigid import Rigid
from vit_perception.space.surface import Surface

TABLE = Plane(np.array([0.0, 0.0, 1.0]), 0.0, 1000, 0.001)


def surface(points: np.ndarray, stands: bool = True) -> Surface:
    return Surface(
        points=points.astype(np.float32),
        pixels=np.zeros((len(points), 2), np.int32),
        count=len(points),
        smooth=np.ascontiguousarray(points.T, np.float32),
        visible=1.0,
        pitch=0.001,
        hidden=0.0,
        noise=0.002,
        stands=stands,
    )


def brick(size: tuple[float, float, float], count: int = 400, seed: int = 0) -> np.ndarray:
    """Points all over a box around the origin, its corners among them."""
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
    inside = np.random.default_rng(seed).uniform(-1, 1, (count, 3))
    return np.concatenate([corners, inside]) * np.array(size) / 2


@st.composite
def motions(draw: st.DrawFn) -> Rigid:
    numbers = [draw(st.floats(-1, 1)) for _ in range(3)]
    angles = [draw(st.floats(-180, 180)) for _ in range(3)]
    turn = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    return Rigid(turn, np.array(numbers))


def same_box(one: np.ndarray, other: np.ndarray) -> None:
    """Checks that two boxes have the same corners [8, 3], in any order."""
    away = np.linalg.norm(one[:, None] - other[None], axis=2)
    assert away.min(axis=0).max() < 1e-4 and away.min(axis=1).max() < 1e-4


def corners(boxes: object) -> np.ndarray:
    signs = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
    centre, size, turn = boxes.centres[0], boxes.sizes[0], boxes.rotations[0]  # type: ignore[attr-defined]
    return np.asarray(Rigid(turn, centre).apply(signs * size / 2))


@given(motions(), st.sampled_from([(0.3, 0.2, 0.1), (0.1, 0.02, 0.3), (0.2, 0.05, 0.04)]))
@settings(max_examples=60, deadline=None)
def test_a_box_moves_with_its_points(motion: Rigid, size: tuple[float, float, float]) -> None:
    points = brick(size) + np.array([0.1, 0.05, 2.0 + size[2] / 2])
    table = Plane(TABLE.normal, -2.0, 1000, 0.001)
    # Noise depends on where the camera is; without it, nothing does.
    here = standing_boxes([surface(points)], table, 0.0)
    there = standing_boxes([surface(motion.apply(points))], table.moved(motion), 0.0)
    same_box(motion.apply(corners(here)), corners(there))
    np.testing.assert_allclose(here.sizes, there.sizes, atol=1e-4)
    np.testing.assert_allclose(sorted(here.sizes[0]), sorted(size), atol=1e-4)
    here, there = (free_boxes([surface(each)], 0.0) for each in (points, motion.apply(points)))
    same_box(motion.apply(corners(here)), corners(there))


def test_a_scene_moved_with_its_camera_gives_the_same_boxes() -> None:
    # A quarter turn of the camera about its axis turns the image and nothing else.
    solid = Solid("box", (0.12, 0.05, 0.07), (0.03, 0.02), 0.6)
    boxes = []
    for roll in (0.0, 90.0, 180.0):
        view = render([solid], looking(0.7, 55, 30, roll))
        found = locate(view.masks(), view.depth, view.camera)
        boxes.append(found.moved(view.camera_from_world.inverse()))
    for other in boxes[1:]:
        np.testing.assert_allclose(other.centres, boxes[0].centres, atol=0.001)
        np.testing.assert_allclose(other.sizes, boxes[0].sizes, atol=0.002)
        along = other.rotations[0][:, 0] @ boxes[0].rotations[0][:, 0]
        assert abs(along) > 0.9999


def test_outliers_do_not_stretch_a_box() -> None:
    points = brick((0.3, 0.2, 0.1), 3000) + np.array([0, 0, 0.05])
    wild = np.concatenate([points, [[0.0, 0.0, 0.9], [0.0, 0.0, -0.9]]])
    box = standing_boxes([surface(wild, stands=False)], TABLE, 0.0)
    assert box.sizes[0, 2] == pytest.approx(0.1, abs=0.002)


def test_noise_does_not_stretch_a_box() -> None:
    # The top of a table seen from above, with noise along the ray.
    rng = np.random.default_rng(1)
    errors = []
    for _ in range(20):
        points = rng.uniform(-0.1, 0.1, (400, 3))
        points[:, 2] = 1.0 + rng.normal(size=400) * 0.002 * 0.25
        plane = Plane(np.array([0.0, 0.0, -1.0]), 1.1, 1000, 0.001)
        box = standing_boxes([surface(points)], plane, 1.0)
        # From the plane, 0.1 m farther, up to it.
        errors.append(box.sizes[0, 2] - 0.1)
    assert abs(np.mean(errors)) < 0.0004


def test_the_variance_of_yaw_says_what_is_round_or_square() -> None:
    angle = np.linspace(0, 2 * np.pi, 200)
    disc = np.stack([0.05 * np.cos(angle), 0.05 * np.sin(angle), 0 * angle + 0.8], axis=1)
    plane = Plane(np.array([0.0, 0.0, -1.0]), 0.85, 1000, 0.001)

    def yaw(points: np.ndarray) -> float:
        box = standing_boxes([surface(points)], plane, 0.0)
        normal = box.rotations[0][:, 2]
        return float(np.degrees(np.sqrt(normal @ box.covariances[0, 3:, 3:] @ normal)))

    far = np.array([0, 0, 0.8])
    assert yaw(disc) > 20
    assert yaw(brick((0.1, 0.1, 0.02)) + far) > 20
    assert yaw(brick((0.1, 0.05, 0.02)) + far) < 3
    assert yaw(brick((0.3, 0.05, 0.02)) + far) < yaw(brick((0.1, 0.05, 0.02)) + far)


def test_covariances_are_as_large_as_errors() -> None:
    rng = np.random.default_rng(2)
    solids = [
        Solid("box", (0.10, 0.06, 0.05), yaw=0.4),
        Solid("can", (0.07, 0.07, 0.12), (-0.15, 0.1)),
        Solid("box", (0.2, 0.03, 0.02), (0.1, 0.15), 1.0),
    ]
    squares, turns, away = [], [], []
    for pose in (looking(0.6, 50), looking(0.9, 40, 130), looking(1.1, 60, 250)):
        clean = render(solids, pose)
        for _ in range(12):
            view = clean.noisy(rng).mixed(rng)
            found = locate(view.masks(), view.depth, view.camera)
            world = found.moved(pose.inverse())
            for index in range(3):
                centre, _, yaw = tightest(view.truth(index))
                error = pose.rotation @ (world.centres[index] - centre)
                covariance = found.covariances[index][:3, :3]
                squares.append(error @ np.linalg.solve(covariance, error) / 3)
                ray = found.centres[index] / np.linalg.norm(found.centres[index])
                # Most uncertain along the ray.
                away.append(ray @ covariance @ ray / (np.trace(covariance) / 3))
                if index != 1:
                    first = world.rotations[index][:, 0]
                    off = (np.arctan2(first[1], first[0]) - yaw + np.pi / 2) % np.pi - np.pi / 2
                    turns.append(off**2 / world.covariances[index][5, 5])
    # Squares of normal deviates have a mean of 1.
    assert 1 / 3 < np.mean(squares) < 3 and np.quantile(squares, 0.95) < 9
    assert np.mean(turns) < 3
    assert min(away) > 1
