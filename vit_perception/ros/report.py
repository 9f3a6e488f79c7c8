# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What /diagnostics says about a camera node, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from vit_perception.ros.accounting import ERROR, UNDECODABLE, Counts
from vit_perception.ros.statistics import Quantiles

OK, WARN, FAULT = 0, 1, 2

_PROFILE_HINT = (
    "images larger than the shared-memory segment of the camera's process never arrive in "
    "another process: start the camera with FASTDDS_DEFAULT_PROFILES_FILE (before Kilted: "
    "FASTRTPS_DEFAULT_PROFILES_FILE) set to this package's config/fastdds.xml"
)


@dataclass(frozen=True, slots=True)
class Status:
    """One entry of the diagnostics: level OK, WARN or FAULT, one line, and named values."""

    name: str
    level: int
    message: str
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Input:
    """The image topic as it is now.

    Attributes:
        topic, qos: what is subscribed, in words.
        publishers: how many publish there; None while not subscribed.
        silence: seconds since the last image (or since the subscription).
        timeout: seconds of silence after which to warn; 0: never.
        mismatch: the QoS policy because of which a publisher is not heard; "" for none.

    """

    topic: str
    qos: str
    publishers: int | None
    silence: float
    timeout: float
    mismatch: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A node at one instant; `before` are the counts `elapsed` seconds ago."""

    state: str
    input: Input
    counts: Counts
    before: Counts
    elapsed: float
    latency: Mapping[str, Quantiles]
    engine: Mapping[str, str] = field(default_factory=dict)
    last_error: str = ""


def statuses(snapshot: Snapshot) -> list[Status]:
    """Return the three entries of one diagnostics message."""
    return [_input_status(snapshot), _frames_status(snapshot), _engine_status(snapshot)]


def _input_status(snapshot: Snapshot) -> Status:
    camera = snapshot.input
    rate = (snapshot.counts.received - snapshot.before.received) / snapshot.elapsed
    values = {
        "input.topic": camera.topic,
        "input.qos": camera.qos,
        "input.publishers": "" if camera.publishers is None else str(camera.publishers),
        "input.silence_s": f"{camera.silence:.1f}",
        "rate.received_hz": f"{rate:.2f}",
    }
    if camera.publishers is None:
        return Status("input", OK, f"not subscribed: {snapshot.state}", values)
    silent = camera.timeout > 0 and camera.silence > camera.timeout
    if camera.mismatch and silent:
        line = (
            f"no image on {camera.topic}: a publisher offers another {camera.mismatch} than "
            f"the subscription asks for ({camera.qos})"
        )
        return Status("input", FAULT, line, values)
    if not silent:
        return Status("input", OK, f"{rate:.1f} images/s on {camera.topic}", values)
    line = f"no image on {camera.topic} for {camera.silence:.1f} s ({camera.qos}): "
    line += "nobody publishes there" if camera.publishers == 0 else _PROFILE_HINT
    return Status("input", WARN, line, values)


def _frames_status(snapshot: Snapshot) -> Status:
    counts, before = snapshot.counts, snapshot.before
    rate = (counts.published - before.published) / snapshot.elapsed
    values = {
        "frames.received": str(counts.received),
        "frames.published": str(counts.published),
        "frames.pending": str(counts.pending),
        "frames.dropped": str(counts.dropped_total),
        **{f"frames.dropped.{cause}": str(n) for cause, n in counts.dropped.items()},
        **{f"frames.undecodable.{reason}": str(n) for reason, n in counts.undecodable.items()},
        "rate.published_hz": f"{rate:.2f}",
    }
    for stage, seconds in snapshot.latency.items():
        prefix = "age" if stage == "age" else f"latency.{stage}"
        values[f"{prefix}.p50_ms"] = f"{seconds.p50 * 1e3:.3f}"
        values[f"{prefix}.p95_ms"] = f"{seconds.p95 * 1e3:.3f}"
        values[f"{prefix}.max_ms"] = f"{seconds.maximum * 1e3:.3f}"
    values["last_error"] = snapshot.last_error
    errors = counts.dropped[ERROR] - before.dropped[ERROR]
    if errors:
        line = f"{errors} frames failed: {snapshot.last_error}"
        return Status("frames", FAULT, line, values)
    unreadable = counts.dropped[UNDECODABLE] - before.dropped[UNDECODABLE]
    if unreadable:
        line = f"{unreadable} images could not be read: {snapshot.last_error}"
        return Status("frames", WARN, line, values)
    return Status("frames", OK, f"{rate:.1f} results/s", values)


def _engine_status(snapshot: Snapshot) -> Status:
    values = {"state": snapshot.state, **snapshot.engine}
    if not snapshot.engine:
        line = f"no model loaded: {snapshot.state}"
        return Status("engine", OK, line, values)
    line = (
        f"{snapshot.engine['model.bundle']} {snapshot.engine['model.precision']} on "
        f"{snapshot.engine['model.provider']}, {snapshot.engine['vocabulary.names']} names"
    )
    return Status("engine", OK, line, values)
