# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Detector and localizer in one process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

pytest.importorskip("rclpy")

from sensor_msgs.msg import CameraInfo, Image, PointCloud2
from vision_msgs.msg import Detection2DArray, Detection3DArray

from vit_perception.ros.localizer.report import statuses
from vit_perception.ros.localizer_node import LocalizerNode
from vit_perception.setting import SettingError

from ...toy_bundle import toy_picture
from ..bench import KEEP_MANY, SECOND, Bench, image_message, stamp_of, wait_for
from ..domain import own_domain
from .rig import cloud_of
from .scene import depth_message, info_message, pinhole

pytestmark = pytest.mark.ros

ROOT = Path(__file__).resolve().parents[3]
PIXELS, BOXES = toy_picture(120, 160, {"red": (1, 2)})
CAMERA = pinhole(160, 120)
# Toy detectors take a while less than their depth.
RELIABLE = {
    f"qos_overrides./{topic}.subscription.{policy}": value
    for topic in ("image", "depth")
    for policy, value in (("depth", 1000), ("reliability", "reliable"))
}


def depth(stamp: int) -> Image:
    """A wall, and something before it where the red thing is seen."""
    metres = np.full((120, 160), 1.5, np.float32)
    left, top, right, bottom = BOXES["red"].round().astype(int)
    metres[top:bottom, left:right] = 1.0
    return depth_message(metres, stamp=stamp)


def test_the_localizer_takes_what_the_detector_has(bench: Bench, toy_bundle_dir: Path) -> None:
    detector = bench.detector(toy_bundle_dir, lazy=True, **RELIABLE)
    node = bench.localizer(detector=detector, lazy=True, support_plane=False, **RELIABLE)
    camera = bench.outside.create_publisher(Image, "image", KEEP_MANY)
    wait_for(lambda: node.snapshot().state == "active, idle", "idle")
    assert detector.snapshot().state == "active, idle"
    boxes = bench.collect(Detection3DArray, "localizer/detections_3d")
    clouds = bench.collect(PointCloud2, "localizer/object_clouds")
    bench.publisher(CameraInfo, "camera_info", listeners=2).publish(info_message(CAMERA))
    wait_for(lambda: node._cameras[0].infos, "camera_info")
    distance = bench.publisher(Image, "depth")
    wait_for(lambda: camera.get_subscription_count() == 1, "the detector")
    for number in (1, 2, 3):
        camera.publish(image_message(PIXELS, stamp=number * SECOND))
        distance.publish(depth(number * SECOND))
        wait_for(lambda n=number: len(boxes) == n and len(clouds) == n, "boxes")
    assert [stamp_of(each) for each in boxes] == [SECOND, 2 * SECOND, 3 * SECOND]
    [entry] = boxes[0].detections
    assert entry.results[0].hypothesis.class_id == "red"
    left, top, right, bottom = BOXES["red"]
    x = ((left + right) / 2 - 0.5 - CAMERA.matrix[0, 2]) / CAMERA.matrix[0, 0]
    y = ((top + bottom) / 2 - 0.5 - CAMERA.matrix[1, 2]) / CAMERA.matrix[1, 1]
    position = entry.bbox.center.position
    np.testing.assert_allclose([position.x, position.y, position.z], [x, y, 1.0], atol=0.03)
    packed = cloud_of(clouds[0])["rgb"].copy().view(np.uint32)
    assert np.median(packed >> 16) > 200 and np.median(packed & 255) < 60
    # The image goes to one subscription, and detections to none.
    assert bench.outside.count_subscribers("/image") == 1
    assert bench.outside.count_subscribers("/detector/detections") == 0
    assert bench.outside.count_subscribers("/detections") == 0


def test_a_detector_that_gives_nothing_is_named(bench: Bench, toy_bundle_dir: Path) -> None:
    detector = bench.detector(toy_bundle_dir, start=False)
    node = bench.localizer(detector=detector, input_timeout=0.1)
    words = "nothing from /detector in this process for"
    wait_for(lambda: words in node.snapshot().cameras[0].silence, "its name")
    assert node.snapshot().cameras[0].silence.endswith("which is unconfigured")
    faults = [each.message for each in statuses(node.snapshot(), node.snapshot(), 1.0)]
    assert faults[0].startswith(f"waiting for detections: {words}")


def test_several_cameras_are_those_of_the_detector(bench: Bench, toy_bundle_dir: Path) -> None:
    detector = bench.detector(toy_bundle_dir, start=False, cameras=["front", "wrist"])
    node = bench.localizer(detector=detector)
    assert [camera.name for camera in node._cameras] == ["front", "wrist"]
    with pytest.raises(SettingError, match=r"cameras: expected some of the detector's"):
        from ..bench import overrides

        LocalizerNode(
            "other",
            detector,
            context=bench.context,
            parameter_overrides=overrides({"cameras": ["back"]}),
        )


def process(domain: int, *arguments: str) -> subprocess.Popen[str]:
    """A perception_node with these arguments."""
    return subprocess.Popen(
        [sys.executable, "-m", "vit_perception.ros.perception_node", *arguments],
        cwd=ROOT,
        env={**os.environ, "ROS_DOMAIN_ID": str(domain)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["localizer"], "expected names of the detectors"),
        (["a", "localizer=b"], "'localizer=b': expected localizer=DETECTOR, with a detector of a"),
        (["a", "=a"], "'=a': expected localizer=DETECTOR"),
        (["a", "localizer", "localizer=a"], "names that differ, found '/localizer' twice"),
        (["a", "a=a"], "names that differ, found '/a' twice"),
    ],
)
def test_words_that_cannot_be(words: list[str], line: str) -> None:
    with own_domain() as domain:
        started = process(domain, *words)
        _, errors = started.communicate(timeout=120)
    assert started.returncode == 2 and "Traceback" not in errors
    last = errors.strip().splitlines()[-1]
    assert last.startswith("cannot start: ") and line in last


def test_a_process_of_both(bench: Bench, toy_bundle_dir: Path, tmp_path: Path) -> None:
    file = tmp_path / "both.yaml"
    shared = {"bundle": str(toy_bundle_dir), "autostart": True, "support_plane": False}
    file.write_text(yaml.safe_dump({"/**": {"ros__parameters": shared}}))
    started = process(
        bench.domain,
        *("eye", "place=eye", "--ros-args", "--params-file", str(file)),
    )
    try:
        boxes: list[Any] = bench.collect(Detection3DArray, "place/detections_3d")
        found: list[Any] = bench.collect(Detection2DArray, "eye/detections")
        info = bench.publisher(CameraInfo, "camera_info", listeners=2)
        camera = bench.publisher(Image, "image")
        distance = bench.publisher(Image, "depth")
        stamps = iter(range(1, 1000))

        def seen() -> bool:
            stamp = next(stamps) * SECOND
            info.publish(info_message(CAMERA))
            distance.publish(depth(stamp))
            camera.publish(image_message(PIXELS, stamp=stamp))
            time.sleep(0.1)
            return bool(boxes and found)

        wait_for(seen, "boxes")
        assert len(boxes[0].detections) == 1
        started.send_signal(signal.SIGINT)
        _, errors = started.communicate(timeout=60)
    finally:
        started.kill()
    assert started.returncode == 0 and "Traceback" not in errors, errors
    assert "ignored" not in errors
