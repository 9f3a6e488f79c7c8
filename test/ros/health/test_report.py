# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from vit_perception.ros.frames.accounting import CAUSES, ERROR, UNDECODABLE, Counts, Quantiles
from vit_perception.ros.health.input import Input
from vit_perception.ros.health.report import CameraState, Snapshot, statuses
from vit_perception.ros.health.status import FAULT, OK, WARN, Status


def counts(received: int = 0, published: int = 0, **dropped: int) -> Counts:
    """Counters with nothing pending."""
    return Counts(received, published, dict.fromkeys(CAUSES, 0) | dropped, {}, 0)


def camera(now: Counts, name: str = "", **changes: object) -> CameraState:
    """A camera that sends."""
    source = Input("/image", "best_effort, depth 1", 1, silence=0.1, timeout=2.0)
    values = {"input": source, **changes}
    return CameraState(name=name, counts=now, **values)  # type: ignore[arg-type]


def report(
    now: Counts | CameraState, before: Counts | CameraState | None = None, **changes: object
) -> tuple[Status, ...]:
    """Statuses of an active node two seconds after the report before."""
    first, second = (
        Snapshot(
            "active",
            cameras=(each if isinstance(each, CameraState) else camera(each),),
            **changes,  # type: ignore[arg-type]
        )
        for each in (before or counts(), now)
    )
    return tuple(statuses(second, first, 2.0))


def test_rates_are_of_the_time_since_the_report_before() -> None:
    source, frames, _ = report(counts(70, 40, replaced=30), counts(10, 10))
    assert (source.name, frames.name) == ("input", "frames")
    assert (source.level, frames.level) == (OK, OK)
    assert source.values["rate.received_hz"] == "30.00"
    assert frames.values["rate.published_hz"] == "15.00"
    assert frames.values["frames.dropped.replaced"] == "30"


def test_a_frame_is_received_once_its_fate_is_known() -> None:
    now = Counts(9, 4, dict.fromkeys(CAUSES, 0) | {"replaced": 3}, {}, 2)
    values = report(now)[1].values
    assert (values["frames.received"], values["frames.pending"]) == ("7", "2")


def test_failed_frames_are_a_fault_while_they_are_new() -> None:
    failed = counts(5, 3, **{ERROR: 2})
    frames = report(failed, last_error="frame dropped: out of memory")[1]
    assert frames.level == FAULT
    assert frames.message == "2 frames failed: frame dropped: out of memory"
    assert report(failed, failed)[1].level == OK


def test_unreadable_frames_are_a_warning_while_they_are_new() -> None:
    unreadable = counts(5, 3, **{UNDECODABLE: 2})
    frames = report(unreadable, last_error="image dropped: jpeg")[1]
    assert (frames.level, frames.message) == (
        WARN,
        "2 images could not be read: image dropped: jpeg",
    )
    assert report(unreadable, unreadable)[1].level == OK


def test_latencies_are_in_milliseconds() -> None:
    latency = {"decode": Quantiles(0.001, 0.002, 0.003), "age": Quantiles(0.01, 0.02, 0.03)}
    values = report(camera(counts(), latency=latency))[1].values
    assert values["latency.decode.p50_ms"] == "1.000"
    assert values["age.p95_ms"] == "20.000"
    assert "latency.age.p50_ms" not in values


def test_one_publisher_that_is_not_heard_does_not_hide_another_that_is() -> None:
    heard = Input("/image", "reliable, depth 1", 2, 0.1, 2.0, mismatch="reliability")
    assert report(camera(counts(), input=heard))[0].level == OK
    silent = Input("/image", "reliable, depth 1", 2, 2.1, 2.0, mismatch="reliability")
    source = report(camera(counts(), input=silent))[0]
    assert source.level == FAULT
    assert "reliability" in source.message and "/image" in source.message


SILENT = {"qos": "best_effort, depth 1", "silence": 3.0, "timeout": 1.0}


