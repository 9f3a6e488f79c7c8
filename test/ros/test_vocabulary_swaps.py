# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Names changed while frames flow: every result can be paired with the names it was made with."""

from __future__ import annotations

import bisect
import itertools
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy")

from vision_msgs.msg import Detection2DArray, LabelInfo, VisionInfo

from ..toy_bundle import COLOURS, DEFAULT_NAMES, toy_picture
from .bench import (
    ALL_ARRIVE,
    KEEP_MANY,
    LATCHED,
    SECOND,
    Bench,
    boxes_by_name,
    image_message,
    stamp_of,
    wait_for,
)

pytestmark = pytest.mark.ros

# All six colours, no box over another.
SQUARES = dict(zip(COLOURS, itertools.product((0, 4), (0, 4, 8)), strict=True))
PIXELS, BOXES = toy_picture(64, 96, SQUARES)
SWAPS = (100, pytest.param(1000, marks=pytest.mark.slow))


def names_of_version(version: int) -> tuple[str, ...]:
    """The names that this test asks for: two or three colours, others in each version."""
    if version == 0:
        return DEFAULT_NAMES
    choices = [c for n in (2, 3) for c in itertools.permutations(COLOURS, n)]
    return choices[(version * 7) % len(choices)]


@pytest.mark.parametrize("swaps", SWAPS)
def test_no_result_carries_the_names_of_another_version(
    bench: Bench, toy_bundle_dir: Path, swaps: int
) -> None:
    node = bench.detector(toy_bundle_dir, **ALL_ARRIVE)
    infos, labels = bench.vision_infos(), bench.label_infos()
    results, camera = bench.detections(), bench.camera()
    done = threading.Event()
    sent = 0

    def film() -> None:
        nonlocal sent
        while not done.is_set():
            sent += 1
            camera.publish(image_message(PIXELS, stamp=sent * SECOND))
            time.sleep(0.002)

    filming = threading.Thread(target=film, daemon=True)
    filming.start()
    try:
        wait_for(lambda: results, "the first result")
        for version in range(1, swaps + 1):
            names = list(names_of_version(version))
            assert bench.set_parameters(vocabulary=names) == (True, "")
            wait_for(lambda: infos[-1].database_version == version, f"version {version}")  # noqa: B023
    finally:
        done.set()
        filming.join()
    wait_for(lambda: node.counts.arrived == sent and node.counts.pending == 0, "all frames")
    wait_for(lambda: len(results) == node.counts.published, "all results")

    assert [info.database_version for info in infos] == list(range(swaps + 1))
    starts = [stamp_of(info) for info in infos]
    assert starts == sorted(set(starts))
    assert [stamp_of(label) for label in labels] == starts
    for label, info in zip(labels, infos, strict=True):
        shown = tuple(each.class_name for each in label.class_map)
        assert shown == names_of_version(info.database_version)
        assert [each.class_id for each in label.class_map] == list(range(len(shown)))
    for result in results:
        version = bisect.bisect_right(starts, stamp_of(result)) - 1
        boxes = boxes_by_name(result)
        assert len(result.detections) == len(boxes)
        # All colours are in the picture: found is exactly what was asked for.
        assert boxes.keys() == set(names_of_version(version))
        for name, box in boxes.items():
            np.testing.assert_allclose(box, BOXES[name], atol=0.5)


def test_names_leave_before_the_first_result_found_with_them(
    bench: Bench, toy_bundle_dir: Path
) -> None:
    bench.detector(toy_bundle_dir, **ALL_ARRIVE)
    left: dict[str, dict[int, int]] = {"info": {}, "labels": {}, "result": {}}

    def listen(what: str, kind: type, topic: str) -> None:
        def on_message(message: Any, about: dict[str, int]) -> None:
            left[what][stamp_of(message)] = about["source_timestamp"]

        bench.outside.create_subscription(kind, f"detector/{topic}", on_message, KEEP_MANY)

    listen("info", VisionInfo, "vision_info")
    listen("labels", LabelInfo, "label_info")
    listen("result", Detection2DArray, "detections")
    for topic in ("vision_info", "label_info", "detections"):
        wait_for(lambda t=topic: bench.outside.count_publishers(f"detector/{t}") == 1, topic)
    camera = bench.camera()
    for number in range(1, 21):
        assert bench.set_parameters(vocabulary=list(names_of_version(number))) == (True, "")
        camera.publish(image_message(PIXELS, stamp=number * SECOND))
        wait_for(lambda n=number: all(len(each) == n for each in left.values()), "three messages")
    for stamp, time_left in left["result"].items():
        assert left["labels"][stamp] <= left["info"][stamp] <= time_left


def test_versions_go_on_after_a_restart_of_the_engine(bench: Bench, toy_bundle_dir: Path) -> None:
    from lifecycle_msgs.msg import Transition

    bench.detector(toy_bundle_dir)
    assert bench.set_parameters(vocabulary=["cyan"]) == (True, "")
    for transition in (
        Transition.TRANSITION_DEACTIVATE,
        Transition.TRANSITION_CLEANUP,
        Transition.TRANSITION_CONFIGURE,
        Transition.TRANSITION_ACTIVATE,
    ):
        assert bench.change_state(transition)
    infos, results, camera = bench.vision_infos(), bench.detections(), bench.camera()
    camera.publish(image_message(PIXELS))
    wait_for(lambda: results and infos, "a result")
    assert boxes_by_name(results[0]).keys() == {"cyan"}
    assert infos[0].database_version == 2


def test_a_late_subscriber_gets_the_names_in_force(bench: Bench, toy_bundle_dir: Path) -> None:
    bench.detector(toy_bundle_dir, **ALL_ARRIVE)
    results, camera = bench.detections(), bench.camera()
    camera.publish(image_message(PIXELS, stamp=1 * SECOND))
    wait_for(lambda: len(results) == 1, "the first result")
    assert bench.set_parameters(vocabulary=["yellow", "cyan"]) == (True, "")
    camera.publish(image_message(PIXELS, stamp=2 * SECOND))
    camera.publish(image_message(PIXELS, stamp=3 * SECOND))
    wait_for(lambda: results and stamp_of(results[-1]) == 3 * SECOND, "the last result")
    infos = bench.collect(VisionInfo, "detector/vision_info", LATCHED)
    labels = bench.collect(LabelInfo, "detector/label_info", LATCHED)
    wait_for(lambda: infos and labels, "the latched messages")
    assert [info.database_version for info in infos] == [1]
    assert stamp_of(infos[0]) == stamp_of(labels[0]) <= 3 * SECOND
    assert infos[0].method == "colour_squares"
    assert infos[0].database_location == str(toy_bundle_dir)
    assert [each.class_name for each in labels[0].class_map] == ["yellow", "cyan"]
    assert labels[0].threshold == pytest.approx(0.6)
