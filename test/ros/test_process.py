# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The node as a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

pytest.importorskip("rclpy")

from lifecycle_msgs.msg import Transition
from sensor_msgs.msg import Image
from vision_msgs.msg import Detection2DArray

from ..toy_bundle import toy_picture
from .bench import SECOND, Bench, boxes_by_name, image_message, stamp_of, wait_for
from .domain import own_domain

pytestmark = pytest.mark.ros

PIXELS, _ = toy_picture(64, 96, {"red": (1, 2)})
ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def detector_process(
    domain: int, *arguments: str, names: Sequence[str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """`detector_node` with ROS arguments; killed at the end if it still lives.

    With `names` it is `perception_node` instead, with detectors of these names.
    """
    module = "detector_node" if names is None else "perception_node"
    command = [sys.executable, "-m", f"vit_perception.ros.{module}", *(names or ())]
    command += ["--ros-args", *arguments]
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


def test_a_log_that_cannot_be_written_ends_the_start_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    monkeypatch.setenv("ROS_LOG_DIR", str(blocked / "log"))
    with own_domain() as domain, detector_process(domain) as process:
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 2 and "Traceback" not in errors
    line = errors.strip().splitlines()[-1]
    assert line.startswith("cannot start: ") and str(blocked) in line
    assert line.endswith("ROS_LOG_DIR names another folder")


@pytest.mark.parametrize(
    ("names", "arguments", "words"),
    [
        ([], [], ["expected names of the detectors"]),
        (["a", "a"], [], ["names that differ", "'/a' twice"]),
        (["a", "b"], ["-r", "__node:=c"], ["names that differ", "'/c' twice"]),
        (["a", "2 b"], [], ["2 b"]),
        (["a", "b"], ["-p", "b:score_threshold:=7.0"], ["score_threshold", "found 7"]),
    ],
)
def test_several_nodes_that_cannot_be(
    names: list[str], arguments: list[str], words: list[str]
) -> None:
    with own_domain() as domain, detector_process(domain, *arguments, names=names) as process:
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 2, errors
    assert "Traceback" not in errors
    last = errors.strip().splitlines()[-1]
    assert last.startswith("cannot start: ")
    assert all(word in last for word in words), last


def test_two_nodes_in_one_process_see_one_camera(
    bench: Bench, toy_bundle_dir: Path, tmp_path: Path
) -> None:
    shared = {"bundle": str(toy_bundle_dir), "autostart": True}
    file = tmp_path / "two.yaml"
    words = {"detector": ["red"], "tools": ["green"]}
    file.write_text(
        yaml.safe_dump(
            {
                "/**": {"ros__parameters": shared},
                **{name: {"ros__parameters": {"vocabulary": w}} for name, w in words.items()},
            }
        )
    )
    pixels, _ = toy_picture(64, 96, {"red": (1, 2), "green": (4, 7)})
    with detector_process(bench.domain, "--params-file", str(file), names=words) as process:
        results = {name: bench.collect(Detection2DArray, f"{name}/detections") for name in words}
        camera = bench.publisher(Image, "image", listeners=2)

        def seen() -> bool:
            camera.publish(image_message(pixels, stamp=5 * SECOND))
            time.sleep(0.1)
            return all(results.values())

        wait_for(seen, "results of both")
        for name, names in words.items():
            assert list(boxes_by_name(results[name][0])) == names
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 0 and "Traceback" not in errors, errors


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
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


def test_nohup_outlives_its_terminal(bench: Bench, toy_bundle_dir: Path) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with detector_process(bench.domain, "-p", f"bundle:={toy_bundle_dir}") as process:
            bench.bring_to("inactive", Transition.TRANSITION_CONFIGURE)
            process.send_signal(signal.SIGHUP)
            bench.bring_to("active", Transition.TRANSITION_ACTIVATE)
            process.send_signal(signal.SIGTERM)
            _, errors = process.communicate(timeout=60)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert process.returncode == 0 and "Traceback" not in errors, errors


def test_it_starts_by_itself_and_again_after_it_was_killed(
    bench: Bench, toy_bundle_dir: Path
) -> None:
    arguments = ("-p", "autostart:=true", "-p", f"bundle:={toy_bundle_dir}")
    for _ in range(2):
        with detector_process(bench.domain, *arguments):
            # The service of the one that was killed is still known for a while.
            wait_for(lambda: bench.state() == "active", "an active node")


@pytest.mark.parametrize("node", ["detector_node", "localizer_node", "perception_node"])
def test_help_shows_how_it_is_started(node: str) -> None:
    command = [sys.executable, "-m", f"vit_perception.ros.{node}", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.startswith(f"usage: {node} ")
    assert "--ros-args -p autostart:=true" in done.stdout
    assert not done.stderr


def test_a_start_that_fails_says_what_to_do(bench: Bench, tmp_path: Path) -> None:
    arguments = ("-p", "autostart:=true", "-p", f"bundle:={tmp_path / 'nowhere'}")
    log = bench.log()
    with detector_process(bench.domain, *arguments):
        wait_for(lambda: [each for each in log if "not looking at images" in each.msg], "a line")
        assert bench.state() == "unconfigured"
    reason, advice = [each.msg for each in log if each.name == "detector"]
    assert reason.startswith("configure failed: ") and "nowhere" in reason
    assert "'ros2 lifecycle set /detector configure'" in advice
