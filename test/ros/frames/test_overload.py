# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A detector slower than its camera."""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("rclpy")

from lifecycle_msgs.msg import Transition
from sensor_msgs.msg import Image

from vit_perception.detections import Detections
from vit_perception.frame import Frame
from vit_perception.perceiver.query import Query
from vit_perception.perceiver.stages import StageTimes
from vit_perception.ros.frames.accounting import Counts

from ...toy_bundle import toy_picture
from ..bench import (
    ALL_ARRIVE,
    PATIENCE,
    SECOND,
    Bench,
    image_message,
    put_before,
    stamp_of,
    wait_for,
)

pytestmark = pytest.mark.ros

PIXELS, _ = toy_picture(64, 96, {"red": (1, 2)})


class HeldPerceiver:
    """Waits for a permit before each frame, then asks the node's perceiver.

    Attributes:
        started: stamps of the frames taken, in order.

    """

    def __init__(self, node: Any) -> None:
        self.started: list[int] = []
        self._permits = threading.Semaphore(0)
        self._open = threading.Event()
        self._look = put_before(node, self.look)

    def permit(self) -> None:
        """Let one frame through."""
        self._permits.release()

    def open(self) -> None:
        """Let all frames through from now on."""
        self._open.set()
        self._permits.release()

    def look(self, frame: Frame, query: Query, stages: StageTimes) -> Detections:
        self.started.append(frame.stamp)
        if not self._open.is_set():
            assert self._permits.acquire(timeout=PATIENCE)
        return self._look(frame, query, stages)


def adds_up(counts: Counts) -> bool:
    """Whether every frame is somewhere, and no more than two are on their way."""
    total = counts.published + counts.dropped_total + counts.pending
    return counts.arrived == total and 0 <= counts.pending <= 3


def test_the_newest_frame_is_taken_and_every_frame_accounted_for(
    bench: Bench, toy_bundle_dir: Path
) -> None:
    node = bench.detector(toy_bundle_dir, **ALL_ARRIVE)
    held = HeldPerceiver(node)
    results, camera = bench.detections(), bench.camera()
    watched: list[Counts] = []
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            watched.append(node.counts)
            time.sleep(0.001)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    chance = random.Random(1)
    newest, sent = [], 0
    for round_number in range(20):
        for _ in range(chance.randint(1, 8)):
            sent += 1
            camera.publish(image_message(PIXELS, stamp=sent * SECOND))
        wait_for(lambda: node.counts.arrived == sent, "all frames")  # noqa: B023
        if round_number == 0:
            wait_for(lambda: held.started, "the first frame")
            newest.append(held.started[0])
        else:
            newest.append(sent * SECOND)
            held.permit()
            wait_for(lambda: len(held.started) == len(newest), "the next frame")
    held.open()
    wait_for(lambda: node.counts.pending == 0, "the last frame")
    wait_for(lambda: len(results) == len(newest), "all results")
    done.set()
    watcher.join()

    assert held.started == newest
    assert [stamp_of(result) for result in results] == newest
    counts = node.counts
    assert counts.arrived == sent
    assert counts.published == len(newest)
    assert counts.dropped["replaced"] == sent - len(newest)
    assert counts.dropped_total == counts.dropped["replaced"]
    assert len(watched) > 20 and all(map(adds_up, watched))


def test_services_answer_while_a_frame_is_in_work(bench: Bench, toy_bundle_dir: Path) -> None:
    node = bench.detector(toy_bundle_dir, **ALL_ARRIVE)
    held = HeldPerceiver(node)
    camera = bench.camera()
    camera.publish(image_message(PIXELS))
    wait_for(lambda: held.started, "the frame")
    assert bench.set_parameters(max_detections=7) == (True, "")
    assert bench.get_parameter("max_detections") == 7
    assert node.counts.pending == 1
    held.open()
    wait_for(lambda: node.counts.published == 1, "the result")


def test_nothing_leaves_a_deactivated_node(bench: Bench, toy_bundle_dir: Path) -> None:
    node = bench.detector(toy_bundle_dir, **ALL_ARRIVE)
    held = HeldPerceiver(node)
    results, camera = bench.detections(), bench.camera()
    camera.publish(image_message(PIXELS, stamp=1 * SECOND))
    wait_for(lambda: held.started, "the frame")
    camera.publish(image_message(PIXELS, stamp=2 * SECOND))
    wait_for(lambda: node.counts.arrived == 2, "the second frame")
    assert bench.change_state(Transition.TRANSITION_DEACTIVATE)
    assert node.counts.dropped["inactive"] == 1
    # What an earlier activation began does not come out in a later one.
    assert bench.change_state(Transition.TRANSITION_ACTIVATE)
    held.open()
    wait_for(lambda: node.counts.pending == 0, "the end of the frame")
    assert node.counts.dropped["inactive"] == 2
    wait_for(lambda: camera.get_subscription_count() == 1, "the new subscription")
    camera.publish(image_message(PIXELS, stamp=3 * SECOND))
    wait_for(lambda: results, "a result")
    assert [stamp_of(result) for result in results] == [3 * SECOND]
    assert adds_up(node.counts)


def test_no_picture_leaves_a_deactivated_node(bench: Bench, toy_bundle_dir: Path) -> None:
    node = bench.detector(toy_bundle_dir, **ALL_ARRIVE)
    pictures, results = bench.collect(Image, "detector/overlay"), bench.detections()
    camera = bench.camera()
    begun, go_on = threading.Event(), threading.Event()

    def slow(frame: Frame, detections: Detections) -> None:
        begun.set()
        assert go_on.wait(PATIENCE)

    # Between publication and picture.
    node.add_consumer(slow)
    camera.publish(image_message(PIXELS, stamp=SECOND))
    assert begun.wait(PATIENCE)
    wait_for(lambda: results, "the detections")
    assert bench.change_state(Transition.TRANSITION_DEACTIVATE)
    go_on.set()
    node.remove_consumer(slow)
    assert bench.change_state(Transition.TRANSITION_ACTIVATE)
    wait_for(lambda: camera.get_subscription_count() == 1, "the new subscription")
    camera.publish(image_message(PIXELS, stamp=2 * SECOND))
    wait_for(lambda: pictures, "a picture")
    assert [stamp_of(picture) for picture in pictures] == [2 * SECOND]


def test_old_frames_are_dropped_as_stale(bench: Bench, toy_bundle_dir: Path) -> None:
    node = bench.detector(toy_bundle_dir, max_age=5.0, **ALL_ARRIVE)
    results, camera = bench.detections(), bench.camera()
    now = time.time_ns()
    camera.publish(image_message(PIXELS, stamp=now - 60 * SECOND))
    wait_for(lambda: node.counts.dropped["stale"] == 1, "a drop")
    camera.publish(image_message(PIXELS, stamp=now))
    wait_for(lambda: results, "a result")
    # A camera that does not stamp has no age.
    camera.publish(image_message(PIXELS, stamp=0))
    wait_for(lambda: len(results) == 2, "another result")
    assert bench.set_parameters(max_age=0.0) == (True, "")
    camera.publish(image_message(PIXELS, stamp=now - 60 * SECOND))
    wait_for(lambda: len(results) == 3, "the old frame's result")
    counts = node.counts
    assert (counts.received, counts.published, counts.dropped_total) == (4, 3, 1)
