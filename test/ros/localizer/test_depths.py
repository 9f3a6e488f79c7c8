# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Depth and cameras of all kinds, over DDS."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("rclpy")

from sensor_msgs.msg import RegionOfInterest

from vit_perception.space.rigid import Rigid

from ..bench import SECOND, Bench, wait_for
from .rig import Rig, Transformer
from .scene import (
    FRAME,
    SIZE,
    Scene,
    compressed_depth_message,
    depth_message,
    detections_message,
    info_message,
    instances_message,
    pinhole,
    place_of,
    scene,
)

pytestmark = pytest.mark.ros


def check(rig: Rig, seen: Scene, size: NDArray[np.float64] = SIZE, within: float = 0.005) -> None:
    """The one box is where it is in the scene, and as large."""
    [entry] = rig.box().detections
    there = seen.world_from_camera.apply(place_of(entry))
    np.testing.assert_allclose(there, seen.centre, atol=within)
    found = entry.bbox.size
    np.testing.assert_allclose([found.x, found.y, found.z], size, atol=2 * within)


@pytest.mark.parametrize("encoding", ["16UC1", "32FC1"])
def test_compressed_depth(bench: Bench, encoding: str) -> None:
    rig, seen = Rig(bench, depth_transport="compressedDepth"), scene()
    depth, owner = seen.rendered()
    rig.infos(seen)
    rig.publish("depth/compressedDepth", compressed_depth_message(depth, encoding))
    rig.publish("instances", instances_message(owner))
    rig.publish("detections", detections_message(owner))
    check(rig, seen)


def test_compressed_depth_of_another_size_without_a_camera_is_dropped(bench: Bench) -> None:
    """Its size is not known before it is unpacked."""
    rig, seen = Rig(bench, depth_transport="compressedDepth"), scene()
    depth, owner = seen.rendered()
    rig.infos(seen)
    rig.publish("depth/compressedDepth", compressed_depth_message(depth[:120], "16UC1"))
    rig.publish("instances", instances_message(owner))
    rig.publish("detections", detections_message(owner))
    rig.says("expected 320 x 240 px like the image, or a camera_info on", "frames")
    assert rig.node.counts.undecodable["size"] == 1


@pytest.mark.parametrize("size", [(160, 120), (400, 300)])
def test_depth_of_another_size_has_a_camera_of_its_own(
    bench: Bench, size: tuple[int, int]
) -> None:
    rig, seen = Rig(bench), scene()
    coarse = scene(camera=pinhole(*size))
    rig.infos(seen)
    rig.publish("depth/camera_info", info_message(coarse.camera))
    wait_for(lambda: "depth/camera_info" in rig.node._cameras[0].infos, "its camera_info")
    owner = seen.rendered()[1]
    rig.publish("depth", depth_message(coarse.rendered()[0]))
    rig.publish("instances", instances_message(owner))
    rig.publish("detections", detections_message(owner))
    check(rig, seen, within=0.008)


def test_depth_of_another_camera_is_moved_into_the_image(bench: Bench) -> None:
    rig, seen = Rig(bench, sync_timeout=2.0, tf_timeout=5.0), scene()
    camera_from_depth = Rigid(np.eye(3), np.array([-0.05, 0.0, 0.0]))
    beside = scene(world_from_camera=seen.world_from_camera @ camera_from_depth)
    rig.infos(seen)
    rig.publish("depth/camera_info", info_message(beside.camera, frame="depth_frame"))
    owner = seen.rendered()[1]
    rig.publish("depth", depth_message(beside.rendered()[0], frame="depth_frame"))
    rig.publish("instances", instances_message(owner))
    rig.publish("detections", detections_message(owner))
    transformer = Transformer(bench)
    # Nobody has asked for transforms: the other frame of the depth does.
    transformer.heard()
    transformer.send(FRAME, "depth_frame", 0, camera_from_depth, static=True)
    check(rig, seen, within=0.008)


