# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The way of one camera's frames through a node, whatever the node makes of them."""

from __future__ import annotations

import time
from typing import Any

from rclpy.node import Node

from vit_perception.ros import accounting as account
from vit_perception.ros.accounting import Accounting
from vit_perception.ros.gate import Gate
from vit_perception.ros.report import Input
from vit_perception.ros.slot import NewestSlot
from vit_perception.ros.statistics import LatencyWindow
from vit_perception.ros.subscription import ImageSubscription
from vit_perception.ros.worker import Arrival, FrameWorker, Steps

_LEAVE_WITHIN = 1.0
"""Seconds that a frame in work may hold up the end."""


class Camera:
    """Subscription, newest-only slot and worker thread of one camera, and their account.

    `configure` starts the thread, `activate` and `deactivate` come and go, `cleanup` ends the
    thread. Each may be called again, in any order.

    Attributes:
        accounting: where the frames went, since the node started.
        latency: of the last frames, since `configure`.

    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._gate = Gate()
        self._slot: NewestSlot[Arrival] = NewestSlot()
        self._worker: FrameWorker | None = None
        self._subscription: ImageSubscription | None = None
        self.accounting = Accounting()
        self.latency = LatencyWindow()

    def configure(self, steps: Steps) -> None:
        """Start the worker thread."""
        self._slot = NewestSlot()
        self.latency.clear()
        self._worker = FrameWorker(self._slot, self._gate, self.accounting, self.latency, steps)

    def activate(self, transport: str) -> None:
        """Subscribe, to "raw" or "compressed" images."""
        self._gate.open()
        try:
            self._subscription = ImageSubscription(self._node, transport, self._on_image)
        except Exception:
            self._gate.close()
            raise

    def deactivate(self) -> None:
        """Unsubscribe; nothing is published any more, and a waiting frame is dropped."""
        self._gate.close()
        if self._subscription is not None:
            self._subscription.destroy()
            self._subscription = None
        if self._slot.clear() is not None:
            self.accounting.dropped(account.INACTIVE)

    def cleanup(self) -> bool:
        """End the thread; False when a frame in work still holds it."""
        self.deactivate()
        worker, self._worker = self._worker, None
        return worker is None or worker.close(_LEAVE_WITHIN)

    def input(self, timeout: float) -> Input:
        """Return the state of the image topic; `timeout` as in report.Input."""
        if self._subscription is None:
            return Input("image", "", None, 0.0, timeout)
        return self._subscription.status(timeout)

    def _on_image(self, message: Any) -> None:
        self.accounting.received()
        activation = self._gate.activation
        if activation is None:
            self.accounting.dropped(account.INACTIVE)
        elif self._slot.put(Arrival(message, time.perf_counter(), activation)) is not None:
            self.accounting.dropped(account.REPLACED)
