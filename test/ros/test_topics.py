# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Overlay and diagnostics."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy")

from lifecycle_msgs.msg import Transition
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image

from vit_perception.bundle.bundle import Bundle
from vit_perception.ros.manual.detector import DIAGNOSTICS

from ..toy_bundle import toy_picture
from .bench import ALL_ARRIVE, SECOND, Bench, image_message, stamp_of, values, wait_for

pytestmark = pytest.mark.ros

PIXELS, BOXES = toy_picture(120, 160, {"red": (1, 2)})


def entries(message: Any) -> dict[str, Any]:
    """Statuses of the detector in one diagnostics message, by what they are about."""
    return {
        each.name.removeprefix("detector: "): each
        for each in message.status
        if each.name.startswith("detector: ")
    }


def everything(message: Any) -> Mapping[str, str]:
    """Keys and values of all of the detector's statuses."""
    return {
        key: value for each in entries(message).values() for key, value in values(each).items()
    }


def undocumented(keys: Iterable[str], table: Iterable[Sequence[str]]) -> list[str]:
    """Keys of diagnostics that a table of the manual does not tell of."""
    text = " ".join(f" {row[0]}," for row in table)
    missing = []
    for key in keys:
        general = re.sub(r"^latency\.\w+\.", "latency.<stage>.", key)
        general = re.sub(r"(latency\.<stage>|age)\.(p95|max)_ms", r"\1.p50_ms", general)
        general = re.sub(r"^input\.[\w/]+\.", "input.<topic>.", general)
        missing += [] if f" {general}," in text else [key]
    return missing


def test_the_overlay_is_drawn_only_for_a_subscriber(bench: Bench, toy_bundle_dir: Path) -> None:
    node = bench.detector(toy_bundle_dir, diagnostics_period=0.1)
    diagnostics, camera = bench.diagnostics(), bench.camera()
    for number in range(1, 4):
        camera.publish(image_message(PIXELS, stamp=number * SECOND))
        wait_for(lambda n=number: node.counts.published == n, "a result")
    seen = len(diagnostics)
    wait_for(lambda: len(diagnostics) > seen + 1, "diagnostics")
    assert "latency.publish.p50_ms" in everything(diagnostics[-1])
    assert "latency.overlay.p50_ms" not in everything(diagnostics[-1])

    pictures = bench.collect(Image, "detector/overlay", QoSProfile(depth=10))
    camera.publish(image_message(PIXELS, stamp=9 * SECOND))
    wait_for(lambda: pictures, "a picture")
    assert len(pictures) == 1
    picture = pictures[0]
    assert stamp_of(picture) == 9 * SECOND
    assert (picture.encoding, picture.height, picture.width) == ("rgb8", 120, 160)
    drawn = np.frombuffer(picture.data, np.uint8).reshape(120, 160, 3)
    left, top, right, bottom = BOXES["red"].astype(int)
    assert (drawn[top, left:right] != PIXELS[top, left:right]).any()
    assert (drawn[100:, 100:] == PIXELS[100:, 100:]).all()
    wait_for(lambda: "latency.overlay.p50_ms" in everything(diagnostics[-1]), "the overlay's time")


def test_the_overlay_rate_is_a_limit(bench: Bench, toy_bundle_dir: Path) -> None:
    node = bench.detector(toy_bundle_dir, overlay_rate=0.001, **ALL_ARRIVE)
    camera = bench.camera()
    pictures = bench.collect(Image, "detector/overlay", QoSProfile(depth=10))
    for number in range(1, 6):
        camera.publish(image_message(PIXELS, stamp=number * SECOND))
        wait_for(lambda n=number: node.counts.published == n, "a result")
    wait_for(lambda: pictures, "a picture")
    assert [stamp_of(picture) for picture in pictures] == [1 * SECOND]
    assert bench.set_parameters(overlay_rate=0.0) == (True, "")
    for number in (6, 7):
        camera.publish(image_message(PIXELS, stamp=number * SECOND))
        wait_for(lambda n=number: stamp_of(pictures[-1]) == n * SECOND, "the next picture")


def test_what_the_overlay_shows_changes_while_it_runs(bench: Bench, toy_bundle_dir: Path) -> None:
    bench.detector(toy_bundle_dir, **ALL_ARRIVE)
    camera = bench.camera()
    pictures = bench.collect(Image, "detector/overlay", QoSProfile(depth=10))
    camera.publish(image_message(PIXELS))
    wait_for(lambda: len(pictures) == 1, "a picture")
    assert bench.set_parameters(overlay_score=1.0) == (True, "")
    camera.publish(image_message(PIXELS))
    wait_for(lambda: len(pictures) == 2, "another")
    drawn, plain = (bytes(picture.data) for picture in pictures)
    assert plain == PIXELS.tobytes() != drawn
    assert bench.set_parameters(overlay_score=2.0)[0] is False


