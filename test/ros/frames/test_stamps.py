# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Odd stamps: what they are, and what the node makes of them."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

pytest.importorskip("rclpy")

from builtin_interfaces.msg import Time
from rosgraph_msgs.msg import Clock

from vit_perception.ros.frames.stamps import BACKWARD, FUTURE, MISSING, StampWatch

from ...toy_bundle import toy_picture
from ..bench import ALL_ARRIVE, SECOND, Bench, image_message, stamp_of, wait_for
from ..test_topics import everything

pytestmark = pytest.mark.ros

PIXELS, _ = toy_picture(64, 96, {"red": (1, 2)})


def test_what_is_odd() -> None:
    watch = StampWatch()

    def odd(stamp: float, now: float) -> frozenset[str]:
        return watch.read(int(stamp * SECOND), int(now * SECOND)).odd

    assert odd(5, 5.02) == set()
    assert odd(5, 5.03) == set()
    assert odd(0, 5.03) == {MISSING}
    # A clock that is a little ahead is no news.
    assert odd(6, 5.95) == set()
    assert odd(9, 6.5) == {FUTURE}
    assert odd(7, 7.01) == {BACKWARD}
    assert odd(8, 8.01) == set()
    assert watch.counts() == {"missing": 1, "future": 1, "backward": 1}


def test_a_stamp_has_an_age_unless_it_is_missing_or_in_the_future() -> None:
    watch = StampWatch()
    fresh, missing, future = (
        watch.read(stamp, 5 * SECOND) for stamp in (4 * SECOND, 0, 6 * SECOND)
    )
    assert fresh.age == pytest.approx(1.0)
    assert missing.age is None
    assert [stamp.has_age for stamp in (fresh, missing, future)] == [True, False, False]


def test_frames_with_odd_stamps_are_looked_at_and_counted(
    bench: Bench, toy_bundle_dir: Path
) -> None:
    node = bench.detector(toy_bundle_dir, max_age=5.0, diagnostics_period=0.1, **ALL_ARRIVE)
    results, camera, diagnostics = bench.detections(), bench.camera(), bench.diagnostics()
    infos = bench.label_infos()
    now = time.time_ns()
    stamps = [now, 0, now + 3600 * SECOND, now + 1]
    for number, stamp in enumerate(stamps, start=1):
        camera.publish(image_message(PIXELS, stamp=stamp))
        wait_for(lambda n=number: node.counts.published == n, "a result")
    wait_for(lambda: len(results) == 4, "all results")
    assert [stamp_of(each) for each in results] == stamps
    seen = len(diagnostics)
    wait_for(lambda: len(diagnostics) > seen + 1, "diagnostics")
    shown = everything(diagnostics[-1])
    found = {kind: shown[f"stamps.{kind}"] for kind in ("missing", "future", "backward")}
    assert found == {"missing": "1", "future": "1", "backward": "1"}
    # No age of the future is among the ages.
    assert float(shown["age.p50_ms"]) >= 0
    # The names are said again with each stamp that lies before those of the last names.
    wait_for(lambda: len(infos) == 2, "names for the earlier stamps")
    assert [stamp_of(each) for each in infos] == [now, 0]


def test_a_bag_that_starts_again(bench: Bench, toy_bundle_dir: Path) -> None:
    """Simulated time goes back: ages stay those of the clock, the results go on."""
    node = bench.detector(
        toy_bundle_dir, max_age=2.0, diagnostics_period=0.1, use_sim_time=True, **ALL_ARRIVE
    )
    results, camera = bench.detections(), bench.camera()
    clock = bench.publisher(Clock, "/clock")
    for loop in range(3):
        for number in range(1, 6):
            stamp = 100 * SECOND + number * SECOND // 10
            clock.publish(Clock(clock=Time(sec=stamp // SECOND, nanosec=stamp % SECOND)))
            wait_for(
                lambda s=stamp: node.get_clock().now().nanoseconds == s, "the clock's new time"
            )
            camera.publish(image_message(PIXELS, stamp=stamp - SECOND // 100))
            wait_for(lambda n=5 * loop + number: node.counts.published == n, "a result")
    assert node.counts.dropped_total == 0
    assert len({stamp_of(each) for each in results}) == 5
    camera_state = node.snapshot().cameras[0]
    assert camera_state.stamps["backward"] == 2
    # By the bag's clock each frame was 10 ms old, and the last loop's are the only ones left.
    age = camera_state.latency["age"]
    assert age.p50 == pytest.approx(0.01) and age.maximum == pytest.approx(0.01)