DISTORTIONS = {
    "plumb_bob": [-0.25, 0.08, 0.001, -0.001, 0.0],
    "rational_polynomial": [-0.2, 0.05, 0.001, 0.0, 0.01, 0.02, 0.01, 0.0],
    "equidistant": [0.05, -0.01, 0.002, 0.0],
}


@pytest.mark.parametrize("model", DISTORTIONS)
def test_a_distorted_camera(bench: Bench, model: str) -> None:
    camera = pinhole(model=model, distortion=np.array(DISTORTIONS[model]))
    # Towards a corner of the image, where distortion counts.
    rig, seen = Rig(bench), scene(camera=camera, place=(0.14, 0.05))
    rig.see(seen)
    check(rig, seen)


def test_a_rectified_image_has_no_distortion(bench: Bench) -> None:
    rig, seen = Rig(bench, rectified="true"), scene(place=(0.14, 0.05))
    message = info_message(seen.camera)
    message.d = DISTORTIONS["plumb_bob"]
    message.k[0] *= 1.2
    rig.publish("camera_info", message)
    wait_for(lambda: rig.node._cameras[0].infos, "camera_info")
    rig.send(seen)
    check(rig, seen)


def test_a_region_and_binning_of_the_sensor(bench: Bench) -> None:
    """The image is every other pixel of a part of a larger sensor."""
    rig, seen = Rig(bench), scene()
    whole = info_message(pinhole(1000, 800))
    k = seen.camera.matrix
    whole.k = [2 * k[0, 0], 0.0, 2 * k[0, 2] + 100, 0.0, 2 * k[1, 1], 2 * k[1, 2] + 60, 0, 0, 1.0]
    whole.binning_x = whole.binning_y = 2
    whole.roi = RegionOfInterest(x_offset=100, y_offset=60, width=640, height=480)
    rig.publish("camera_info", whole)
    wait_for(lambda: rig.node._cameras[0].infos, "camera_info")
    rig.send(seen)
    check(rig, seen)


def with_borders(depth: NDArray[Any], owner: NDArray[Any]) -> None:
    depth[:20] = depth[-20:] = np.nan
    depth[:, :30] = depth[:, -30:] = np.nan


def with_holes(depth: NDArray[Any], owner: NDArray[Any]) -> None:
    rows, columns = np.nonzero(owner)
    rng = np.random.default_rng(1)
    for index in rng.integers(0, len(rows), 5):
        owner[rows[index] : rows[index] + 4, columns[index] : columns[index] + 4] = 0
    depth[rng.random(depth.shape) < 0.05] = np.nan


@pytest.mark.parametrize("damage", [with_borders, with_holes])
@pytest.mark.parametrize("encoding", ["16UC1", "32FC1"])
def test_what_the_camera_does_not_see(
    bench: Bench, damage: Callable[[Any, Any], None], encoding: str
) -> None:
    rig, seen = Rig(bench), scene()
    depth, owner = seen.rendered()
    damage(depth, owner)
    rig.infos(seen)
    rig.publish("depth", depth_message(depth, encoding))
    rig.publish("instances", instances_message(owner))
    rig.publish("detections", detections_message(owner))
    check(rig, seen, within=0.008)


def test_half_a_thing_outside_the_image_is_as_large_as_what_is_seen(bench: Bench) -> None:
    rig, seen = Rig(bench), scene(place=(0.36, 0.0))
    rig.see(seen)
    [entry] = rig.box().detections
    there = seen.world_from_camera.apply(place_of(entry))
    assert there[0] < seen.centre[0] - 0.01
    assert entry.bbox.size.x < SIZE[0] - 0.02
    assert there[2] == pytest.approx(seen.centre[2], abs=0.01)


def test_things_without_depth_are_left_out_and_counted(bench: Bench) -> None:
    rig, seen = Rig(bench), scene()
    depth, owner = seen.rendered()
    depth[owner == 1] = np.nan
    rig.infos(seen)
    rig.publish("depth", depth_message(depth))
    rig.publish("instances", instances_message(owner))
    rig.publish("detections", detections_message(owner))
    assert rig.box().detections == []
    wait_for(lambda: rig.shown().get("objects.left_out.no_depth") == "1", "the count")
    wait_for(lambda: rig.shown().get("objects.placed") == "0", "diagnostics")


