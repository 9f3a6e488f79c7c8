# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The thread on which frames are decoded, looked at and published."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from vit_perception.detections import Detections
from vit_perception.frame import Frame
from vit_perception.images.decode import ImageError
from vit_perception.perceiver.stages import StageTimes
from vit_perception.ros.engine import Detector
from vit_perception.ros.frames import accounting as account
from vit_perception.ros.frames.accounting import Accounting
from vit_perception.ros.frames.gate import Gate
from vit_perception.ros.frames.slots import NewestSlots
from vit_perception.ros.frames.stamps import BACKWARD, FUTURE, StampWatch
from vit_perception.ros.frames.statistics import LatencyWindow
from vit_perception.wording import one_line


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message with the time at which it came in (seconds) and the activation it came in."""

    message: Any
    time: float
    activation: int


@dataclass(frozen=True, slots=True)
class Drop:
    """Why a frame did not become a result, and the line to log about it."""

    cause: str
    reason: str = ""
    line: str = ""


@dataclass(frozen=True, slots=True)
class Steps:
    """What the worker does with a message, step by step.

    Attributes:
        stamp: of a message in nanoseconds, 0 for none.
        now: the node's clock in nanoseconds.
        max_age: the limit for the age of a message in seconds, 0 for none.
        decode: message to frame; raises ImageError.
        detect: frame to detections.
        publish: message and detections, to subscribers.
        draw: message, frame and detections, after publication; says whether it drew.
        report: cause and one line on a frame that was lost.

    """

    stamp: Callable[[Any], int]
    now: Callable[[], int]
    max_age: Callable[[], float]
    decode: Callable[[Any], Frame]
    detect: Detector
    publish: Callable[[Any, Detections], None]
    draw: Callable[[Any, Frame, Detections], bool]
    report: Callable[[str, str], None]


@dataclass(frozen=True, slots=True, eq=False)
class Lane:
    """What belongs to the frames of one camera.

    Attributes:
        gate: which of them are looked at and published.
        accounting: where they went, since the node started.
        stamps: what was odd about theirs, since the node started.
        latency: of the last ones, since `configure`.

    """

    gate: Gate = field(default_factory=Gate)
    accounting: Accounting = field(default_factory=Accounting)
    stamps: StampWatch = field(default_factory=StampWatch)
    latency: LatencyWindow = field(default_factory=LatencyWindow)


Slots = NewestSlots["tuple[Lane, Steps]", Arrival]


class FrameWorker:
    """Takes the newest message of a camera, one camera after the other, and accounts for each.

    Nothing that a message or a step does ends the thread: a frame that fails is dropped,
    counted and reported.
    """

    def __init__(self) -> None:
        self.slots: Slots = NewestSlots()
        # A daemon: an engine that hangs must not keep the process from leaving.
        self._thread = threading.Thread(target=self._run, name="frame_worker", daemon=True)
        self._thread.start()

    def close(self, timeout: float) -> bool:
        """End the thread; False when a frame still occupied it after `timeout` seconds."""
        for (lane, _), _ in self.slots.close():
            lane.accounting.dropped(account.INACTIVE)
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (taken := self.slots.take()) is not None:
            (lane, steps), arrival = taken
            _handle(lane, steps, arrival)
            # Nothing of a frame is kept while waiting for the next.
            del taken, lane, steps, arrival


def _handle(lane: Lane, steps: Steps, arrival: Arrival) -> None:
    stages, taken = StageTimes(), time.perf_counter()
    result = _attempt(lane, steps, arrival, stages)
    # The only place where a frame that a worker took leaves the account, so once.
    if isinstance(result, Drop):
        lane.accounting.dropped(result.cause, result.reason)
        if result.line:
            key = f"{result.cause}.{result.reason}" if result.reason else result.cause
            steps.report(key, result.line)
        return
    frame, detections, has_age = result
    lane.accounting.published()
    _record(lane, steps, arrival, {"wait": taken - arrival.time, **stages.seconds}, has_age)
    lane.gate.passed(arrival.time, _outcome(detections))
    try:
        begin = time.perf_counter()
        if steps.draw(arrival.message, frame, detections):
            lane.latency.record({"overlay": time.perf_counter() - begin})
    except Exception as error:
        steps.report("overlay", f"overlay left out: {_described(error)}")


def _attempt(
    lane: Lane, steps: Steps, arrival: Arrival, stages: StageTimes
) -> tuple[Frame, Detections, bool] | Drop:
    """Return the frame, what is on it and whether it has an age, or why it was dropped."""
    gate, message = lane.gate, arrival.message
    if not gate.admits(arrival.activation, arrival.time):
        return Drop(account.INACTIVE)
    try:
        limit, age = steps.max_age(), _age(steps, message)
        odd = lane.stamps.look(steps.stamp(message), age)
        if BACKWARD in odd:
            lane.latency.clear()
        if limit and age is not None and age > limit:
            line = f"image dropped: {age:.3f} s old, max_age is {limit:g} s"
            return Drop(account.STALE, line=line)
        with stages.measure("decode"):
            frame = steps.decode(message)
        detections = steps.detect(frame, stages)
        with (
            stages.measure("publish"),
            gate.passing(arrival.activation, arrival.time) as may_leave,
        ):
            if not may_leave:
                return Drop(account.INACTIVE)
            steps.publish(message, detections)
    except ImageError as error:
        return Drop(account.UNDECODABLE, error.cause, f"image dropped: {error}")
    except Exception as error:
        return Drop(account.ERROR, line=f"frame dropped: {_described(error)}")
    return frame, detections, age is not None and FUTURE not in odd


def _age(steps: Steps, message: Any) -> float | None:
    """Seconds since a message's stamp, None when it has no stamp."""
    stamp = steps.stamp(message)
    return (steps.now() - stamp) * 1e-9 if stamp else None


def _record(
    lane: Lane, steps: Steps, arrival: Arrival, seconds: dict[str, float], has_age: bool
) -> None:
    seconds["total"] = time.perf_counter() - arrival.time
    age = _age(steps, arrival.message) if has_age else None
    if age is not None:
        seconds["age"] = age
    lane.latency.record(seconds)


def _outcome(detections: Detections) -> str:
    """In a few words what a frame held, the surest first."""
    surest = ", ".join(
        f"{detections.class_name(i)} {detections.scores[i]:.2f}"
        for i in range(len(detections))[:5]
    )
    return f"{len(detections)} found{': ' if surest else ''}{surest}"


def _described(error: Exception) -> str:
    return f"{type(error).__name__}: {one_line(error)}"
