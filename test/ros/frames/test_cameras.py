# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Several cameras on one engine."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("rclpy")

from lifecycle_msgs.msg import Transition
from sensor_msgs.msg import Image
from vision_msgs.msg import Detection2DArray, LabelInfo, VisionInfo

from ...toy_bundle import toy_picture
from ..bench import LATCHED, SECOND, Bench, boxes_by_name, image_message, stamp_of, wait_for
from ..test_topics import entries, values
from .test_overload import HeldPerceiver

pytestmark = pytest.mark.ros

PIXELS = {
    "front": toy_picture(64, 96, {"red": (1, 2)})[0],
    "wrist": toy_picture(120, 160, {"blue": (3, 6)})[0],
    "top": toy_picture(64, 64, {})[0],
}
NAMES = list(PIXELS)


def all_arrive() -> dict[str, Any]:
    return {
        f"qos_overrides./{name}/image.subscription.{policy}": value
        for name in NAMES
        for policy, value in (("depth", 1000), ("reliability", "reliable"))
    }


def lane(node: Any, name: str) -> Any:
    return next(each for each in node.snapshot().cameras if each.name == name)


def test_each_camera_has_its_own_outputs(bench: Bench, toy_bundle_dir: Path) -> None:
    bench.detector(toy_bundle_dir, cameras=NAMES, **all_arrive())
    topics = {
        name: [
            bench.collect(kind, f"detector/{name}/{topic}", *qos)
            for kind, topic, qos in (
                (Detection2DArray, "detections", ()),
                (LabelInfo, "label_info", (LATCHED,)),
                (VisionInfo, "vision_info", (LATCHED,)),
            )
        ]
        for name in NAMES
    }
    for number, name in enumerate(NAMES, start=1):
        camera = bench.publisher(Image, f"{name}/image")
        camera.publish(image_message(PIXELS[name], stamp=number * SECOND))
    for number, name in enumerate(NAMES, start=1):
        wait_for(lambda n=name: all(topics[n]), f"results of {name}")
        for received in topics[name]:
            assert [stamp_of(each) for each in received] == [number * SECOND]
    found = {name: set(boxes_by_name(topics[name][0][0])) for name in NAMES}
    assert found == {"front": {"red"}, "wrist": {"blue"}, "top": set()}


def test_no_camera_starves(bench: Bench, toy_bundle_dir: Path) -> None:
    """Three cameras, one five times as fast as the slowest; the engine takes 200 frames."""
    node = bench.detector(toy_bundle_dir, cameras=NAMES, **all_arrive())
    held = HeldPerceiver(node)
    cameras = {name: bench.publisher(Image, f"{name}/image") for name in NAMES}
    burst = {"front": 5, "wrist": 2, "top": 1}
    sent = dict.fromkeys(NAMES, 0)
    for round_number in range(200):
        for name in NAMES:
            for _ in range(burst[name]):
                sent[name] += 1
                cameras[name].publish(image_message(PIXELS[name], stamp=sent[name] * SECOND))
        wait_for(lambda: node.counts.arrived == sum(sent.values()), "all frames")
        # The one in work is let go, and the next one taken.
        wait_for(lambda n=round_number: len(held.started) == n + 1, "a frame")
        held.permit()
        wait_for(lambda n=round_number: node.counts.published == n + 1, "a result")
        wait_for(lambda n=round_number: len(held.started) == n + 2, "the next frame")
    published = {name: lane(node, name).counts.published for name in NAMES}
    assert sum(published.values()) == 200
    assert all(abs(count - 200 / 3) <= 0.1 * 200 / 3 for count in published.values()), published
    for name in NAMES:
        counts = lane(node, name).counts
        assert counts.arrived == sent[name] == counts.received + counts.pending
        assert counts.dropped_total == counts.dropped["replaced"]
    held.open()


def test_a_dead_camera_is_named_and_does_not_touch_the_others(
    bench: Bench, toy_bundle_dir: Path
) -> None:
    node = bench.detector(toy_bundle_dir, cameras=NAMES[:2], **all_arrive())
    diagnostics = bench.diagnostics()
    cameras = {name: bench.publisher(Image, f"{name}/image") for name in NAMES[:2]}

    def level(name: str) -> bytes | None:
        status = entries(diagnostics[-1]).get(name) if diagnostics else None
        return status.level if status else None

    def publish(name: str) -> None:
        cameras[name].publish(image_message(PIXELS[name], stamp=time.time_ns()))

    def alive(*names: str) -> bool:
        for name in names:
            publish(name)
        time.sleep(0.02)
        return True

    wait_for(
        lambda: alive(*cameras) and [level(f"{n} input") for n in cameras] == [b"\0"] * 2, "images"
    )
    before = lane(node, "front").counts.published
    died = time.monotonic()
    wait_for(lambda: alive("front") and level("wrist input") == b"\x01", "a warning")
    took = time.monotonic() - died
    status = entries(diagnostics[-1])["wrist input"]
    assert status.message.startswith("no image on /wrist/image for ")
    assert int(values(status)["input.publishers"]) == 1
    assert level("front input") == b"\0"
    assert lane(node, "front").counts.published > before
    # A limit of the parameters, not of this machine: 1 s of silence, told once a second.
    parameters = node.parameters
    assert parameters.image_timeout + parameters.diagnostics_period <= 2.0
    assert took < 30


def test_pausing_counts_for_every_camera(bench: Bench, toy_bundle_dir: Path) -> None:
    node = bench.detector(toy_bundle_dir, cameras=NAMES, **all_arrive())
    for _ in range(2):
        assert bench.change_state(Transition.TRANSITION_DEACTIVATE)
        assert bench.change_state(Transition.TRANSITION_ACTIVATE)
    for name in NAMES:
        bench.publisher(Image, f"{name}/image").publish(image_message(PIXELS[name]))
    wait_for(lambda: node.counts.published == 3, "all results")
    assert bench.change_state(Transition.TRANSITION_ACTIVE_SHUTDOWN)
