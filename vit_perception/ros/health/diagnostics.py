# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Publishes to /diagnostics, once a period."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.node import Node

from vit_perception.ros.health.status import FAILURE, FAULT, OK, WARN, Status

S = TypeVar("S")

_LEVELS = {OK: DiagnosticStatus.OK, WARN: DiagnosticStatus.WARN, FAULT: DiagnosticStatus.ERROR}


class DiagnosticsReporter(Generic[S]):
    """Publishes the node's state in every lifecycle state, so that silence means a dead node.

    Args:
        node: its name begins each entry.
        snapshot: returns the present state.
        statuses: makes the entries of the state now, that of the report before and the seconds
            between them.
        period: returns the seconds between two reports; called after each.
    """

    def __init__(
        self,
        node: Node,
        snapshot: Callable[[], S],
        statuses: Callable[[S, S, float], Sequence[Status]],
        period: Callable[[], float],
    ) -> None:
        self._node = node
        self._snapshot = snapshot
        self._statuses = statuses
        self._period = period
        self._before, self._then = snapshot(), time.monotonic()
        # Kind of the fault that was logged last, by entry.
        self._told: dict[str, str] = {}
        self._publisher = node.create_publisher(DiagnosticArray, "/diagnostics", 10)
        # A steady clock: a paused simulation must not look like a dead node.
        clock = Clock(clock_type=ClockType.STEADY_TIME)
        self._timer = node.create_timer(period(), self.report, clock=clock)

    def report_if_due(self) -> None:
        """Reports once a period where the executor, which this holds up, cannot."""
        if time.monotonic() - self._then >= self._period():
            self.report()

    def report(self) -> None:
        """Publishes the state since the last report."""
        snapshot, now = self._snapshot(), time.monotonic()
        found = self._statuses(snapshot, self._before, max(now - self._then, 1e-6))
        self._before, self._then = snapshot, now
        self._log(found)
        message = DiagnosticArray()
        message.header.stamp = self._node.get_clock().now().to_msg()
        message.status = [self._message(status) for status in found]
        self._publisher.publish(message)
        nanoseconds = int(self._period() * 1e9)
        if self._timer.timer_period_ns != nanoseconds:
            self._timer.timer_period_ns = nanoseconds

    def _log(self, found: Sequence[Status]) -> None:
        """Logs what is wrong when it begins and when it ends."""
        for status in found:
            told = self._told.get(status.name, "")
            kind = "" if status.kind == FAILURE else status.kind
            if kind != told:
                logger = self._node.get_logger()
                if kind:
                    logger.warning(status.message)
                else:
                    logger.info(f"{status.name}: {status.message}")
                self._told[status.name] = kind

    def destroy(self) -> None:
        """Stops reporting."""
        self._node.destroy_timer(self._timer)
        self._node.destroy_publisher(self._publisher)

    def _message(self, status: Status) -> DiagnosticStatus:
        return DiagnosticStatus(
            level=_LEVELS[status.level],
            name=f"{self._node.get_name()}: {status.name}",
            message=status.message,
            hardware_id=self._node.get_fully_qualified_name(),
            values=[KeyValue(key=key, value=value) for key, value in status.values.items()],
        )
