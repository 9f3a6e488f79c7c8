# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What diagnostics say, from plain values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from vit_perception.ros.frames.accounting import Counts, Quantiles
from vit_perception.ros.health.input import Input
from vit_perception.ros.health.status import FAULT, OK, WARN, Status
from vit_perception.ros.localizer.causes import CAUSES
from vit_perception.ros.localizer.report import SpaceCameraState, SpaceSnapshot, statuses


def counts(published: int = 0, **dropped: int) -> Counts:
    """Counters with nothing pending."""
    total = published + sum(dropped.values())
    return Counts(total, published, dict.fromkeys(CAUSES, 0) | dropped, {}, 0)


def hears(topic: str, **changes: Any) -> Input:
    """An input that brings something."""
    given = {"publishers": 1, "silence": 0.1, "timeout": 1.0, "seen": 5, "noun": "message"}
    return Input(f"/{topic}", "best_effort, depth 5", **{**given, **changes})


ALL = {topic: hears(topic) for topic in ("detections", "depth", "camera_info")}


def report(
    now: Counts,
    before: Counts | None = None,
    node: Mapping[str, Any] | None = None,
    **changes: Any,
) -> tuple[Status, ...]:
    """Input, frames and node of an active localizer, two seconds after the report before."""
    camera = {"name": "", "inputs": ALL, **changes}
    first, second = (
        SpaceSnapshot(
            cameras=(SpaceCameraState(counts=each, **camera),),
            **{"state": "active", **(node or {})},
        )
        for each in (before or counts(), now)
    )
    return tuple(statuses(second, first, 2.0))


def test_all_is_well() -> None:
    entries, frames, node = report(counts(20))
    assert (entries.level, frames.level, node.level) == (OK, OK, OK)
    assert entries.message == "10.0 results/s to be placed"
    assert (frames.message, node.message) == ("10.0 results/s", "active")


def test_all_that_is_waited_for_is_named() -> None:
    silent = {"publishers": 0, "silence": 3.0, "seen": 0}
    inputs = {topic: hears(topic, **silent) for topic in ALL}
    entries, _, _ = report(counts(), inputs=inputs)
    assert entries.level == WARN
    for topic in ALL:
        assert f"waiting for {topic}: no message on /{topic} for 3.0 s" in entries.message
    # One camera_info is enough.
    inputs["camera_info"] = hears("camera_info", silence=100.0)
    assert "camera_info" not in report(counts(), inputs=inputs)[0].message


@pytest.mark.parametrize(
    ("cause", "what"),
    [("no_depth", "depth"), ("apart", "depth"), ("no_camera_info", "camera_info")],
)
def test_causes_have_their_lines(cause: str, what: str) -> None:
    entries, _, _ = report(counts(**{cause: 3}), lines={cause: "so it is"})
    assert (entries.level, entries.kind) == (WARN, cause)
    assert entries.message == f"waiting for {what}: so it is"


def test_one_loss_among_many_is_no_warning() -> None:
    assert report(counts(60, apart=2))[0].level == OK
    assert report(counts(60, apart=20))[0].level == WARN
    assert report(counts(60, apart=20), counts(30, apart=20))[0].level == OK


def test_units_and_silence_in_the_process_are_named() -> None:
    entries, _, _ = report(counts(5), unit="millimetres?", silence="nothing from /detector")
    assert entries.level == WARN
    assert entries.message == "waiting for detections: nothing from /detector; millimetres?"


def test_idle_and_inactive_have_no_inputs() -> None:
    entries, _, _ = report(counts(), inputs={}, idle=True)
    assert entries.message.startswith("not subscribed: idle")
    entries, _, _ = report(counts(), inputs={}, node={"state": "inactive"})
    assert (entries.level, entries.message) == (OK, "not subscribed: inactive")


def test_frames_that_fail_are_told() -> None:
    node = {"last_error": "RuntimeError: no"}
    _, frames, _ = report(counts(5, error=2), node=node)
    assert (frames.level, frames.message) == (FAULT, "2 images failed: RuntimeError: no")
    _, frames, _ = report(counts(5, undecodable=2), node=node)
    assert frames.level == WARN and "2 images could not be read" in frames.message


def test_limits_of_age_and_rate() -> None:
    old = {"latency": {"age": Quantiles(0.1, 0.5, 0.6)}}
    _, frames, _ = report(counts(4), node={"warn_age": 0.4}, **old)
    assert frames.message.startswith("results are 0.500 s old at publication")
    _, frames, _ = report(counts(4), node={"warn_rate": 5.0})
    assert (frames.level, frames.message) == (WARN, "2.0 results/s, warn_rate is 5")
    _, frames, _ = report(counts(4), node={"warn_rate": 5.0}, inputs={}, idle=True)
    assert frames.level == OK


def test_a_node_that_failed_or_is_stuck() -> None:
    assert report(counts(), node={"failure": "configure failed: no"})[2].level == FAULT
    stuck = report(counts(), node={"busy": 6.0})[2]
    assert (stuck.level, stuck.message) == (FAULT, "stuck: at work on one image for 6.0 s")
