# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from test.space.scene import CAMERA, K, Solid, View, looking, masks_of, render, tightest
from vit_perception.masks import Masks
from vit_perception.space.camera_model import CameraModel
from vit_perception.space.locate import LocateError, locate
from vit_perception.space.objects import FEW_POINTS, NO_DEPTH, Objects, Plane
from vit_perception.space.settings import SpaceSettings

BRICK = Solid("box", (0.10, 0.06, 0.05), (0.05, -0.02), 0.4)
CAN = Solid("can", (0.07, 0.07, 0.12), (-0.1, 0.05))
BALL = Solid("ball", (0.08, 0.08, 0.08), (0.0, 0.15))
RULER = Solid("box", (0.20, 0.03, 0.006), (-0.05, -0.15), 1.2)
SCENE = [BRICK, CAN, BALL, RULER]
POSES = [looking(0.8, 50), looking(0.5, 65, 120), looking(1.1, 40, 250, roll=30)]


def in_world(view: View, masks: Masks | None = None, **changes: object) -> Objects:
    found = locate(masks or view.masks(), view.depth, view.camera, **changes)  # type: ignore[arg-type]
    return found.moved(view.camera_from_world.inverse())


def off(found: Objects, view: View, index: int) -> float:
    """Metres between the centre of a thing's box and the true one of what is seen of it."""
    row = found.rows.tolist().index(index)
    return float(np.linalg.norm(found.centres[row] - tightest(view.truth(index))[0]))


@pytest.mark.parametrize("pose", POSES)
def test_exact_depth_gives_the_boxes_of_what_is_seen(pose: object) -> None:
    view = render(SCENE, pose)  # type: ignore[arg-type]
    found = in_world(view)
    assert found.rows.tolist() == [0, 1, 2, 3] and not found.left_out
    for index in range(4):
        centre, size, yaw = tightest(view.truth(index))
        np.testing.assert_allclose(found.centres[index], centre, atol=0.005)
        np.testing.assert_allclose(found.sizes[index], size, atol=0.009)
        if index in (0, 3):
            first = found.rotations[index][:, 0]
            turned = (np.arctan2(first[1], first[0]) - yaw + np.pi / 2) % np.pi - np.pi / 2
            assert abs(turned) < np.radians(2)
    assert found.support is not None
    np.testing.assert_allclose(found.support.normal, [0, 0, 1], atol=1e-3)
    assert abs(found.support.offset) < 1e-3


def test_noisy_depth_with_mixed_pixels_and_holes() -> None:
    rng = np.random.default_rng(0)
    errors = []
    for pose in POSES:
        for _ in range(3):
            view = render(SCENE, pose).noisy(rng).mixed(rng)
            found = in_world(view)
            errors += [off(found, view, index) for index in range(4)]
    assert np.median(errors) < 0.003 and np.max(errors) < 0.012


