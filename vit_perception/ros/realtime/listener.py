# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Hears what the live node publishes."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from vision_msgs.msg import Detection2DArray

from vit_perception.bags.messages import detections_from_message, header_stamp
from vit_perception.detections import Detections
from vit_perception.evaluation.rows.looked_at import FrameRows
from vit_perception.ros.playing.detector_process import NODE_NAME
from vit_perception.ros.realtime.account import Account, account_of
from vit_perception.ros.realtime.belief import Result

_RELIABLE = QoSProfile(depth=1000, reliability=ReliabilityPolicy.RELIABLE)


@dataclass(frozen=True, slots=True)
class Report:
    """Diagnostics of the node.

    Attributes:
        moment: when they came, seconds of time.monotonic.
        account: of its frames.
        connected: whether it subscribes to a publisher of images.
    """

    moment: float = -np.inf
    account: Account = field(default_factory=Account)
    connected: bool = False


class Listener:
    """Keeps results with the moments at which they came, and the last diagnostics.

    Args:
        node: the subscriber; spun by another thread.
        names: that the node looks for.

    Attributes:
        report: the last one.
        strange: detections with a name that was not asked for, left out.
    """

    def __init__(self, node: Node, names: Sequence[str]) -> None:
        self.report = Report()
        self.strange = 0
        self._labels = {name: label for label, name in enumerate(names)}
        self._lock = threading.Lock()
        self._results: list[Result] = []
        self._results_topic = node.create_subscription(
            Detection2DArray, f"/{NODE_NAME}/detections", self._on_detections, _RELIABLE
        )
        node.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, _RELIABLE)

    @property
    def connected(self) -> bool:
        """Whether the node's results are subscribed to."""
        return bool(self._results_topic.get_publisher_count())

    def results(self) -> list[Result]:
        """Returns those that came so far, in this order, with their stamps as they came."""
        with self._lock:
            return list(self._results)

    def _on_detections(self, message: Detection2DArray) -> None:
        moment = time.monotonic()
        rows = self._rows(detections_from_message(message))
        with self._lock:
            self._results.append(Result(moment, header_stamp(message.header), rows))

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        moment = time.monotonic()
        values = {
            entry.key: entry.value
            for status in message.status
            if status.hardware_id == f"/{NODE_NAME}"
            for entry in status.values
        }
        if values:
            connected = values.get("input.publishers", "") not in ("", "0")
            self.report = Report(moment, account_of(values), connected)

    def _rows(self, found: Detections) -> FrameRows:
        """Returns detections by the names that were asked for, best first."""
        labels = np.array([self._labels.get(each.name, -1) for each in found], np.int64)
        self.strange += int((labels < 0).sum())
        order = np.argsort(-found.scores, kind="stable")
        order = order[labels[order] >= 0]
        return FrameRows(found.boxes[order], found.scores[order], labels[order], None)
