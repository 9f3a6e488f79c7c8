# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What /diagnostics says about a localizer, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from vit_perception.ros.frames.accounting import ERROR, UNDECODABLE, Counts, Quantiles
from vit_perception.ros.health.frames import count_values, slowness
from vit_perception.ros.health.input import Input, input_fault
from vit_perception.ros.health.status import FAILURE, FAULT, OK, STUCK, WARN, Status, of_cameras
from vit_perception.ros.localizer.causes import APART, NO_CAMERA_INFO, NO_DEPTH, NO_TRANSFORM

# Inputs that have to come all the time; of the others one message is enough, or none.
_STEADY = ("detections", "depth")
_ONCE = ("camera_info",)
# So many lost images to one that is published are no reason to warn.
_RARE = 0.1
_WAITS = {NO_DEPTH: "depth", APART: "depth", NO_CAMERA_INFO: "camera_info", NO_TRANSFORM: "TF"}


@dataclass(frozen=True, slots=True)
class SpaceCameraState:
    """One camera at one instant.

    Attributes:
        name: empty for a node's only camera.
        inputs: what is subscribed, by topic; empty while nothing is.
        counts: what became of what was found in its images.
        stamps: number of odd stamps, by kind.
        lines: what was last said about a cause.
        latency: of the last images, by stage.
        idle: whether it is active but places nothing, since nobody subscribes to results.
        waiting: images that wait for what belongs to them.
        placed: things with a place since the node started.
        left_out: things without one, by cause.
        boxes: images whose things were placed by their boxes.
        unit: what is odd about the unit of the depth; empty for nothing.
        silence: of a detector in this process, in one line; empty while it is heard.
        notes: what is done without.
    """

    name: str
    inputs: Mapping[str, Input]
    counts: Counts
    stamps: Mapping[str, int] = field(default_factory=dict)
    lines: Mapping[str, str] = field(default_factory=dict)
    latency: Mapping[str, Quantiles] = field(default_factory=dict)
    idle: bool = False
    waiting: int = 0
    placed: int = 0
    left_out: Mapping[str, int] = field(default_factory=dict)
    boxes: int = 0
    unit: str = ""
    silence: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SpaceSnapshot:
    """A localizer at one instant; attributes as those of the detector's Snapshot.

    Attributes:
        transforms: who listens to /tf; empty for nobody.
    """

    state: str
    cameras: tuple[SpaceCameraState, ...]
    warn_age: float = 0.0
    warn_rate: float = 0.0
    last_error: str = ""
    failure: str = ""
    busy: float = 0.0
    transforms: str = ""


def statuses(now: SpaceSnapshot, before: SpaceSnapshot, elapsed: float) -> list[Status]:
    """Returns the entries of one diagnostics message: two for each camera, one for the node.

    Args:
        now, before: the node now, and at the message before.
        elapsed: seconds between them.
    """
    entries = {
        "input": partial(_input_status, now, elapsed),
        "frames": partial(_frames_status, now, elapsed),
    }
    return [*of_cameras(now.cameras, before.cameras, entries), _node_status(now)]


def _input_status(
    snapshot: SpaceSnapshot,
    elapsed: float,
    name: str,
    now: SpaceCameraState,
    before: SpaceCameraState,
) -> Status:
    values = {}
    for topic, each in now.inputs.items():
        values[f"input.{topic}.topic"] = each.topic
        values[f"input.{topic}.qos"] = each.qos
        values[f"input.{topic}.publishers"] = str(each.publishers)
        values[f"input.{topic}.silence_s"] = f"{each.silence:.1f}"
    values.update({f"stamps.{kind}": str(count) for kind, count in now.stamps.items()})
    values["input.notes"] = "; ".join(now.notes)
    rate = (now.counts.arrived - before.counts.arrived) / elapsed
    values["rate.received_hz"] = f"{rate:.2f}"
    if not now.inputs:
        why = "idle, nobody subscribes to a result (lazy)" if now.idle else snapshot.state
        return Status(name, OK, f"not subscribed: {why}", values)
    faults = _faults(now, before)
    if faults:
        level = max(fault[0] for fault in faults)
        kind = ", ".join(fault[1] for fault in faults)
        return Status(name, level, "; ".join(fault[2] for fault in faults), values, kind)
    line = "; ".join([f"{rate:.1f} results/s to be placed", *now.notes])
    return Status(name, OK, line, values)


def _faults(now: SpaceCameraState, before: SpaceCameraState) -> list[tuple[int, str, str]]:
    """Returns level, kind and line of all that is wrong with the inputs."""
    result = []
    told = set()
    if now.silence:
        result.append((WARN, "detector", f"waiting for detections: {now.silence}"))
    for topic in (*_STEADY, *_ONCE):
        each = now.inputs.get(topic)
        if each is None or (topic in _ONCE and each.seen):
            continue
        level, kind, line = input_fault(each, future=False)
        if level != OK:
            result.append((level, f"{topic} {kind}", f"waiting for {topic}: {line}"))
            told.add(topic)
    published = now.counts.published - before.counts.published
    for cause, what in _WAITS.items():
        lost = now.counts.dropped[cause] - before.counts.dropped[cause]
        # Now and then a message is lost on its way, and the first ones come before all topics do.
        if before.inputs and lost > _RARE * published and what not in told:
            line = now.lines.get(cause, cause)
            result.append((WARN, cause, f"waiting for {what}: {line}"))
            told.add(what)
    if now.unit:
        result.append((WARN, "unit", now.unit))
    return result


def _frames_status(
    snapshot: SpaceSnapshot,
    elapsed: float,
    name: str,
    now: SpaceCameraState,
    before: SpaceCameraState,
) -> Status:
    counts, earlier = now.counts, before.counts
    rate = (counts.published - earlier.published) / elapsed
    values = {
        **count_values(counts, rate, now.latency),
        "frames.waiting": str(now.waiting),
        "frames.by_boxes": str(now.boxes),
        "objects.placed": str(now.placed),
        **{f"objects.left_out.{cause}": str(n) for cause, n in now.left_out.items()},
        "last_error": snapshot.last_error,
    }
    errors = counts.dropped[ERROR] - earlier.dropped[ERROR]
    if errors:
        return Status(name, FAULT, f"{errors} images failed: {snapshot.last_error}", values)
    unreadable = counts.dropped[UNDECODABLE] - earlier.dropped[UNDECODABLE]
    if unreadable:
        line = f"{unreadable} images could not be read: {snapshot.last_error}"
        return Status(name, WARN, line, values)
    # Not of a camera that has just been subscribed to, or is not.
    works = bool(before.inputs and now.inputs) and snapshot.state == "active" and not now.idle
    age = now.latency.get("age")
    slow = slowness(snapshot.warn_age, snapshot.warn_rate, age, rate if works else None)
    if slow and before.inputs and now.inputs:
        return Status(name, WARN, slow, values, "late")
    return Status(name, OK, f"{rate:.1f} results/s", values)


def _node_status(snapshot: SpaceSnapshot) -> Status:
    values = {
        "state": snapshot.state,
        "worker.busy_s": f"{snapshot.busy:.1f}",
        "transforms.from": snapshot.transforms,
    }
    if snapshot.failure:
        return Status("node", FAULT, snapshot.failure, values, FAILURE)
    if snapshot.busy > STUCK:
        line = f"stuck: at work on one image for {snapshot.busy:.1f} s"
        return Status("node", FAULT, line, values, "stuck")
    return Status("node", OK, snapshot.state, values)
