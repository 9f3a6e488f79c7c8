# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The thread on which a frame is decoded, looked at and published."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from vit_perception.detections import Detections
from vit_perception.frame import Frame
from vit_perception.images import ImageError
from vit_perception.ros import accounting as account
from vit_perception.ros.accounting import Accounting
from vit_perception.ros.engine import Detector
from vit_perception.ros.gate import Gate
from vit_perception.ros.slot import NewestSlot
from vit_perception.ros.statistics import LatencyWindow
from vit_perception.stages import StageTimes
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
        age: seconds since a message's stamp, None when it has no stamp.
        max_age: the limit for it in seconds, 0 for none.
        decode: message to frame; raises ImageError.
        detect: frame to detections.
        publish: message and detections, to subscribers.
        draw: message, frame and detections, after publication; says whether it drew.
        report: cause and one line on a frame that was lost.

    """

    age: Callable[[Any], float | None]
    max_age: Callable[[], float]
    decode: Callable[[Any], Frame]
    detect: Detector
    publish: Callable[[Any, Detections], None]
    draw: Callable[[Any, Frame, Detections], bool]
    report: Callable[[str, str], None]


class FrameWorker:
    """Takes the newest message from the slot, again and again, and accounts for each.

    Nothing that a message or a step does ends the thread: a frame that fails is dropped,
    counted and reported.
    """

    def __init__(
        self,
        slot: NewestSlot[Arrival],
        gate: Gate,
        accounting: Accounting,
        latency: LatencyWindow,
        steps: Steps,
    ) -> None:
        self._slot = slot
        self._gate = gate
        self._accounting = accounting
        self._latency = latency
        self._steps = steps
        # A daemon: an engine that hangs must not keep the process from leaving.
        self._thread = threading.Thread(target=self._run, name="frame_worker", daemon=True)
        self._thread.start()

    def close(self, timeout: float) -> bool:
        """End the thread; False when a frame still occupied it after `timeout` seconds."""
        if self._slot.close() is not None:
            self._accounting.dropped(account.INACTIVE)
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (arrival := self._slot.take()) is not None:
            self._handle(arrival)
            # Nothing of a frame is kept while waiting for the next.
            del arrival

    def _handle(self, arrival: Arrival) -> None:
        stages, taken = StageTimes(), time.perf_counter()
        result = self._attempt(arrival, stages)
        # The only place where a frame that a worker took leaves the account, so once.
        if isinstance(result, Drop):
            self._accounting.dropped(result.cause, result.reason)
            if result.line:
                key = f"{result.cause}.{result.reason}" if result.reason else result.cause
                self._steps.report(key, result.line)
            return
        self._accounting.published()
        self._record(arrival, taken, stages)
        try:
            begin = time.perf_counter()
            if self._steps.draw(arrival.message, *result):
                self._latency.record({"overlay": time.perf_counter() - begin})
        except Exception as error:
            self._steps.report("overlay", f"overlay left out: {_described(error)}")

    def _attempt(self, arrival: Arrival, stages: StageTimes) -> tuple[Frame, Detections] | Drop:
        steps, message = self._steps, arrival.message
        try:
            limit, age = steps.max_age(), steps.age(message)
            if limit and age is not None and age > limit:
                line = f"image dropped: {age:.3f} s old, max_age is {limit:g} s"
                return Drop(account.STALE, line=line)
            with stages.measure("decode"):
                frame = steps.decode(message)
            detections = steps.detect(frame, stages)
            with stages.measure("publish"), self._gate.passing(arrival.activation) as may_leave:
                if not may_leave:
                    return Drop(account.INACTIVE)
                steps.publish(message, detections)
        except ImageError as error:
            return Drop(account.UNDECODABLE, error.cause, f"image dropped: {error}")
        except Exception as error:
            return Drop(account.ERROR, line=f"frame dropped: {_described(error)}")
        return frame, detections

    def _record(self, arrival: Arrival, taken: float, stages: StageTimes) -> None:
        now = time.perf_counter()
        seconds = {
            "wait": taken - arrival.time,
            **stages.seconds,
            "total": now - arrival.time,
        }
        age = self._steps.age(arrival.message)
        if age is not None:
            seconds["age"] = age
        self._latency.record(seconds)


def _described(error: Exception) -> str:
    return f"{type(error).__name__}: {one_line(error)}"