def test_loose_masks_on_table_and_background() -> None:
    rng = np.random.default_rng(1)
    errors = []
    for pose in POSES:
        view = render(SCENE, pose).noisy(rng).mixed(rng)
        true = view.masks()
        loose = [
            cv2.dilate(true.one(index).astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
            for index in range(4)
        ]
        found = in_world(view, masks_of(loose))
        errors += [off(found, view, index) for index in range(4)]
    assert np.median(errors) < 0.005 and np.quantile(errors, 0.9) < 0.015


def test_tight_masks_lose_no_more_than_they_leave_out() -> None:
    view = render(SCENE, POSES[0]).noisy(np.random.default_rng(2))
    tight = [
        cv2.erode(view.masks().one(index).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        for index in range(3)
    ]
    found = in_world(view, masks_of(tight))
    assert max(off(found, view, index) for index in range(2)) < 0.006


def test_a_neighbour_in_a_mask_does_not_move_a_thing() -> None:
    # Seen over its edge, 4 cm behind.
    behind = Solid("box", (0.3, 0.02, 0.2), (-0.10, 0.0), np.pi / 2)
    view = render([BRICK, behind], looking(0.8, 35)).noisy(np.random.default_rng(3))
    loose = cv2.dilate(view.masks().one(0).astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    assert off(in_world(view, masks_of([loose])), view, 0) < 0.008


def test_a_thing_that_stands_still_keeps_its_place() -> None:
    rng = np.random.default_rng(4)
    clean = render(SCENE, POSES[0])
    centres = np.stack([in_world(clean.noisy(rng)).centres for _ in range(30)])
    assert np.linalg.norm(centres.std(axis=0), axis=1).max() < 0.002


def test_half_outside_the_image() -> None:
    rng = np.random.default_rng(5)
    for sideways in (-0.43, 0.43):
        view = render([Solid("box", (0.10, 0.08, 0.06), (0.0, sideways))], POSES[0])
        ids = view.ids == 0
        assert ids[:, :2].any() or ids[:, -2:].any()
        assert off(in_world(view.noisy(rng)), view, 0) < 0.008


def test_holes_in_mask_and_depth() -> None:
    rng = np.random.default_rng(6)
    view = render([BRICK, CAN], POSES[0]).noisy(rng)
    depth = view.depth.copy()
    for bad in (np.nan, 0.0, np.inf, -1.0):
        depth[rng.random(depth.shape) < 0.1] = bad
    masks = [view.masks().one(index) & (rng.random(depth.shape) < 0.8) for index in range(2)]
    found = in_world(replace(view, depth=depth), masks_of(masks))
    assert off(found, view, 0) < 0.006 and off(found, view, 1) < 0.006
    assert (found.visible < 0.75).all()
    for points in found.surfaces:
        assert np.isfinite(points).all()


def test_the_cloud_is_the_measured_depth_of_the_pixels() -> None:
    # So large that not every pixel is needed for its box.
    view = render([Solid("box", (0.2, 0.15, 0.1))], looking(0.5, 50)).noisy(
        np.random.default_rng(7)
    )
    found = locate(view.masks(), view.depth, view.camera)
    x, y = found.pixels[0].T
    points = found.surfaces[0]
    assert points.dtype == np.float32 and found.pixels[0].dtype == np.int32
    np.testing.assert_array_equal(points[:, 2], view.depth[y, x])
    np.testing.assert_allclose(view.camera.project(points), found.pixels[0], atol=1e-2)
    assert view.masks().one(0)[y, x].all()
    assert found.points[0] == len(points)
    assert found.visible[0] == pytest.approx(len(points) / view.masks().areas()[0])
    assert found.visible[0] > 0.8


def test_thin_parts_belong_to_a_thing() -> None:
    # A pan: its handle is four pixels wide.
    pan = render([Solid("can", (0.16, 0.16, 0.04)), Solid("box", (0.16, 0.006, 0.012), (0.15, 0))],
                 looking(0.9, 60, 80))  # fmt: skip
    view = replace(pan, ids=np.minimum(pan.ids, 0), count=1).noisy(np.random.default_rng(8))
    found = in_world(view)
    # Two rectangles, one the mirror image of the other, are the smallest.
    _, size, _ = tightest(view.truth(0))
    assert size[0] > 0.22
    np.testing.assert_allclose(found.sizes[0], size, atol=0.015)


def test_cutlery_does_not_vanish_in_the_table() -> None:
    rng = np.random.default_rng(9)
    fork = Solid("box", (0.18, 0.02, 0.004), (0.02, 0.03), 0.7)
    for pose in POSES:
        view = render([fork], pose).noisy(rng)
        found = in_world(view)
        assert off(found, view, 0) < 0.006
        assert found.sizes[0, 0] == pytest.approx(0.18, abs=0.01)


def test_nothing_is_thinner_than_the_noise() -> None:
    settings = SpaceSettings()
    view = render([Solid("box", (0.2, 0.12, 0.0004))], looking(0.9, 80))
    for support in (True, False):
        found = locate(view.masks(), view.depth, CAMERA, replace(settings, support_plane=support))
        assert found.sizes.min() >= settings.noise.sigma(0.88)


def test_a_box_without_a_plane_lies_along_its_principal_axes() -> None:
    view = render(
        [Solid("box", (0.3, 0.04, 0.03), yaw=0.3, lift=0.5)], looking(1.5, 50), table=False
    )
    found = locate(view.masks(), view.depth, CAMERA)
    assert found.support is None
    world = found.moved(view.camera_from_world.inverse())
    along = world.rotations[0][:, 0]
    assert abs(along @ [np.cos(0.3), np.sin(0.3), 0]) > 0.995
    assert (np.diff(found.sizes[0]) <= 0).all()
    assert found.sizes[0, 0] == pytest.approx(0.3, abs=0.01)
    # The last axis to the camera, the first to the right.
    assert found.rotations[0][:, 2] @ found.centres[0] < 0 < found.rotations[0][0, 0]
    np.testing.assert_allclose(np.linalg.det(found.rotations), 1)


def test_axes_are_right_handed_with_the_longer_side_first() -> None:
    view = render(SCENE, POSES[2]).noisy(np.random.default_rng(10))
    found = locate(view.masks(), view.depth, CAMERA)
    assert found.support is not None
    np.testing.assert_allclose(np.linalg.det(found.rotations), 1)
    np.testing.assert_allclose(found.rotations[:, :, 2], np.tile(found.support.normal, (4, 1)))
    assert (found.sizes[:, 0] >= found.sizes[:, 1]).all() and (found.rotations[:, 0, 0] >= 0).all()
    # The camera's side.
    assert found.support.normal @ found.centres[0] < 0


def test_a_box_reaches_down_to_the_plane_where_asked() -> None:
    # From straight above only the top is seen.
    view = render([Solid("box", (0.1, 0.08, 0.06))], looking(0.8, 89.5))
    seen = in_world(view)
    assert seen.sizes[0, 2] < 0.01 and seen.centres[0, 2] > 0.05
    whole = in_world(view, settings=SpaceSettings(reach_support=True))
    assert whole.sizes[0, 2] == pytest.approx(0.06, abs=0.004)
    assert whole.centres[0, 2] == pytest.approx(0.03, abs=0.002)


def test_a_given_plane_is_used_as_it_is() -> None:
    view = render([BRICK], POSES[0])
    table = Plane(np.array([0.0, 0.0, 1.0]), 0.0).moved(view.camera_from_world)
    found = locate(view.masks(), view.depth, CAMERA, support=table)
    assert found.support is table
    np.testing.assert_allclose(found.rotations[0][:, 2], table.normal)


def test_a_fisheye_of_a_wide_view() -> None:
    matrix = np.array([[200.0, 0, 319.5], [0, 200, 239.5], [0, 0, 1]])
    camera = CameraModel(matrix, np.array([0.02, -0.005, 0.0, 0.0]), "equidistant", 640, 480)
    solids = [Solid("box", (0.2, 0.12, 0.1), (0.0, y), 0.4) for y in (-0.5, 0.0, 0.45)]
    view = render(solids, looking(0.6, 60), camera).noisy(np.random.default_rng(11))
    found = in_world(view)
    assert len(found) == 3
    assert max(off(found, view, index) for index in range(3)) < 0.012


def test_distortion_is_undone() -> None:
    camera = CameraModel(K, np.array([0.1, -0.2, 0.002, -0.001, 0.0]), "plumb_bob", 640, 480)
    view = render(SCENE, POSES[0], camera).noisy(np.random.default_rng(12))
    found = in_world(view)
    assert max(off(found, view, index) for index in range(4)) < 0.008


def test_what_has_no_place_says_why() -> None:
    view = render([BRICK], POSES[0])
    true = view.masks().one(0)
    blind = np.zeros_like(true)
    blind[5:20, 5:20] = True
    small = np.zeros_like(true)
    small[tuple(np.argwhere(true)[len(np.argwhere(true)) // 2])] = True
    depth = view.depth.copy()
    depth[:30, :30] = np.nan
    masks = masks_of([np.zeros_like(true), blind, true, small])
    found = locate(masks, depth, CAMERA)
    assert found.rows.tolist() == [2]
    assert found.left_out == {0: NO_DEPTH, 1: NO_DEPTH, 3: FEW_POINTS}
    near = locate(masks, depth, CAMERA, SpaceSettings(max_range=0.3))
    assert len(near) == 0 and near.left_out[2] == NO_DEPTH and near.support is None
    nothing = locate(masks, np.full_like(depth, np.nan), CAMERA)
    assert set(nothing.left_out.values()) == {NO_DEPTH} and nothing.centres.shape == (0, 3)
    assert nothing.covariances.shape == (0, 6, 6)
    empty = Masks(np.zeros((0, 2), np.int64), (), 480, 640)
    assert len(locate(empty, depth, CAMERA)) == 0


def test_masks_at_random_never_raise() -> None:
    rng = np.random.default_rng(13)
    view = render(SCENE, POSES[0]).noisy(rng)
    for _ in range(40):
        depth = view.depth.copy()
        depth[rng.random(depth.shape) < rng.uniform(0, 1.1)] = rng.choice([np.nan, 0, np.inf, -3])
        masks = []
        for _ in range(4):
            mask = np.zeros(depth.shape, np.bool_)
            x, y = rng.integers(0, 640), rng.integers(0, 480)
            w, h = rng.integers(1, 300), rng.integers(1, 300)
            mask[y : y + h, x : x + w] = True
            masks.append(mask & (rng.random(depth.shape) < rng.choice([0.01, 0.5, 1.0])))
        edges = int(rng.integers(0, 5))
        settings = SpaceSettings(edge_pixels=edges, support_plane=bool(rng.random() < 0.7))
        found = locate(masks_of(masks), depth, CAMERA, settings)
        assert sorted([*found.rows, *found.left_out]) == [0, 1, 2, 3]
        assert np.isfinite(found.centres).all() and (found.sizes > 0).all()
        assert (np.linalg.eigvalsh(found.covariances) > 0).all()


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"depth": np.zeros((480, 640))}, r"depth: expected float32 \[480, 640\] .* float64"),
        ({"depth": np.zeros((240, 320), np.float32)}, r"found float32 \[240, 320\]"),
        ({"camera": replace(CAMERA, width=320)}, "camera: expected 640 x 480 px .* 320 x 480"),
        ({"gravity": np.zeros(3)}, "gravity: expected three finite numbers"),
        ({"gravity": np.array([np.nan, 0, 1])}, "gravity: expected three finite numbers"),
    ],
)
def test_what_does_not_fit_together_is_refused(changes: dict[str, object], text: str) -> None:
    view = render([BRICK], POSES[0])
    given: dict[str, object] = {"masks": view.masks(), "depth": view.depth, "camera": CAMERA}
    with pytest.raises(LocateError, match=text):
        locate(**{**given, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("turn", [0.0, 20.0, 45.0])
def test_a_thin_handle_belongs_to_its_pan(turn: float) -> None:
    pan = Solid("cylinder", (0.16, 0.16, 0.08))
    handle = Solid("box", (0.16, 0.008, 0.008), at=(0.17, 0.0), lift=0.068)
    # From here jumps of depth lie between the two.
    view = render([pan, handle], looking(0.7, 50.0, turn=turn))
    found = locate(masks_of([view.ids >= 0]), view.depth, view.camera)
    # The smallest rectangle lies a little aslant.
    assert 0.3 < found.sizes[0, 0] < 0.34
    assert abs(found.sizes[0, 1] - 0.16) < 0.01


def test_nothing_is_known_of_how_a_line_turns_about_itself() -> None:
    """Rounding made the spread across it negative, and with it the variance."""
    mask = np.eye(24, 32, dtype=np.bool_)
    matrix = np.array([[32.0, 0, 15.5], [0, 32, 11.5], [0, 0, 1]])
    camera = CameraModel(matrix, np.zeros(0), "", 32, 24)
    depth = np.full((24, 32), 0.4, np.float32)
    depth[:, 16:] = 1.2
    settings = SpaceSettings(support_plane=False, min_points=4)
    masks = Masks(np.zeros((1, 2), np.int64), (mask,), 24, 32)
    [covariance] = locate(masks, depth, camera, settings).covariances
    variances = np.linalg.eigvalsh(covariance[3:, 3:])
    assert (variances > 0).all()
    assert variances[2] == pytest.approx(np.pi**2 / 12, rel=0.01)


@pytest.mark.filterwarnings("error")
def test_depth_nearer_than_any_is_none() -> None:
    matrix = np.array([[320.0, 0, 159.5], [0, 320, 11.5], [0, 0, 1]])
    camera = CameraModel(matrix, np.zeros(0), "", 320, 24)
    masks = Masks(np.zeros((1, 2), np.int64), (np.ones((9, 9), np.bool_),), 24, 320)
    found = locate(masks, np.full((24, 320), 1e-42, np.float32), camera)
    assert found.left_out == {0: "no_depth"} and found.support is None


def test_boxes_alone_are_the_same_boxes() -> None:
    view = render(SCENE)
    whole = locate(view.masks(), view.depth, view.camera)
    alone = locate(view.masks(), view.depth, view.camera, surfaces=False)
    np.testing.assert_array_equal(alone.centres, whole.centres)
    np.testing.assert_array_equal(alone.points, whole.points)
    assert [len(each) for each in whole.surfaces] == whole.points.tolist()
    assert not any(len(each) for each in (*alone.surfaces, *alone.pixels))
