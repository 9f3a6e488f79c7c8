# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The node as a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("rclpy")

from lifecycle_msgs.msg import Transition

from ..toy_bundle import toy_picture
from .bench import SECOND, Bench, boxes_by_name, image_message, stamp_of, wait_for
from .domain import own_domain

pytestmark = pytest.mark.ros

PIXELS, _ = toy_picture(64, 96, {"red": (1, 2)})
ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def detector_process(domain: int, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """`detector_node` with ROS arguments; killed at the end if it still lives."""
    command = [sys.executable, "-m", "vit_perception.ros.detector_node", "--ros-args", *arguments]
    environment = {**os.environ, "ROS_DOMAIN_ID": str(domain)}
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-p", "score_threshold:=7.0"], ["score_threshold", "0 to 1", "found 7"]),
        (["-p", "vocabulary:=[mug,mug]"], ["vocabulary", "'mug'", "twice"]),
        (["--params-file", "/nowhere.yaml"], ["/nowhere.yaml"]),
        (["--", "--score_threshold", "0.5"], ["--score_threshold", "-p name:=value"]),
    ],
)
def test_a_wrong_argument_ends_the_start_in_one_line(
    arguments: list[str], words: list[str]
) -> None:
    with own_domain() as domain, detector_process(domain, *arguments) as process:
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 2
    assert "Traceback" not in errors
    for word in words:
        assert word in errors.strip().splitlines()[-1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_from_another_process_and_out_on_a_signal(
    bench: Bench, toy_bundle_dir: Path, number: signal.Signals
) -> None:
    arguments = ("-r", "image:=camera/image_raw", "-p", f"bundle:={toy_bundle_dir}")
    with detector_process(bench.domain, *arguments) as process:
        bench.bring_to("inactive", Transition.TRANSITION_CONFIGURE)
        bench.bring_to("active", Transition.TRANSITION_ACTIVATE)
        results = bench.detections()
        camera = bench.publisher(type(image_message(PIXELS)), "camera/image_raw")

        def seen() -> bool:
            # Best effort: what leaves before the other side has discovered the camera is lost.
            camera.publish(image_message(PIXELS, stamp=5 * SECOND))
            time.sleep(0.1)
            return bool(results)

        wait_for(seen, "a result")
        assert stamp_of(results[0]) == 5 * SECOND
        assert boxes_by_name(results[0]).keys() == {"red"}
        process.send_signal(number)
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert "Traceback" not in errors


def test_it_starts_by_itself_and_again_after_it_was_killed(
    bench: Bench, toy_bundle_dir: Path
) -> None:
    arguments = ("-p", "autostart:=true", "-p", f"bundle:={toy_bundle_dir}")
    for _ in range(2):
        with detector_process(bench.domain, *arguments):
            # The service of the one that was killed is still known for a while.
            wait_for(lambda: bench.state() == "active", "an active node")


def test_a_start_that_fails_says_what_to_do(bench: Bench, tmp_path: Path) -> None:
    arguments = ("-p", "autostart:=true", "-p", f"bundle:={tmp_path / 'nowhere'}")
    log = bench.log()
    with detector_process(bench.domain, *arguments):
        wait_for(lambda: [each for each in log if "not looking at images" in each.msg], "a line")
        assert bench.state() == "unconfigured"
    reason, advice = [each.msg for each in log if each.name == "detector"]
    assert reason.startswith("configure failed: ") and "nowhere" in reason
    assert "'ros2 lifecycle set /detector configure'" in advice
