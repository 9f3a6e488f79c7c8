# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What /diagnostics says about a camera node, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import partial

from vit_perception.ros.frames.accounting import ERROR, UNDECODABLE, Counts, Quantiles
from vit_perception.ros.frames.stamps import FUTURE
from vit_perception.ros.health.frames import count_values, slowness
from vit_perception.ros.health.input import Input, input_fault
from vit_perception.ros.health.status import FAILURE, FAULT, OK, STUCK, WARN, Status, of_cameras
from vit_perception.ros.teaching.account import TeachCounts
from vit_perception.tracking.evidence import EvidenceCounts
from vit_perception.tracking.tracks import TrackCounts


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
        tracking: what became of the things with ids.
        evidence: what became of their names.
    """

    name: str
    input: Input
    counts: Counts
    stamps: Mapping[str, int] = field(default_factory=dict)
    latency: Mapping[str, Quantiles] = field(default_factory=dict)
    idle: bool = False
    kept_bytes: int = 0
    tracking: TrackCounts = field(default_factory=TrackCounts)
    evidence: EvidenceCounts = field(default_factory=EvidenceCounts)


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
    entries = {
        "input": partial(_input_status, now, elapsed),
        "frames": partial(_frames_status, now, elapsed),
    }
    return [*of_cameras(now.cameras, before.cameras, entries), _engine_status(now, before)]


def _naming_values(now: EvidenceCounts, before: EvidenceCounts) -> dict[str, str]:
    """Returns how steady and how sure names of things with ids were between two instants."""
    seconds, named = now.seconds - before.seconds, now.named - before.named
    flips = (now.flips - before.flips) / seconds if seconds > 0 else 0.0
    mean = (now.probability - before.probability) / named if named else 0.0
    return {"naming.flips_per_s": f"{flips:.2f}", "naming.mean_score": f"{mean:.2f}"}


def _input_status(
    snapshot: Snapshot, elapsed: float, name: str, now: CameraState, before: CameraState
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
    level, kind, line = input_fault(camera, future=odd)
    return Status(name, level, line or f"{rate:.1f} images/s on {camera.topic}", values, kind)


def _frames_status(
    snapshot: Snapshot, elapsed: float, name: str, now: CameraState, before: CameraState
) -> Status:
    counts, earlier = now.counts, before.counts
    rate = (counts.published - earlier.published) / elapsed
    values = count_values(counts, rate, now.latency)
    values |= {f"tracking.{what}": str(n) for what, n in asdict(now.tracking).items()}
    values |= _naming_values(now.evidence, before.evidence)
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
    works = snapshot.state == "active" and not now.idle
    age = now.latency.get("age")
    slow = slowness(snapshot.warn_age, snapshot.warn_rate, age, rate if works else None)
    if begun and slow:
        return Status(name, WARN, slow, values, "late")
    return Status(name, OK, f"{rate:.1f} results/s", values)


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
