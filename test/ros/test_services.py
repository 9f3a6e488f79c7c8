# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Pause, and one frame on demand."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("rclpy")

from lifecycle_msgs.msg import Transition
from sensor_msgs.msg import Image
from std_srvs.srv import SetBool, Trigger

from vit_perception.ros import services

from ..toy_bundle import toy_picture
from .bench import ALL_ARRIVE, SECOND, Bench, image_message, stamp_of, wait_for
from .test_topics import everything

pytestmark = pytest.mark.ros

PIXELS, _ = toy_picture(64, 96, {"red": (1, 2)})


def enable(bench: Bench, enabled: bool) -> str:
    answer = bench.call(SetBool, "detector/set_enabled", SetBool.Request(data=enabled))
    assert answer.success
    return str(answer.message)


class Asked:
    """A call of ~/detect_once whose answer comes later."""

    def __init__(self, bench: Bench) -> None:
        client = bench.outside.create_client(Trigger, "detector/detect_once")
        assert client.wait_for_service(60)
        self._future = client.call_async(Trigger.Request())

    @property
    def done(self) -> bool:
        return bool(self._future.done())

    def answer(self) -> tuple[bool, str]:
        wait_for(self._future.done, "an answer")
        result: Any = self._future.result()
        return bool(result.success), str(result.message)


def asked(bench: Bench, node: Any) -> Asked:
    """A call that has reached the node."""
    call = Asked(bench)
    gates = [camera.gate for camera in node._cameras]
    wait_for(lambda: all(gate.activation is not None for gate in gates), "the call")
    return call


def test_a_paused_node_drops_and_goes_on(bench: Bench, toy_bundle_dir: Path) -> None:
    node = bench.detector(toy_bundle_dir, diagnostics_period=0.1, **ALL_ARRIVE)
    results, camera, diagnostics = bench.detections(), bench.camera(), bench.diagnostics()
    assert enable(bench, False) == "paused: frames are dropped as inactive"
    wait_for(
        lambda: diagnostics and everything(diagnostics[-1])["state"] == "active, paused",
        "the state",
    )
    camera.publish(image_message(PIXELS, stamp=1 * SECOND))
    wait_for(lambda: node.counts.dropped["inactive"] == 1, "a drop")
    # Also what another activation begins is paused.
    assert bench.change_state(Transition.TRANSITION_DEACTIVATE)
    assert bench.change_state(Transition.TRANSITION_ACTIVATE)
    wait_for(lambda: camera.get_subscription_count() == 1, "the subscription")
    camera.publish(image_message(PIXELS, stamp=2 * SECOND))
    wait_for(lambda: node.counts.dropped["inactive"] == 2, "another drop")
    assert enable(bench, True) == "enabled"
    camera.publish(image_message(PIXELS, stamp=3 * SECOND))
    wait_for(lambda: results, "a result")
    assert [stamp_of(each) for each in results] == [3 * SECOND]


def test_one_frame_of_a_paused_node(bench: Bench, toy_bundle_dir: Path) -> None:
    node = bench.detector(toy_bundle_dir, **ALL_ARRIVE)
    results, camera = bench.detections(), bench.camera()
    enable(bench, False)
    for number in range(3):
        call = asked(bench, node)
        # A frame that cannot be read is not the one that was asked for.
        broken = image_message(PIXELS)
        broken.encoding = "rainbow8"
        camera.publish(broken)
        wait_for(lambda n=number: node.counts.dropped["undecodable"] == n + 1, "a drop")
        assert not call.done
        camera.publish(image_message(PIXELS, stamp=(10 + number) * SECOND))
        success, message = call.answer()
        assert success
        assert message.startswith("1 found: red 0.9")
        camera.publish(image_message(PIXELS, stamp=(20 + number) * SECOND))
        wait_for(lambda n=number: node.counts.dropped["inactive"] == n + 1, "the pause")
    wait_for(lambda: len(results) == 3, "the results")
    assert [stamp_of(each) for each in results] == [n * SECOND for n in (10, 11, 12)]


def test_one_frame_of_a_running_node(bench: Bench, toy_bundle_dir: Path) -> None:
    bench.detector(toy_bundle_dir, **ALL_ARRIVE)
    camera = bench.camera()
    call = Asked(bench)
    stop = threading.Event()

    def publish() -> None:
        while not stop.wait(0.02):
            camera.publish(image_message(PIXELS))

    thread = threading.Thread(target=publish)
    thread.start()
    try:
        assert call.answer()[0]
    finally:
        stop.set()
        thread.join()


def test_a_frame_that_does_not_come(
    bench: Bench, toy_bundle_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = bench.detector(toy_bundle_dir, start=False)
    assert Asked(bench).answer() == (
        False,
        "no frame: the node is unconfigured, activate it first",
    )
    assert bench.change_state(Transition.TRANSITION_CONFIGURE)
    assert bench.change_state(Transition.TRANSITION_ACTIVATE)
    monkeypatch.setattr(services, "DETECT_ONCE_TIMEOUT", 0.2)
    assert Asked(bench).answer() == (False, "no frame was published within 0.2 s")
    # A deactivation ends the wait at once.
    monkeypatch.setattr(services, "DETECT_ONCE_TIMEOUT", 1000.0)
    enable(bench, False)
    call = asked(bench, node)
    assert bench.change_state(Transition.TRANSITION_DEACTIVATE)
    assert call.answer() == (False, "no frame: the node is inactive, activate it first")


def test_one_frame_of_every_camera(bench: Bench, toy_bundle_dir: Path) -> None:
    bench.detector(toy_bundle_dir, cameras=["front", "wrist"])
    enable(bench, False)
    cameras = [
        bench.publisher(Image, f"{name}/image", reliable=False) for name in ("front", "wrist")
    ]
    call = Asked(bench)

    def answered() -> bool:
        for camera in cameras:
            camera.publish(image_message(PIXELS))
        return call.done

    wait_for(answered, "an answer")
    success, message = call.answer()
    assert success
    front, wrist = message.split("; ")
    assert front.startswith("front: 1 found: red") and wrist.startswith("wrist: 1 found: red")
