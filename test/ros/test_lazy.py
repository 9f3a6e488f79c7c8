# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Nobody subscribes, nothing is looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("rclpy")

from sensor_msgs.msg import Image
from std_srvs.srv import Trigger
from vision_msgs.msg import Detection2DArray

from vit_perception.detections import Detections
from vit_perception.frame import Frame

from ..toy_bundle import toy_picture
from .bench import KEEP_MANY, SECOND, Bench, image_message, stamp_of, wait_for
from .test_topics import everything

pytestmark = pytest.mark.ros

PIXELS, _ = toy_picture(64, 96, {"red": (1, 2)})


class Idle:
    """A lazy detector, and a camera that nobody listens to yet."""

    def __init__(self, bench: Bench, toy_bundle_dir: Path, **parameters: object) -> None:
        self.bench = bench
        self.node = bench.detector(toy_bundle_dir, lazy=True, diagnostics_period=0.1, **parameters)
        self.camera = bench.outside.create_publisher(Image, "image", KEEP_MANY)
        self.diagnostics = bench.diagnostics()

    def frame(self, stamp: int) -> None:
        self.camera.publish(image_message(PIXELS, stamp=stamp * SECOND))

    def watched(self, count: int = 1) -> None:
        wait_for(lambda: self.camera.get_subscription_count() == count, f"{count} listeners")

    def shows(self, key: str, value: str) -> None:
        wait_for(
            lambda: self.diagnostics and everything(self.diagnostics[-1]).get(key) == value,
            f"{key} {value}",
        )


def test_the_image_topic_is_subscribed_while_a_result_is(
    bench: Bench, toy_bundle_dir: Path
) -> None:
    idle = Idle(bench, toy_bundle_dir, warn_rate=5.0)
    idle.shows("state", "active, idle")
    line = next(each.message for each in idle.diagnostics[-1].status if "input" in each.name)
    assert line == "not subscribed: idle, nobody subscribes to a result (lazy)"
    # Nothing is too slow about a node that has nothing to do.
    assert {each.level for each in idle.diagnostics[-1].status} == {b"\x00"}
    assert idle.camera.get_subscription_count() == 0
    results: list[Any] = []
    subscription = bench.outside.create_subscription(
        Detection2DArray, "detector/detections", results.append, KEEP_MANY
    )
    idle.watched()
    idle.shows("state", "active")
    idle.frame(1)
    wait_for(lambda: [stamp_of(each) for each in results] == [SECOND], "a result")
    bench.outside.destroy_subscription(subscription)
    idle.watched(0)
    idle.shows("state", "active, idle")
    assert idle.node.counts.received == 1


@pytest.mark.parametrize("topic", ["instances", "overlay"])
def test_any_output_counts(bench: Bench, toy_bundle_dir: Path, topic: str) -> None:
    idle = Idle(bench, toy_bundle_dir)
    pictures = bench.collect(Image, f"detector/{topic}")
    idle.watched()
    if topic == "overlay":
        idle.frame(3)
        wait_for(lambda: [stamp_of(each) for each in pictures] == [3 * SECOND], "the overlay")


def test_detect_once_is_answered_while_idle(bench: Bench, toy_bundle_dir: Path) -> None:
    idle = Idle(bench, toy_bundle_dir)
    idle.shows("state", "active, idle")
    client = bench.outside.create_client(Trigger, "detector/detect_once")
    assert client.wait_for_service(30)
    future = client.call_async(Trigger.Request())
    idle.watched()
    idle.frame(2)
    wait_for(future.done, "an answer")
    response: Any = future.result()
    assert (response.success, response.message) == (True, "1 found: red 0.99")
    idle.watched(0)


def test_a_consumer_in_the_process_counts(bench: Bench, toy_bundle_dir: Path) -> None:
    idle = Idle(bench, toy_bundle_dir)
    idle.shows("state", "active, idle")
    taken: list[tuple[int, list[str]]] = []
    log = bench.log()

    def consumer(frame: Frame, detections: Detections) -> None:
        taken.append((frame.stamp, [each.name for each in detections]))
        if len(taken) == 2:
            raise RuntimeError("enough")

    idle.node.add_consumer(consumer)
    idle.watched()
    for number in (1, 2, 3):
        idle.frame(number)
        wait_for(lambda n=number: idle.node.counts.published == n, "a result")
    wait_for(lambda: len(taken) == 3, "all frames")
    assert taken == [(number * SECOND, ["red"]) for number in (1, 2, 3)]
    wait_for(lambda: [each for each in log if "consumer left out" in each.msg], "a line")
    idle.node.remove_consumer(consumer)
    idle.watched(0)
    with pytest.raises(KeyError):
        idle.node.add_consumer(consumer, camera="front")


def test_lazy_is_live(bench: Bench, toy_bundle_dir: Path) -> None:
    idle = Idle(bench, toy_bundle_dir)
    idle.shows("state", "active, idle")
    assert bench.set_parameters(lazy=False) == (True, "")
    idle.watched()
    idle.frame(1)
    wait_for(lambda: idle.node.counts.published == 1, "a result that nobody hears")
    assert bench.set_parameters(lazy=True) == (True, "")
    idle.watched(0)
