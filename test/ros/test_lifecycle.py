# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Up and down, and down with a reason."""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path

import pytest

pytest.importorskip("rclpy")

from lifecycle_msgs.msg import Transition
from sensor_msgs.msg import Image
from vision_msgs.msg import Detection2DArray

from ..toy_bundle import toy_picture
from .bench import ALL_ARRIVE, SECOND, Bench, image_message, stamp_of, wait_for

pytestmark = pytest.mark.ros

PIXELS, _ = toy_picture(64, 96, {"red": (1, 2)})
UP = (Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE)
DOWN = (Transition.TRANSITION_DEACTIVATE, Transition.TRANSITION_CLEANUP)


def threads() -> int:
    """Threads of this process, those of the engine and of DDS included."""
    return len(os.listdir("/proc/self/task"))


def resident_bytes() -> int:
    """Memory of this process that lies in RAM."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize("rounds", [5, pytest.param(50, marks=pytest.mark.slow)])
def test_up_and_down_leaves_no_thread_and_no_memory(
    bench: Bench, toy_bundle_dir: Path, rounds: int
) -> None:
    node = bench.detector(toy_bundle_dir, start=False, threads=2, **ALL_ARRIVE)
    before = threads()
    results = bench.collect(Detection2DArray, "detector/detections", matched=False)
    camera = bench.publisher(Image, "image", listeners=0)
    memory = 0
    for round_number in range(1, rounds + 1):
        for transition in UP:
            assert bench.change_state(transition)
        assert bench.state() == "active"
        assert threads() > before
        wait_for(lambda: camera.get_subscription_count() == 1, "the subscription")
        wait_for(
            lambda: bench.outside.count_publishers("detector/detections") == 1, "the publisher"
        )
        camera.publish(image_message(PIXELS, stamp=round_number * SECOND))
        wait_for(lambda n=round_number: node.counts.published == n, "a result")
        for transition in DOWN:
            assert bench.change_state(transition)
        assert bench.state() == "unconfigured"
        wait_for(lambda: threads() <= before, "the threads to go")
        assert "frame_worker" not in {thread.name for thread in threading.enumerate()}
        if round_number == 3:
            # What is loaded once is loaded by now.
            memory = resident_bytes()
    wait_for(lambda: results and stamp_of(results[-1]) == rounds * SECOND, "the last result")
    counts = node.counts
    assert (counts.arrived, counts.published, counts.pending) == (rounds, rounds, 0)
    assert resident_bytes() - memory < 20 * 2**20


def test_pausing_keeps_the_engine_and_stops_the_frames(bench: Bench, toy_bundle_dir: Path) -> None:
    node = bench.detector(toy_bundle_dir)
    camera = bench.camera()
    for _ in range(3):
        assert bench.change_state(Transition.TRANSITION_DEACTIVATE)
        assert bench.state() == "inactive"
        wait_for(lambda: camera.get_subscription_count() == 0, "the end of the subscription")
        camera.publish(image_message(PIXELS))
        assert bench.change_state(Transition.TRANSITION_ACTIVATE)
        wait_for(lambda: camera.get_subscription_count() == 1, "the subscription")
    camera.publish(image_message(PIXELS))
    wait_for(lambda: node.counts.published == 1, "a result")
    assert node.counts.arrived == 1


def test_shutdown_from_active(bench: Bench, toy_bundle_dir: Path) -> None:
    node = bench.detector(toy_bundle_dir)
    assert bench.change_state(Transition.TRANSITION_ACTIVE_SHUTDOWN)
    assert bench.state() == "finalized"
    assert node.counts.pending == 0
    assert "frame_worker" not in {thread.name for thread in threading.enumerate()}


def tampered(bundle: Path, target: Path) -> Path:
    """A copy of a bundle with one byte of the graph changed."""
    shutil.copytree(bundle, target)
    graph = target / "model.onnx"
    data = bytearray(graph.read_bytes())
    data[100] ^= 1
    graph.write_bytes(data)
    return target


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("missing", ["nowhere", "bundle"]),
        ("tampered", ["model.onnx", "sha256"]),
        ("provider", ["provider", "CPUExecutionProvider", "abacus"]),
        ("precision", ["precision", "fp32", "int3"]),
        ("new name", ["blorp", "no_such_encoder"]),
    ],
)
def test_configure_fails_with_the_reason_in_one_line(
    bench: Bench, toy_bundle_dir: Path, tmp_path: Path, case: str, words: list[str]
) -> None:
    bundle, parameters = toy_bundle_dir, {}
    if case == "missing":
        bundle = tmp_path / "nowhere"
    elif case == "tampered":
        bundle = tampered(toy_bundle_dir, tmp_path / "tampered")
    elif case == "provider":
        parameters = {"provider": "abacus"}
    elif case == "precision":
        parameters = {"precision": "int3"}
    else:
        parameters = {
            "vocabulary": ["red", "blorp"],
            "text_encoder_dir": str(tmp_path / "no_such_encoder"),
        }
    bench.detector(bundle, start=False, **parameters)
    log = bench.log()
    assert not bench.change_state(Transition.TRANSITION_CONFIGURE)
    assert bench.state() == "unconfigured"
    wait_for(lambda: [each for each in log if each.name == "detector"], "the reason")
    lines = [each.msg for each in log if each.name == "detector"]
    assert len(lines) == 1 and "\n" not in lines[0]
    assert lines[0].startswith("configure failed: ")
    for word in words:
        assert word in lines[0]


def test_configure_works_once_the_reason_is_gone(
    bench: Bench, toy_bundle_dir: Path, tmp_path: Path
) -> None:
    bundle = tmp_path / "later"
    bench.detector(bundle, start=False)
    assert not bench.change_state(Transition.TRANSITION_CONFIGURE)
    shutil.copytree(toy_bundle_dir, bundle)
    assert bench.change_state(Transition.TRANSITION_CONFIGURE)
    assert bench.change_state(Transition.TRANSITION_ACTIVATE)
    assert bench.state() == "active"


def test_a_failed_configure_leaves_no_topic(bench: Bench, toy_bundle_dir: Path) -> None:
    wrong = {"qos_overrides./detector/instances.publisher.reliability": "perhaps"}
    node = bench.detector(toy_bundle_dir, start=False, **wrong)
    before = {name for name, _ in node.get_publisher_names_and_types_by_node("detector", "/")}
    assert not bench.change_state(Transition.TRANSITION_CONFIGURE)
    assert bench.state() == "unconfigured"
    after = {name for name, _ in node.get_publisher_names_and_types_by_node("detector", "/")}
    assert after <= before


def test_a_lazy_node_tells_of_its_camera_topic_when_it_activates(
    bench: Bench, toy_bundle_dir: Path
) -> None:
    wrong = {"qos_overrides./image.subscription.reliability": "perhaps"}
    bench.detector(toy_bundle_dir, start=False, lazy=True, **wrong)
    assert bench.change_state(Transition.TRANSITION_CONFIGURE)
    assert not bench.change_state(Transition.TRANSITION_ACTIVATE)
