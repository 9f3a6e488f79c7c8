# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Quality of service in both directions: what fits gets through, what does not is named."""

from __future__ import annotations

import itertools
import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("rclpy")

from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image
from vision_msgs.msg import Detection2DArray

from ..toy_bundle import toy_picture
from .bench import Bench, image_message, wait_for
from .test_topics import entries

pytestmark = pytest.mark.ros

PIXELS, _ = toy_picture(64, 96, {"red": (1, 2)})
RELIABILITIES = ("best_effort", "reliable")
DURABILITIES = ("volatile", "transient_local")
KINDS = list(itertools.product(RELIABILITIES, DURABILITIES))


def profile(reliability: str, durability: str) -> QoSProfile:
    return QoSProfile(
        depth=10,
        reliability=ReliabilityPolicy[reliability.upper()],
        durability=DurabilityPolicy[durability.upper()],
    )


def misfit(offered: tuple[str, str], asked: tuple[str, str]) -> set[str]:
    """Policies of which less is offered than asked for."""
    found = set()
    if (offered[0], asked[0]) == RELIABILITIES:
        found.add("reliability")
    if (offered[1], asked[1]) == DURABILITIES:
        found.add("durability")
    return found


def overrides(topic: str, side: str, kind: tuple[str, str]) -> dict[str, str]:
    names = zip(("reliability", "durability"), kind, strict=True)
    return {f"qos_overrides.{topic}.{side}.{name}": value for name, value in names}


def lines_about(log: list[Any], words: str) -> list[str]:
    return [each.msg for each in log if words in each.msg]


@pytest.mark.parametrize("asked", KINDS, ids="-".join)
@pytest.mark.parametrize("offered", KINDS, ids="-".join)
def test_from_camera_to_node(
    bench: Bench, toy_bundle_dir: Path, offered: tuple[str, str], asked: tuple[str, str]
) -> None:
    node = bench.detector(
        toy_bundle_dir,
        diagnostics_period=0.1,
        image_timeout=0.1,
        **overrides("/image", "subscription", asked),
    )
    log, diagnostics = bench.log(), bench.diagnostics()
    camera = bench.outside.create_publisher(Image, "image", profile(*offered))
    wrong = misfit(offered, asked)
    if not wrong:
        wait_for(lambda: camera.get_subscription_count() == 1, "the subscription")

        def through() -> bool:
            camera.publish(image_message(PIXELS))
            time.sleep(0.01)
            return node.counts.published > 0

        wait_for(through, "a result")
        assert not lines_about(log, "offers another")
        return
    wait_for(lambda: lines_about(log, "a publisher on /image offers another "), "a line")
    (line,) = lines_about(log, "offers another")
    assert line.split(" than the")[0].split()[-1] in wrong

    def named() -> bool:
        status = entries(diagnostics[-1])["input"] if diagnostics else None
        return (
            status is not None
            and status.level == b"\x02"
            and any(policy in status.message for policy in wrong)
        )

    wait_for(named, "an error in the diagnostics")
    assert node.counts.arrived == 0


@pytest.mark.parametrize("asked", KINDS, ids="-".join)
@pytest.mark.parametrize("offered", KINDS, ids="-".join)
def test_from_node_to_planner(
    bench: Bench, toy_bundle_dir: Path, offered: tuple[str, str], asked: tuple[str, str]
) -> None:
    bench.detector(toy_bundle_dir, **overrides("/detector/detections", "publisher", offered))
    log, camera = bench.log(), bench.camera()
    results: list[Any] = []
    bench.outside.create_subscription(
        Detection2DArray, "detector/detections", results.append, profile(*asked)
    )
    wrong = misfit(offered, asked)

    def through() -> bool:
        camera.publish(image_message(PIXELS))
        time.sleep(0.01)
        said = lines_about(log, "a subscriber of /detector/detections asks for another ")
        return bool(said if wrong else results)

    wait_for(through, "a line" if wrong else "a result")
    said = lines_about(log, "asks for another")
    assert bool(said) == bool(wrong)
    for line in said:
        assert line.split(" than is")[0].split()[-1] in wrong
    assert bool(results) != bool(wrong)


def test_a_camera_that_dies_and_another_that_comes(bench: Bench, toy_bundle_dir: Path) -> None:
    node = bench.detector(toy_bundle_dir, diagnostics_period=0.1, image_timeout=0.2)
    diagnostics = bench.diagnostics()
    for round_number in range(3):
        camera = bench.camera()
        before = node.counts.published

        def through(camera: Any = camera, before: int = before) -> bool:
            camera.publish(image_message(PIXELS))
            time.sleep(0.01)
            return node.counts.published > before

        wait_for(through, f"a result of camera {round_number}")
        bench.outside.destroy_publisher(camera)
        wait_for(
            lambda: (
                diagnostics
                and "nobody publishes there" in entries(diagnostics[-1])["input"].message
            ),
            "its absence in the diagnostics",
        )
    assert node.counts.arrived == node.counts.received
