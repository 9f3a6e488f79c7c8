# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What belongs together, and what is missing."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy")

from sensor_msgs.msg import CompressedImage, Image

from vit_perception.ros.manual.localizer import DIAGNOSTICS

from ..bench import SECOND, Bench, stamp_of, wait_for
from ..test_topics import undocumented
from .rig import Rig
from .scene import (
    FRAME,
    depth_message,
    detections_message,
    info_message,
    instances_message,
    scene,
)

pytestmark = pytest.mark.ros
MILLISECOND = SECOND // 1000
DEPTH, OWNER = scene().rendered()


def depths(rig: Rig, *stamps: int) -> None:
    """Send a table at each stamp, as far away as the stamp has milliseconds."""
    for stamp in stamps:
        metres = (stamp // MILLISECOND) * 1e-3
        rig.publish("depth", depth_message(np.full_like(DEPTH, metres), "32FC1", stamp))


def found(rig: Rig, stamp: int) -> None:
    """Send what was found in the image of a stamp."""
    rig.publish("instances", instances_message(OWNER, stamp))
    rig.publish("detections", detections_message(OWNER, stamp))


def distance(message: Any) -> float:
    """Of the one thing, in milliseconds of the depth's stamp."""
    [entry] = message.detections
    return float(round(entry.bbox.center.position.z * 1000))


@pytest.mark.parametrize(
    ("stamps", "chosen"),
    [
        ([1000, 1010, 1020], 1010),
        ([985, 1005, 1030], 1005),
        ([1001, 1018, 1040], 1018),
        ([1016], 1016),
    ],
)
def test_the_nearest_depth_within_the_slop_is_taken(
    bench: Bench, stamps: list[int], chosen: int
) -> None:
    rig = Rig(bench, sync_slop=0.02, support_plane=False)
    rig.infos(scene())
    depths(rig, *(stamp * MILLISECOND for stamp in stamps))
    found(rig, 1010 * MILLISECOND)
    message = rig.box()
    assert stamp_of(message) == 1010 * MILLISECOND
    assert distance(message) == pytest.approx(chosen, abs=1)


def test_an_equal_stamp_is_waited_for_where_a_near_one_is_there(bench: Bench) -> None:
    rig = Rig(bench, sync_slop=0.02, sync_timeout=10.0, support_plane=False)
    rig.infos(scene())
    depths(rig, 1000 * MILLISECOND)
    found(rig, 1010 * MILLISECOND)
    [camera] = rig.node._cameras
    wait_for(lambda: camera.waiting, "an image that waits")
    depths(rig, 1010 * MILLISECOND)
    assert distance(rig.box()) == pytest.approx(1010, abs=1)


def test_stamps_that_are_apart_are_named_and_counted(bench: Bench) -> None:
    rig = Rig(bench, sync_slop=0.02)
    rig.watched()
    rig.infos(scene())
    depths(rig, 1000 * MILLISECOND, 1100 * MILLISECOND)
    found(rig, 1050 * MILLISECOND)
    wait_for(lambda: rig.node.counts.dropped["apart"] == 1, "the count")
    rig.says("waiting for depth: the nearest depth is 0.050 s apart, sync_slop is 0.02 s")
    assert rig.boxes == []


def test_each_missing_input_is_named_within_two_seconds(bench: Bench) -> None:
    rig = Rig(bench)
    begin = time.monotonic()
    for topic in ("detections", "depth", "camera_info"):
        rig.says(f"waiting for {topic}: no ", level=b"\x01")
        rig.says(f"on /{topic} for ")
    assert time.monotonic() - begin < 2.0
    rig.infos(scene())
    depths(rig, SECOND)
    found(rig, SECOND)
    rig.box()
    rig.says("results/s to be placed", level=b"\0")


def test_missing_camera_infos_are_counted_by_cause(bench: Bench) -> None:
    rig = Rig(bench, sync_timeout=0.1)
    rig.watched()
    depths(rig, SECOND)
    found(rig, SECOND)
    wait_for(lambda: rig.node.counts.dropped["no_camera_info"] == 1, "the count")
    rig.infos(scene())
    small = depth_message(DEPTH[::2, ::2].copy(), stamp=2 * SECOND)
    rig.publish("depth", small)
    found(rig, 2 * SECOND)
    rig.says("no camera_info has come on /depth/camera_info, and depth is not aligned")
    elsewhere = depth_message(DEPTH, stamp=3 * SECOND, frame="depth_frame")
    rig.publish("depth", elsewhere)
    found(rig, 3 * SECOND)
    wait_for(lambda: rig.node.counts.dropped["no_camera_info"] == 3, "the count")
    assert rig.boxes == []


def test_no_depth_is_counted(bench: Bench) -> None:
    rig = Rig(bench, sync_timeout=0.1)
    rig.infos(scene())
    found(rig, SECOND)
    wait_for(lambda: rig.node.counts.dropped["no_depth"] == 1, "the count")


@pytest.mark.parametrize(
    ("kind", "transport", "words"),
    [
        (CompressedImage, "raw", "set depth_transport to 'compressedDepth'"),
        (Image, "compressedDepth", "set depth_transport to 'raw'"),
    ],
)
def test_another_type_of_depth_is_named(
    bench: Bench, kind: type, transport: str, words: str
) -> None:
    topic = "depth" if transport == "raw" else "depth/compressedDepth"
    rig = Rig(bench, depth_transport=transport, input_timeout=0.2)
    bench.stranger(kind, topic)
    rig.says(words, level=b"\x02")


def test_a_bag_that_starts_again_begins_anew(bench: Bench) -> None:
    rig = Rig(bench, support_plane=False)
    rig.infos(scene())
    for turn in range(3):
        for number in range(1, 6):
            stamp = 1000 * MILLISECOND + number * 33 * MILLISECOND
            depths(rig, stamp)
            found(rig, stamp)
            wait_for(lambda n=5 * turn + number: len(rig.boxes) == n, "boxes")
            assert stamp_of(rig.boxes[-1]) == stamp
            assert distance(rig.boxes[-1]) == pytest.approx(stamp / MILLISECOND, abs=1)
    counts = rig.node.counts
    assert (counts.arrived, counts.published, counts.pending) == (15, 15, 0)


def test_every_image_is_accounted_for_under_load(bench: Bench) -> None:
    rig = Rig(bench)
    seen = scene()
    for number in range(40):
        rig.see(seen, SECOND + number * 5 * MILLISECOND)
    wait_for(lambda: rig.node.counts.arrived == 40, "all")
    wait_for(lambda: rig.node.counts.pending == 0, "their end")
    counts = rig.node.counts
    assert counts.published + counts.dropped_total == 40
    assert counts.dropped_total == counts.dropped["replaced"]
    wait_for(lambda: len(rig.boxes) == counts.published, "boxes")
    stamps = [stamp_of(each) for each in rig.boxes]
    # The newest counts, and none overtakes another.
    assert stamps == sorted(stamps) and stamps[-1] == SECOND + 39 * 5 * MILLISECOND


def test_every_diagnostics_key_is_in_the_manual(bench: Bench) -> None:
    rig = Rig(bench, target_frame=FRAME)
    rig.see(scene())
    rig.box()
    wait_for(lambda: "latency.total.p50_ms" in rig.shown(), "its time")
    assert {"objects.left_out.no_depth", "frames.dropped.apart", "state"} < rig.shown().keys()
    assert undocumented(rig.shown(), DIAGNOSTICS) == []


def test_frames_of_ros_1_have_a_slash(bench: Bench) -> None:
    rig = Rig(bench)
    rig.publish("camera_info", info_message(scene().camera, frame=f"/{FRAME}"))
    wait_for(lambda: rig.node._cameras[0].infos, "camera_info")
    rig.publish("depth", depth_message(DEPTH, frame=f"/{FRAME}"))
    found(rig, SECOND)
    rig.box()
