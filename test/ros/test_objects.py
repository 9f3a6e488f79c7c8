# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""One call for planners."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy")

from vit_perception.ros.objects import ObjectsError, Things, objects_of
from vit_perception.space.rigid import Rigid

from .bench import image_message
from .localizer.scene import (
    SIZE,
    compressed_depth_message,
    depth_message,
    detections_message,
    info_message,
    instances_message,
    pinhole,
    scene,
)

SEEN = scene()
DEPTH, OWNER = SEEN.rendered()
PIXELS = np.random.default_rng(1).integers(0, 256, (240, 320, 3), np.uint8)


def called(**changes: Any) -> Things:
    """The call, with other messages for some of its own."""
    given = {
        "detections": detections_message(OWNER, identity="3"),
        "instances": instances_message(OWNER),
        "depth": depth_message(DEPTH, "32FC1"),
        "camera_info": info_message(SEEN.camera),
        "image": image_message(PIXELS),
    }
    return objects_of(**{**given, **changes})


def test_a_thing_has_a_cloud_a_depth_and_a_box() -> None:
    found = called()
    [thing] = found.things
    assert (thing.row, thing.name, thing.score, thing.id) == (0, "box", 0.75, "3")
    there = SEEN.world_from_camera.apply(thing.pose.translation)
    np.testing.assert_allclose(there, SEEN.centre, atol=0.004)
    np.testing.assert_allclose(thing.size, SIZE, atol=0.006)
    x, y = thing.pixels.T
    np.testing.assert_allclose(thing.points[:, 2], DEPTH[y, x], atol=1e-6)
    assert thing.colours is not None
    np.testing.assert_array_equal(thing.colours, PIXELS[y, x])
    distances = thing.points[:, 2]
    assert thing.depth.nearest == pytest.approx(distances.min())
    assert thing.depth.median == pytest.approx(np.median(distances))
    assert thing.depth.farthest == pytest.approx(distances.max())
    assert found.support is not None and found.left_out == {}


def test_a_depth_camera_of_its_own() -> None:
    move = Rigid(np.eye(3), np.array([-0.05, 0.0, 0.0]))
    beside = scene(camera=pinhole(240, 180), world_from_camera=SEEN.world_from_camera @ move)
    found = called(
        depth=depth_message(beside.rendered()[0]),
        depth_camera_info=info_message(beside.camera),
        camera_from_depth=move,
    )
    there = SEEN.world_from_camera.apply(found.things[0].pose.translation)
    np.testing.assert_allclose(there, SEEN.centre, atol=0.01)


@pytest.mark.parametrize(
    "changes", [{"instances": None}, {"depth": compressed_depth_message(DEPTH)}, {"image": None}]
)
def test_what_may_be_otherwise(changes: dict[str, Any]) -> None:
    [thing] = called(**changes).things
    there = SEEN.world_from_camera.apply(thing.pose.translation)
    np.testing.assert_allclose(there, SEEN.centre, atol=0.008)
    assert (thing.colours is None) == ("image" in changes)


def test_things_without_a_depth_are_named() -> None:
    found = called(depth=depth_message(np.where(OWNER == 1, np.nan, DEPTH), "32FC1"))
    assert (found.things, found.left_out) == ((), {0: "no_depth"})


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"depth": depth_message(DEPTH * 1000, "32FC1")}, "expected metres, found millimetres?"),
        ({"depth": depth_message(DEPTH[:100])}, "depth: expected float32 [240, 320] like the"),
        ({"depth": image_message(PIXELS)}, "depth encoding: expected one of 16UC1"),
        ({"instances": image_message(PIXELS)}, "instances: expected a mono16 image"),
        ({"image": image_message(PIXELS[:50])}, "image: expected 320 x 240 px, as camera_info"),
        ({"camera_info": info_message(pinhole(64, 48))}, "camera: expected 320 x 240 px like"),
        ({"instances": instances_message(OWNER, 5)}, "instances: expected the stamp"),
    ],
)
def test_mistakes_are_told_in_one_line(changes: dict[str, Any], line: str) -> None:
    with pytest.raises(ObjectsError) as caught:
        called(**changes)
    assert line in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_a_box_that_is_none_has_no_place(value: float) -> None:
    detections = detections_message(OWNER)
    detections.detections[0].bbox.size_x = value
    found = called(detections=detections, instances=None)
    assert found.things == () and found.left_out == {0: "no_depth"}
    # Its mask counts where there is one.
    assert len(called(detections=detections).things) == 1


def test_depth_of_another_size_is_refused_without_instances_too() -> None:
    with pytest.raises(ObjectsError, match="depth: expected 320 x 240 px like its camera_info"):
        called(depth=depth_message(DEPTH[:120], "32FC1"), instances=None)