@pytest.mark.parametrize(
    ("changes", "level", "kind", "words"),
    [
        ({"publishers": 1, "silence": 0.2}, OK, "", "0.0 images/s on /image"),
        ({"publishers": 1, "timeout": 0.0}, OK, "", "0.0 images/s"),
        ({"publishers": None}, OK, "", "not subscribed: active"),
        (
            {"publishers": 0},
            WARN,
            "no publisher",
            "for 3.0 s (best_effort, depth 1): nobody publishes there",
        ),
        (
            {"publishers": 0, "seen": 9},
            WARN,
            "no publisher",
            "nobody publishes there any more, after 9",
        ),
        ({"publishers": 1}, WARN, "never seen", "shared-memory segment"),
        ({"publishers": 1, "seen": 899}, WARN, "stalled", "after 899: its publisher is there and"),
        ({"publishers": 1, "mismatch": "durability"}, FAULT, "QoS", "another durability"),
        (
            {"publishers": 0, "other_types": ("sensor_msgs/msg/CompressedImage",)},
            FAULT,
            "type",
            "Image, found sensor_msgs/msg/CompressedImage; for compressed images",
        ),
        (
            {"publishers": 0, "other_types": ("std_msgs/msg/String",)},
            FAULT,
            "type",
            "found std_msgs/msg/String",
        ),
        ({"publishers": 1, "clock": False}, WARN, "no clock", "nothing has come on /clock"),
    ],
)
def test_every_state_of_the_input_has_its_own_line(
    changes: dict[str, object], level: int, kind: str, words: str
) -> None:
    given = {"topic": "/image", "wanted_type": "sensor_msgs/msg/Image", **SILENT, **changes}
    status = report(camera(counts(), input=Input(**given)))[0]  # type: ignore[arg-type]
    assert (status.level, status.kind) == (level, kind)
    assert words in status.message
    # Advice is given where it helps only.
    assert ("shared-memory" in status.message) == (kind == "never seen")


def test_a_failed_transition_is_an_error_until_one_succeeds() -> None:
    failed = report(counts(), failure="configure failed: no_such: expected a bundle")[-1]
    assert (failed.name, failed.level) == ("engine", FAULT)
    assert failed.message == "configure failed: no_such: expected a bundle"
    assert report(counts())[-1].level == OK


def test_stamps_of_the_future_are_a_warning_while_they_come() -> None:
    odd = camera(counts(2, 2), stamps={"missing": 0, "future": 2, "backward": 0})
    source = report(odd, camera(counts()))[0]
    assert source.level == WARN
    assert source.message.startswith("images on /image are stamped in the future: the clocks")
    assert source.values["stamps.future"] == "2"
    assert report(odd, odd)[0].level == OK


def test_limits_of_age_and_rate() -> None:
    old = camera(counts(20, 20), latency={"age": Quantiles(0.1, 0.2, 0.3)})
    assert report(old)[1].level == OK
    assert report(old, warn_age=0.25)[1].level == OK
    frames = report(old, warn_age=0.15)[1]
    assert (frames.level, frames.message) == (
        WARN,
        "results are 0.200 s old at publication (95th percentile), warn_age is 0.15 s",
    )
    assert report(old, warn_rate=9.9)[1].level == OK
    frames = report(old, warn_rate=12.0)[1]
    assert (frames.level, frames.message) == (WARN, "10.0 results/s, warn_rate is 12")


def test_every_camera_speaks_for_itself() -> None:
    dead = Input("/wrist/image", "best_effort, depth 1", 0, 3.0, 1.0)
    cameras = (camera(counts(60, 60), "front"), camera(counts(), "wrist", input=dead))
    before = (camera(counts(), "front"), camera(counts(), "wrist", input=dead))
    found = statuses(Snapshot("active", cameras), Snapshot("active", before), 2.0)
    assert [each.name for each in found] == [
        "front input",
        "front frames",
        "wrist input",
        "wrist frames",
        "engine",
    ]
    assert [each.level for each in found] == [OK, OK, WARN, OK, OK]
    assert found[0].message == "30.0 images/s on /image"
    assert found[2].message.startswith("no image on /wrist/image for 3.0 s")
