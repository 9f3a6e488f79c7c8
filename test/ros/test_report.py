# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from vit_perception.ros.accounting import CAUSES, ERROR, UNDECODABLE, Counts
from vit_perception.ros.report import FAULT, OK, WARN, Input, Snapshot, statuses
from vit_perception.ros.statistics import Quantiles


def counts(received: int = 0, published: int = 0, **dropped: int) -> Counts:
    """Counters with nothing pending."""
    return Counts(received, published, dict.fromkeys(CAUSES, 0) | dropped, {}, 0)


def snapshot(now: Counts, before: Counts | None = None, **changes: object) -> Snapshot:
    """An active node two seconds after the report before."""
    camera = Input("/image", "best_effort, depth 1", 1, silence=0.1, timeout=2.0)
    values = {"input": camera, "latency": {}, "last_error": "", **changes}
    return Snapshot("active", counts=now, before=before or counts(), elapsed=2.0, **values)  # type: ignore[arg-type]


def test_rates_are_of_the_time_since_the_report_before() -> None:
    camera, frames, _ = statuses(snapshot(counts(70, 40, replaced=30), counts(10, 10)))
    assert (camera.level, frames.level) == (OK, OK)
    assert camera.values["rate.received_hz"] == "30.00"
    assert frames.values["rate.published_hz"] == "15.00"
    assert frames.values["frames.dropped.replaced"] == "30"


def test_failed_frames_are_a_fault_while_they_are_new() -> None:
    failed = counts(5, 3, **{ERROR: 2})
    frames = statuses(snapshot(failed, last_error="frame dropped: out of memory"))[1]
    assert frames.level == FAULT
    assert frames.message == "2 frames failed: frame dropped: out of memory"
    assert statuses(snapshot(failed, failed))[1].level == OK


def test_unreadable_frames_are_a_warning_while_they_are_new() -> None:
    unreadable = counts(5, 3, **{UNDECODABLE: 2})
    frames = statuses(snapshot(unreadable, last_error="image dropped: jpeg"))[1]
    assert (frames.level, frames.message) == (
        WARN,
        "2 images could not be read: image dropped: jpeg",
    )
    assert statuses(snapshot(unreadable, unreadable))[1].level == OK


def test_latencies_are_in_milliseconds() -> None:
    latency = {"decode": Quantiles(0.001, 0.002, 0.003), "age": Quantiles(0.01, 0.02, 0.03)}
    values = statuses(snapshot(counts(), latency=latency))[1].values
    assert values["latency.decode.p50_ms"] == "1.000"
    assert values["age.p95_ms"] == "20.000"
    assert "latency.age.p50_ms" not in values


def test_one_publisher_that_is_not_heard_does_not_hide_another_that_is() -> None:
    heard = Input("/image", "reliable, depth 1", 2, 0.1, 2.0, mismatch="reliability")
    assert statuses(snapshot(counts(), input=heard))[0].level == OK
    silent = Input("/image", "reliable, depth 1", 2, 2.1, 2.0, mismatch="reliability")
    camera = statuses(snapshot(counts(), input=silent))[0]
    assert camera.level == FAULT
    assert "reliability" in camera.message and "/image" in camera.message