def test_nothing_found_is_a_message_too(bench: Bench) -> None:
    rig, seen = Rig(bench), scene(place=(3.0, 3.0))
    rig.see(seen)
    assert rig.box().detections == []


def test_without_instances_boxes_are_used(bench: Bench) -> None:
    rig, seen = Rig(bench), scene()
    depth, owner = seen.rendered()
    rig.infos(seen)
    for number in (1, 2):
        rig.publish("depth", depth_message(depth, stamp=number * SECOND))
        rig.publish("detections", detections_message(owner, stamp=number * SECOND))
        wait_for(lambda n=number: len(rig.boxes) == n, "boxes")
    [entry] = rig.boxes[-1].detections
    np.testing.assert_allclose(
        seen.world_from_camera.apply(place_of(entry)), seen.centre, atol=0.01
    )
    rig.says("nothing on /instances: things are placed by their boxes")
    wait_for(lambda: rig.shown().get("frames.by_boxes") == "2", "diagnostics")


def test_the_image_s_camera_info_does_for_aligned_depth_and_that_is_said(bench: Bench) -> None:
    rig, seen = Rig(bench), scene()
    rig.see(seen)
    check(rig, seen)
    rig.says("nothing on /depth/camera_info: depth of the image's frame and size is read with")


@pytest.mark.parametrize(
    ("scale", "encoding", "words"),
    [
        (1000.0, "32FC1", "expected metres, found millimetres?"),
        (0.001, "16UC1", "expected millimetres, found metres?"),
    ],
)
def test_a_mistake_of_units_is_named(
    bench: Bench, scale: float, encoding: str, words: str
) -> None:
    rig, seen = Rig(bench), scene(world_from_camera=Rigid.identity())
    depth = np.full((240, 320), 1.2, np.float32) * np.float32(scale)
    if encoding == "16UC1":
        depth *= 2
    owner = np.zeros((240, 320), np.uint16)
    owner[100:140, 100:180] = 1
    rig.infos(seen)
    rig.publish("depth", depth_message(depth, encoding))
    rig.publish("instances", instances_message(owner))
    rig.publish("detections", detections_message(owner))
    assert rig.box().detections == []
    rig.says(words, level=b"\x01")


def test_messages_that_cannot_be_read_are_dropped_and_counted(bench: Bench) -> None:
    rig, seen = Rig(bench), scene()
    depth, owner = seen.rendered()
    rig.infos(seen)

    def dropped(count: int, reason: str) -> None:
        wait_for(lambda: rig.node.counts.dropped["undecodable"] == count, reason)
        assert rig.node.counts.undecodable[reason] == 1

    def send(stamp: int, depth_image: Any, instances: Any) -> None:
        rig.publish("depth", depth_image)
        rig.publish("instances", instances)
        rig.publish("detections", detections_message(owner, stamp))

    wrong = depth_message(depth, stamp=1 * SECOND)
    wrong.encoding = "rgb8"
    send(1 * SECOND, wrong, instances_message(owner, 1 * SECOND))
    dropped(1, "encoding")
    wrong = instances_message(owner, 2 * SECOND)
    wrong.encoding = "mono8"
    send(2 * SECOND, depth_message(depth, stamp=2 * SECOND), wrong)
    dropped(2, "instances")
    small = instances_message(owner[:100], 3 * SECOND)
    send(3 * SECOND, depth_message(depth, stamp=3 * SECOND), small)
    dropped(3, "size")
    info = info_message(seen.camera)
    info.k[0] = 0.0
    rig.publish("camera_info", info)
    wait_for(lambda: rig.node._cameras[0].infos["camera_info"].k[0] == 0.0, "camera_info")
    send(4 * SECOND, depth_message(depth, stamp=4 * SECOND), instances_message(owner, 4 * SECOND))
    dropped(4, "camera_info")
    rig.infos(seen)
    rig.see(seen, 5 * SECOND)
    check(rig, seen)