def test_diagnostics_say_what_runs_and_add_up(
    bench: Bench, toy_bundle_dir: Path, toy_bundle: Bundle
) -> None:
    node = bench.detector(toy_bundle_dir, diagnostics_period=0.1, **ALL_ARRIVE)
    diagnostics, camera = bench.diagnostics(), bench.camera()
    for _ in range(30):
        camera.publish(image_message(PIXELS, stamp=time.time_ns()))
        time.sleep(0.01)
    wait_for(lambda: node.counts.arrived == 30 and node.counts.pending == 0, "all frames")
    message = image_message(PIXELS, stamp=time.time_ns())
    message.encoding = "rainbow8"
    camera.publish(message)
    wait_for(lambda: node.counts.dropped["undecodable"] == 1, "a drop")
    seen = len(diagnostics)
    wait_for(lambda: len(diagnostics) > seen + 1, "diagnostics of the end")
    for message in diagnostics:
        shown = everything(message)
        received, published, dropped, pending = (
            int(shown[f"frames.{key}"]) for key in ("received", "published", "dropped", "pending")
        )
        assert (received, pending >= 0) == (published + dropped, True)
        assert dropped == sum(
            int(value) for key, value in shown.items() if key.startswith("frames.dropped.")
        )
    last = everything(diagnostics[-1])
    assert last["model.sha256"] == toy_bundle.sha256["model.onnx"]
    assert last["model.precision"] == "fp32"
    assert last["model.provider"] == "CPUExecutionProvider"
    assert (last["vocabulary.version"], last["vocabulary.names"]) == ("0", "3")
    assert last["frames.undecodable.encoding"] == "1"
    assert last["state"] == "active"
    assert last["input.topic"] == "/image"
    assert last["input.qos"] == "reliable, depth 1000"
    # Stages lie one after the other inside the total, and that inside the age.
    stages = ("wait", "decode", "letterbox", "inference", "nms", "publish")
    middle = {s: float(last[f"latency.{s}.p50_ms"]) for s in (*stages, "total")}
    assert 0 < sum(middle[stage] for stage in stages) <= 1.5 * middle["total"]
    assert 0 < float(last["age.p50_ms"]) < 20_000
    assert max(float(m) for m in (last["latency.total.max_ms"],)) >= middle["total"]


def test_every_diagnostics_key_is_in_the_manual(bench: Bench, toy_bundle_dir: Path) -> None:
    node = bench.detector(toy_bundle_dir, diagnostics_period=0.1)
    diagnostics, camera = bench.diagnostics(), bench.camera()
    camera.publish(image_message(PIXELS))
    wait_for(lambda: node.counts.published == 1, "a result")
    seen = len(diagnostics)
    wait_for(lambda: len(diagnostics) > seen + 1, "diagnostics")
    assert undocumented(everything(diagnostics[-1]), DIAGNOSTICS) == []


def test_diagnostics_come_in_every_state(bench: Bench, toy_bundle_dir: Path) -> None:
    bench.detector(toy_bundle_dir, start=False, diagnostics_period=0.1)
    diagnostics = bench.diagnostics()

    def shown(state: str) -> None:
        wait_for(lambda: everything(diagnostics[-1])["state"] == state, f"state {state}")
        assert {each.level for each in entries(diagnostics[-1]).values()} == {b"\0"}

    wait_for(lambda: diagnostics, "diagnostics")
    shown("unconfigured")
    assert bench.change_state(Transition.TRANSITION_CONFIGURE)
    shown("inactive")
    assert bench.change_state(Transition.TRANSITION_ACTIVATE)
    shown("active")
    assert bench.change_state(Transition.TRANSITION_ACTIVE_SHUTDOWN)
    shown("finalized")


def test_silence_is_a_warning_that_names_topic_and_cure(
    bench: Bench, toy_bundle_dir: Path
) -> None:
    bench.detector(toy_bundle_dir, diagnostics_period=0.1, image_timeout=0.2)
    diagnostics = bench.diagnostics()

    def warning(words: list[str]) -> bool:
        status = entries(diagnostics[-1])["input"] if diagnostics else None
        return (
            status is not None
            and status.level == b"\x01"
            and all(word in status.message for word in words)
        )

    wait_for(lambda: warning(["no image on /image", "best_effort", "nobody publishes"]), "a word")
    camera = bench.camera()
    wait_for(lambda: warning(["/image", "config/fastdds.xml"]), "the profile's name")
    camera.publish(image_message(PIXELS))
    wait_for(lambda: entries(diagnostics[-1])["input"].level == b"\0", "the end of the warning")
    assert bench.set_parameters(image_timeout=0.0) == (True, "")
    time.sleep(0.4)
    assert entries(diagnostics[-1])["input"].level == b"\0"


def test_a_publisher_that_cannot_be_heard_is_named(bench: Bench, toy_bundle_dir: Path) -> None:
    bench.detector(toy_bundle_dir, diagnostics_period=0.1, image_timeout=0.2, **ALL_ARRIVE)
    diagnostics = bench.diagnostics()
    bench.publisher(Image, "image", reliable=False, listeners=0)

    def named() -> bool:
        status = entries(diagnostics[-1])["input"] if diagnostics else None
        return (
            status is not None
            and status.level == b"\x02"
            and "/image" in status.message
            and "reliability" in status.message
        )

    wait_for(named, "an error in the diagnostics")
