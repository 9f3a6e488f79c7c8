# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vit_perception.scenes.depth_noise import D435
from vit_perception.scenes.labels import Thing
from vit_perception.scenes.moving_camera import Arc, CameraFrame, render_moving_camera
from vit_perception.scenes.scene_truth import (
    Placed,
    ground_truth,
    ground_truth_3d,
    smallest_rectangle,
)
from vit_perception.space.rigid import Rigid

OBJECTS = ("crate_green", "tower_red")


@pytest.fixture(scope="module")
def frames(pack: Path, rendering: None) -> list[CameraFrame]:
    arc = Arc(seconds=0.6, rate=10.0, azimuth=(-10.0, 30.0), distance=(0.9, 0.6))
    return list(render_moving_camera([pack], objects=OBJECTS, arc=arc, width=160, height=120))


def test_identities_masks_and_boxes_agree(frames: list[CameraFrame]) -> None:
    for frame in frames:
        truth = frame.truth
        assert truth.owner.dtype == np.uint16
        assert [placed.number for placed in truth.objects] == [1, 2]
        assert tuple(placed.thing.asset for placed in truth.objects) == OBJECTS
        assert truth.seen() == (1, 2)
        masks = truth.masks(truth.seen())
        for index, label in enumerate(frame.labels):
            x, y, width, height = label.box
            assert masks.origins[index].tolist() == [x, y]
            assert masks.crops[index].shape == (height, width)
            assert masks.areas()[index] == label.area
            np.testing.assert_array_equal(masks.one(index), truth.owner == index + 1)
        assert np.abs(truth.depth * 1000 - frame.depth).max() <= 0.51


def test_what_is_seen_lies_on_the_object(frames: list[CameraFrame]) -> None:
    for frame in frames:
        truth = frame.truth
        for placed in truth.objects:
            points = truth.points(placed.number, frame.intrinsics, frame.pose)
            own = Rigid(placed.pose[:3, :3], placed.pose[:3, 3]).inverse().apply(points)
            # Objects of the pack are boxes: what is seen lies on a side of them.
            half = placed.extents() / 2
            middle = (placed.hull.min(axis=0) + placed.hull.max(axis=0)) / 2
            off = np.abs(np.abs(own - middle) - half).min(axis=1)
            assert np.quantile(off, 0.98) < 0.002
            assert (np.abs(own - middle) < half + 0.003).all()


def test_boxes_hold_what_is_seen(frames: list[CameraFrame]) -> None:
    for frame in frames:
        truth = frame.truth
        boxes = truth.boxes(frame.intrinsics, frame.pose)
        assert len(boxes) == 2
        for index in range(2):
            own = boxes.pose(index).inverse().apply(boxes.surfaces[index])
            np.testing.assert_allclose(
                np.ptp(own, axis=0), boxes.sizes[index], atol=1e-4, err_msg=str(index)
            )
            np.testing.assert_allclose(own.min(axis=0), -boxes.sizes[index] / 2, atol=1e-4)
            assert boxes.sizes[index, 0] >= boxes.sizes[index, 1]
            np.testing.assert_array_equal(boxes.rotations[index, :, 2], [0, 0, 1])
            assert np.linalg.det(boxes.rotations[index]) == pytest.approx(1)


def test_boxes_in_the_optical_frame_have_names_and_ids(frames: list[CameraFrame]) -> None:
    frame = frames[2]
    truth = frame.truth
    objects, names = ground_truth_3d(truth, frame.labels, frame.intrinsics, frame.pose)
    assert [names.class_name(row) for row in objects.rows] == ["crate", "tower"]
    assert names.ids is not None
    assert names.ids.tolist() == [1, 2]
    pixels = frame.intrinsics @ objects.centres.T
    for (x, y), box in zip(
        (pixels[:2] / pixels[2]).T, ground_truth(frame.labels).boxes, strict=True
    ):
        assert box[0] < x < box[2]
        assert box[1] < y < box[3]
    world = truth.boxes(frame.intrinsics, frame.pose)
    back = objects.moved(Rigid(frame.pose[:3, :3], frame.pose[:3, 3]))
    np.testing.assert_allclose(back.centres, world.centres, atol=1e-9)
    np.testing.assert_allclose(back.rotations, world.rotations, atol=1e-9)


def test_objects_stay_where_they_are_while_the_camera_moves(frames: list[CameraFrame]) -> None:
    assert len({frame.pose.tobytes() for frame in frames}) == len(frames)
    for index in range(2):
        assert len({frame.truth.objects[index].pose.tobytes() for frame in frames}) == 1


def test_the_camera_may_stand_still(pack: Path, rendering: None) -> None:
    arc = Arc(seconds=0.3, rate=10.0, azimuth=(-90, -90), elevation=(40, 40), distance=(0.8, 0.8))
    shots = list(
        render_moving_camera([pack], objects=OBJECTS, arc=arc, width=160, height=120, sensor=D435)
    )
    assert len({shot.pose.tobytes() for shot in shots}) == 1
    assert len({shot.truth.depth.tobytes() for shot in shots}) == 1
    # Noise is new in every frame.
    assert len({shot.depth.tobytes() for shot in shots}) == len(shots)
    assert len({shot.rgb.tobytes() for shot in shots}) == len(shots)
    both = (shots[0].depth > 0) & (shots[0].truth.depth < 2)
    error = shots[0].depth / 1000 - shots[0].truth.depth
    assert 0.0005 < np.median(np.abs(error[both])) < 0.01


def test_a_sensor_changes_nothing_but_the_depth(pack: Path, rendering: None) -> None:
    arc = Arc(seconds=0.2, rate=10.0)
    exact, noisy = (
        list(
            render_moving_camera(
                [pack], objects=OBJECTS, arc=arc, width=96, height=64, sensor=sensor
            )
        )
        for sensor in (None, D435)
    )
    for one, other in zip(exact, noisy, strict=True):
        np.testing.assert_array_equal(one.rgb, other.rgb)
        np.testing.assert_array_equal(one.truth.depth, other.truth.depth)
        assert not np.array_equal(one.depth, other.depth)


@pytest.mark.parametrize("degrees", [0, 20, 90, 135, 179])
def test_footprint_of_a_turned_box(degrees: int) -> None:
    turn = np.radians(degrees)
    pose = np.eye(4)
    pose[:2, :2] = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    pose[:3, 3] = (30.0, -20.0, 0.4)
    hull = np.array([[x, y, z] for x in (-0.1, 0.1) for y in (-0.03, 0.03) for z in (0, 0.2)])
    thing = Thing("box", "box", ("box",), (), "card", "a box", "train")
    placed = Placed(1, thing, pose, hull)
    length, width, yaw = placed.footprint()
    assert (length, width) == pytest.approx((0.2, 0.06), abs=1e-4)
    off = (np.degrees(yaw) - degrees + 90) % 180 - 90
    assert off == pytest.approx(0, abs=0.1)
    assert placed.has_yaw()
    np.testing.assert_allclose(placed.extents(), [0.2, 0.06, 0.2])


def test_smallest_rectangle_far_from_the_origin() -> None:
    rng = np.random.default_rng(2)
    points = rng.uniform(-1, 1, (500, 2)) * (0.05, 0.01) + (12.0, -7.0)
    middle, sides, yaw = smallest_rectangle(points)
    assert middle == pytest.approx((12.0, -7.0), abs=1e-3)
    assert sides == pytest.approx((0.1, 0.02), abs=2e-3)
    assert min(yaw, np.pi - yaw) < 0.02
