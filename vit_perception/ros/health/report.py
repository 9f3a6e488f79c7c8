# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What /diagnostics says about a camera node, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from vit_perception.ros.frames.accounting import ERROR, UNDECODABLE, Counts, Quantiles
from vit_perception.ros.frames.stamps import FUTURE
from vit_perception.ros.teaching.account import TeachCounts

OK, WARN, FAULT = 0, 1, 2
STUCK = 5.0
"""Seconds with one frame after which a node counts as stuck."""
FAILURE = "failure"
"""The kind of a failed transition, which is logged by itself."""

_PROFILE_HINT = (
    "images larger than the shared-memory segment of the camera's process never arrive in "
    "another process: start the camera with FASTDDS_DEFAULT_PROFILES_FILE (before Kilted: "
    "FASTRTPS_DEFAULT_PROFILES_FILE) set to this package's config/fastdds.xml; nothing arrives "
    "from a process of another user"
)
_CLOCK_HINT = (
    "the clocks of camera and node differ (chrony or ptp keeps two machines together; in "
    "simulation and with bags set use_sim_time)"
)
_NO_CLOCK_HINT = "play the bag with --clock or start the simulator, or unset use_sim_time"


@dataclass(frozen=True, slots=True)
class Status:
    """One entry of the diagnostics.

    Attributes:
        name: of the entry.
        level: OK, WARN or FAULT.
        message: one line.
        values: by key.
        kind: of the fault, in a word that stays while its numbers change; empty for none.
    """

    name: str
    level: int
    message: str
    values: Mapping[str, str]
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Input:
    """The image topic as it is now.

    Attributes:
        topic, qos: what is subscribed, in words.
        publishers: how many publish there; None while not subscribed.
        silence: seconds since the last image (or since the subscription).
        timeout: seconds of silence after which to warn; 0: never.
        mismatch: the QoS policy because of which a publisher is not heard; "" for none.
        seen: images since the subscription.
        other_types: types of publishers on this topic that the subscription does not take.
        wanted_type: that it takes.
        clock: False where the node takes its time from /clock and nothing has come there.
    """

    topic: str
    qos: str
    publishers: int | None
    silence: float
    timeout: float
    mismatch: str = ""
    seen: int = 0
    other_types: tuple[str, ...] = ()
    wanted_type: str = ""
    clock: bool = True


