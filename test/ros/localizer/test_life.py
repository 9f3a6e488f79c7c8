# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Lifecycle, lazy, parameters and several cameras of a localizer."""

from __future__ import annotations

import threading
from typing import Any

import pytest

pytest.importorskip("rclpy")

from lifecycle_msgs.msg import Transition
from sensor_msgs.msg import Image
from vision_msgs.msg import Detection2DArray, Detection3DArray

from vit_perception.ros.localizer_node import LocalizerNode
from vit_perception.setting import SettingError

from ..bench import KEEP_MANY, SECOND, Bench, overrides, stamp_of, wait_for
from .rig import Rig
from .scene import (
    depth_message,
    detections_message,
    info_message,
    instances_message,
    scene,
)

pytestmark = pytest.mark.ros

NAME = "localizer"
UP = (Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE)
DOWN = (Transition.TRANSITION_DEACTIVATE, Transition.TRANSITION_CLEANUP)


def threads() -> set[str]:
    return {thread.name for thread in threading.enumerate()}


def test_up_and_down(bench: Bench) -> None:
    rig = Rig(bench)
    for number in (1, 2, 3):
        rig.see(scene(), number * SECOND)
        wait_for(lambda n=number: rig.node.counts.published == n, "boxes")
        for transition in DOWN:
            assert bench.change_state(transition, NAME)
        assert bench.state(NAME) == "unconfigured" and "space_worker" not in threads()
        wait_for(lambda: bench.outside.count_publishers("/localizer/markers") == 0, "the topics")
        assert bench.outside.count_subscribers("/depth") == 0
        for transition in UP:
            assert bench.change_state(transition, NAME)
        for topic in ("depth", "instances", "detections", "camera_info"):
            publisher = rig._publishers[topic]
            wait_for(lambda p=publisher: p.get_subscription_count() == 1, topic)
    assert bench.change_state(Transition.TRANSITION_ACTIVE_SHUTDOWN, NAME)
    assert bench.state(NAME) == "finalized" and "space_worker" not in threads()


def test_what_waits_is_dropped_as_inactive(bench: Bench) -> None:
    rig = Rig(bench, sync_timeout=10.0)
    rig.publish("detections", detections_message(scene().rendered()[1]))
    [camera] = rig.node._cameras
    wait_for(lambda: camera.waiting, "an image that waits")
    assert bench.change_state(Transition.TRANSITION_DEACTIVATE, NAME)
    counts = rig.node.counts
    assert (counts.dropped["inactive"], counts.pending) == (1, 0)


def test_a_failed_transition_says_why(bench: Bench) -> None:
    wrong = {"qos_overrides./localizer/markers.publisher.reliability": "perhaps"}
    node = bench.localizer(start=False, **wrong)
    assert not bench.change_state(Transition.TRANSITION_CONFIGURE, NAME)
    assert node.snapshot().failure.startswith("configure failed: ")
    assert bench.outside.count_publishers("/localizer/detections_3d") == 0
    assert "space_worker" not in threads()
    del node


def test_a_lazy_node_tells_of_its_topics_when_it_activates(bench: Bench) -> None:
    wrong = {"qos_overrides./depth.subscription.reliability": "perhaps"}
    node = bench.localizer(start=False, lazy=True, **wrong)
    assert bench.change_state(Transition.TRANSITION_CONFIGURE, NAME)
    assert not bench.change_state(Transition.TRANSITION_ACTIVATE, NAME)
    assert "perhaps" in node.snapshot().failure


def test_nobody_subscribes_nothing_is_subscribed(bench: Bench) -> None:
    node = bench.localizer(lazy=True, diagnostics_period=0.1)
    depth = bench.outside.create_publisher(Image, "depth", KEEP_MANY)
    found = bench.outside.create_publisher(Detection2DArray, "detections", KEEP_MANY)

    def heard(count: int) -> None:
        for publisher in (depth, found):
            wait_for(lambda p=publisher: p.get_subscription_count() == count, f"{count}")

    wait_for(lambda: node.snapshot().state == "active, idle", "idle")
    heard(0)
    subscription = bench.outside.create_subscription(
        Detection3DArray, "localizer/detections_3d", print, 1
    )
    heard(1)
    assert node.snapshot().state == "active"
    bench.outside.destroy_subscription(subscription)
    heard(0)
    assert bench.set_parameters(NAME, publish_tf=True) == (True, "")
    heard(1)
    assert bench.set_parameters(NAME, publish_tf=False) == (True, "")
    heard(0)
    assert bench.set_parameters(NAME, lazy=False) == (True, "")
    heard(1)


def test_parameters_change_while_it_runs(bench: Bench) -> None:
    rig, seen = Rig(bench), scene()
    rig.see(seen, SECOND)
    assert len(rig.box(1).detections) == 1
    assert bench.set_parameters(NAME, max_range=0.4, min_points=50) == (True, "")
    rig.see(seen, 2 * SECOND)
    assert rig.box(2).detections == []
    done, reason = bench.set_parameters(NAME, max_range=1000.0)
    assert not done and "max_range" in reason
    done, reason = bench.set_parameters(NAME, depth_transport="compressedDepth")
    assert not done and reason.startswith("depth_transport: read by configure: deactivate")
    assert bench.change_state(Transition.TRANSITION_DEACTIVATE, NAME)
    assert bench.set_parameters(NAME, depth_transport="compressedDepth") == (True, "")
    assert bench.change_state(Transition.TRANSITION_ACTIVATE, NAME)
    wait_for(lambda: bench.outside.count_subscribers("/depth/compressedDepth") == 1, "the topic")
    assert bench.outside.count_subscribers("/depth") == 0


def test_a_parameter_of_a_detector_is_no_news(bench: Bench) -> None:
    log = bench.log()
    bench.localizer(start=False, vocabulary=["mug"], targetframe="x")
    wait_for(lambda: [each for each in log if "target_frame" in each.msg], "a hint")
    assert not [each.msg for each in log if "vocabulary" in each.msg]
    with pytest.raises(SettingError, match="tf_timeout: expected 0 to 10"):
        LocalizerNode(
            "other", context=bench.context, parameter_overrides=overrides({"tf_timeout": -1.0})
        )


def test_several_cameras(bench: Bench) -> None:
    node = bench.localizer(cameras=["front", "wrist"])
    boxes: dict[str, list[Any]] = {
        name: bench.collect(Detection3DArray, f"localizer/{name}/detections_3d")
        for name in ("front", "wrist")
    }
    seen = scene()
    depth, owner = seen.rendered()
    for name in boxes:
        bench.publisher(type(info_message(seen.camera)), f"{name}/camera_info").publish(
            info_message(seen.camera)
        )
    wait_for(lambda: all(each.infos for each in node._cameras), "camera_info")
    for number, name in enumerate(boxes, 1):
        stamp = number * SECOND
        for topic, message in (
            ("depth", depth_message(depth, stamp=stamp)),
            ("instances", instances_message(owner, stamp)),
            ("detections", detections_message(owner, stamp)),
        ):
            bench.publisher(type(message), f"{name}/{topic}").publish(message)
    wait_for(lambda: all(boxes.values()), "boxes of both")
    assert {name: [stamp_of(each) for each in got] for name, got in boxes.items()} == {
        "front": [SECOND],
        "wrist": [2 * SECOND],
    }