@dataclass(frozen=True, slots=True)
class CameraState:
    """One camera at one instant.

    Attributes:
        name: empty for a node's only camera.
        input: its image topic.
        counts: what became of its frames.
        stamps: number of odd stamps, by kind.
        latency: of the last frames, by stage.
        idle: whether it is active but looks at nothing, since nobody subscribes to results.
        kept_bytes: of images that can still be taught from.
    """

    name: str
    input: Input
    counts: Counts
    stamps: Mapping[str, int] = field(default_factory=dict)
    latency: Mapping[str, Quantiles] = field(default_factory=dict)
    idle: bool = False
    kept_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A node at one instant.

    Attributes:
        state: of the lifecycle, in words.
        cameras: at least one.
        warn_age: seconds of age at publication (95th percentile) above which to warn; 0: never.
        warn_rate: results a second below which to warn; 0: never.
        engine: what runs, by diagnostics key; empty without a model.
        last_error: the last line about a lost frame or failed transition.
        failure: the line about the last transition, if it failed.
        busy: seconds that the present frame has taken so far.
        teaching: what became of orders to teach.
    """

    state: str
    cameras: tuple[CameraState, ...]
    warn_age: float = 0.0
    warn_rate: float = 0.0
    engine: Mapping[str, str] = field(default_factory=dict)
    last_error: str = ""
    failure: str = ""
    busy: float = 0.0
    teaching: TeachCounts = field(default_factory=TeachCounts)


def statuses(now: Snapshot, before: Snapshot, elapsed: float) -> list[Status]:
    """Returns the entries of one diagnostics message: two for each camera, one for the engine.

    Args:
        now, before: the node now, and at the message before.
        elapsed: seconds between them.
    """
    result = []
    for camera, earlier in zip(now.cameras, before.cameras, strict=True):
        prefix = f"{camera.name} " if camera.name else ""
        result += [
            _input_status(f"{prefix}input", now, camera, earlier, elapsed),
            _frames_status(f"{prefix}frames", now, camera, earlier, elapsed),
        ]
    return [*result, _engine_status(now, before)]


def _input_status(
    name: str, snapshot: Snapshot, now: CameraState, before: CameraState, elapsed: float
) -> Status:
    camera = now.input
    rate = (now.counts.arrived - before.counts.arrived) / elapsed
    values = {
        "input.topic": camera.topic,
        "input.qos": camera.qos,
        "input.publishers": "" if camera.publishers is None else str(camera.publishers),
        "input.silence_s": f"{camera.silence:.1f}",
        "input.kept_bytes": str(now.kept_bytes),
        "rate.received_hz": f"{rate:.2f}",
        **{f"stamps.{kind}": str(count) for kind, count in now.stamps.items()},
    }
    if camera.publishers is None:
        why = "idle, nobody subscribes to a result (lazy)" if now.idle else snapshot.state
        return Status(name, OK, f"not subscribed: {why}", values)
    odd = now.stamps.get(FUTURE, 0) > before.stamps.get(FUTURE, 0)
    level, kind, line = _input_fault(camera, future=odd)
    return Status(name, level, line or f"{rate:.1f} images/s on {camera.topic}", values, kind)


def _input_fault(camera: Input, *, future: bool) -> tuple[int, str, str]:
    """Returns level, kind and line of what is wrong with an input; OK and empty for nothing.

    Args:
        camera: subscribed.
        future: whether images were stamped in the future since the report before.
    """
    topic, silent = camera.topic, 0 < camera.timeout < camera.silence
    if not camera.clock:
        line = f"no time: use_sim_time is set, and nothing has come on /clock; {_NO_CLOCK_HINT}"
        return WARN, "no clock", line
    if silent and camera.mismatch:
        line = (
            f"no image on {topic}: a publisher offers another {camera.mismatch} than the "
            f"subscription asks for ({camera.qos})"
        )
        return FAULT, "QoS", line
    if silent and not camera.publishers and camera.other_types:
        found = f"{', '.join(camera.other_types)}{_type_hint(camera)}"
        line = f"no image on {topic}: expected {camera.wanted_type}, found {found}"
        return FAULT, "type", line
    if silent and not camera.publishers:
        gone = f" any more, after {camera.seen} images" if camera.seen else ""
        line = (
            f"no image on {topic} for {camera.silence:.1f} s ({camera.qos}): nobody publishes "
            f"there{gone}"
        )
        return WARN, "no publisher", line
    if silent and camera.seen:
        line = (
            f"no image on {topic} for {camera.silence:.1f} s, after {camera.seen}: its publisher "
            "is there and sends nothing"
        )
        return WARN, "stalled", line
    if silent:
        line = f"no image on {topic} for {camera.silence:.1f} s ({camera.qos}): {_PROFILE_HINT}"
        return WARN, "never seen", line
    if future:
        return WARN, "future", f"images on {topic} are stamped in the future: {_CLOCK_HINT}"
    return OK, "", ""


def _type_hint(camera: Input) -> str:
    if "sensor_msgs/msg/CompressedImage" in camera.other_types:
        return (
            "; for compressed images set image_transport to 'compressed' and image to the topic "
            "without its ending /compressed"
        )
    if "sensor_msgs/msg/Image" in camera.other_types:
        return "; for raw images set image_transport to 'raw'"
    return ""


def _frames_status(
    name: str, snapshot: Snapshot, now: CameraState, before: CameraState, elapsed: float
) -> Status:
    counts, earlier = now.counts, before.counts
    rate = (counts.published - earlier.published) / elapsed
    values = {
        "frames.received": str(counts.received),
        "frames.published": str(counts.published),
        "frames.dropped": str(counts.dropped_total),
        **{f"frames.dropped.{cause}": str(n) for cause, n in counts.dropped.items()},
        **{f"frames.undecodable.{reason}": str(n) for reason, n in counts.undecodable.items()},
        "frames.pending": str(counts.pending),
        "rate.published_hz": f"{rate:.2f}",
    }
    for stage, seconds in now.latency.items():
        prefix = "age" if stage == "age" else f"latency.{stage}"
        values[f"{prefix}.p50_ms"] = f"{seconds.p50 * 1e3:.3f}"
        values[f"{prefix}.p95_ms"] = f"{seconds.p95 * 1e3:.3f}"
        values[f"{prefix}.max_ms"] = f"{seconds.maximum * 1e3:.3f}"
    values["last_error"] = snapshot.last_error
    errors = counts.dropped[ERROR] - earlier.dropped[ERROR]
    if errors:
        return Status(name, FAULT, f"{errors} frames failed: {snapshot.last_error}", values)
    unreadable = counts.dropped[UNDECODABLE] - earlier.dropped[UNDECODABLE]
    if unreadable:
        line = f"{unreadable} images could not be read: {snapshot.last_error}"
        return Status(name, WARN, line, values)
    # Not of a camera that has just been subscribed to, or is not.
    begun = before.input.publishers is not None and now.input.publishers is not None
    slow = _slowness(snapshot, now, rate) if begun else ""
    if slow:
        return Status(name, WARN, slow, values, "late")
    return Status(name, OK, f"{rate:.1f} results/s", values)


def _slowness(snapshot: Snapshot, now: CameraState, rate: float) -> str:
    """Returns one line on what is slower than the limits allow; empty if nothing is."""
    age = now.latency.get("age")
    if age is not None and 0 < snapshot.warn_age < age.p95:
        return (
            f"results are {age.p95:.3f} s old at publication (95th percentile), "
            f"warn_age is {snapshot.warn_age:g} s"
        )
    if snapshot.state == "active" and not now.idle and rate < snapshot.warn_rate:
        return f"{rate:.1f} results/s, warn_rate is {snapshot.warn_rate:g}"
    return ""


def _engine_status(snapshot: Snapshot, before: Snapshot) -> Status:
    teaching = snapshot.teaching
    values = {
        "state": snapshot.state,
        "engine.busy_s": f"{snapshot.busy:.1f}",
        **snapshot.engine,
        "teach.done": str(teaching.done),
        "teach.refused": str(teaching.refused_total),
        **{f"teach.refused.{cause}": str(count) for cause, count in teaching.refused.items()},
        "teach.pending": str(teaching.pending),
        "teach.last_refusal": teaching.last_refusal,
    }
    if snapshot.failure:
        return Status("engine", FAULT, snapshot.failure, values, FAILURE)
    if snapshot.busy > STUCK:
        line = (
            f"stuck: at work on one frame for {snapshot.busy:.1f} s; after configure_timeout the "
            "engine is asked to give it up"
        )
        return Status("engine", FAULT, line, values, "stuck")
    refused = teaching.refused_total - before.teaching.refused_total
    if refused:
        line = f"{refused} orders to teach were refused: {teaching.last_refusal}"
        return Status("engine", WARN, line, values)
    if not snapshot.engine:
        line = f"no model loaded: {snapshot.state}"
        return Status("engine", OK, line, values)
    line = (
        f"{snapshot.engine['model.bundle']} {snapshot.engine['model.precision']} on "
        f"{snapshot.engine['model.provider']}, {snapshot.engine['vocabulary.names']} names"
    )
    return Status("engine", OK, line, values)
