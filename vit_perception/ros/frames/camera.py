# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The way of one camera's frames through a node, whatever the node makes of them."""

from __future__ import annotations

import time
from typing import Any

from rclpy.node import Node

from vit_perception.ros.frames import accounting as account
from vit_perception.ros.frames.subscription import ImageSubscription
from vit_perception.ros.frames.worker import Arrival, Lane, Slots, Steps
from vit_perception.ros.health.report import Input


class Camera:
    """Subscription of one camera and the account of its frames.

    `configure` says what becomes of frames, `activate` and `deactivate` come and go, `cleanup`
    ends it. Each may be called again, in any order.

    Args:
        node: the subscriber.
        name: what stands before its topics; empty for the only camera of a node.

    Attributes:
        lane: what belongs to its frames.

    """

    def __init__(self, node: Node, name: str = "") -> None:
        self._node = node
        self.name = name
        self.lane = Lane()
        self._way: tuple[Slots, tuple[Lane, Steps]] | None = None
        self._subscription: ImageSubscription | None = None

    def input_topic(self, topic: str) -> str:
        """Return the name, before remapping, of one of its input topics."""
        return f"{self.name}/{topic}" if self.name else topic

    def output(self, topic: str) -> str:
        """Return the private name of one of its output topics."""
        return f"~/{self.name}/{topic}" if self.name else f"~/{topic}"

    def configure(self, slots: Slots, steps: Steps) -> None:
        """Put its frames into `slots` from now on, for `steps`."""
        self.lane.latency.clear()
        self._way = (slots, (self.lane, steps))

    def activate(self, transport: str) -> None:
        """Subscribe, to "raw" or "compressed" images."""
        self.lane.gate.open()
        try:
            self._subscription = ImageSubscription(
                self._node, self.input_topic("image"), transport, self._on_image
            )
        except Exception:
            self.lane.gate.close()
            raise

    def deactivate(self) -> None:
        """Unsubscribe; nothing is published any more, and a waiting frame is dropped."""
        self.lane.gate.close()
        if self._subscription is not None:
            self._subscription.destroy()
            self._subscription = None
        if self._way is not None:
            slots, key = self._way
            if slots.clear(key) is not None:
                self.lane.accounting.dropped(account.INACTIVE)

    def cleanup(self) -> None:
        """Deactivate, and let go of what `configure` was given."""
        self.deactivate()
        self._way = None

    def input(self, timeout: float) -> Input:
        """Return the state of the image topic; `timeout` as in report.Input."""
        if self._subscription is None:
            return Input(self.input_topic("image"), "", None, 0.0, timeout)
        return self._subscription.status(timeout)

    def _on_image(self, message: Any) -> None:
        lane = self.lane
        lane.accounting.arrived()
        activation = lane.gate.activation
        if activation is None or self._way is None:
            lane.accounting.dropped(account.INACTIVE)
            return
        slots, key = self._way
        if slots.put(key, Arrival(message, time.perf_counter(), activation)) is not None:
            lane.accounting.dropped(account.REPLACED)
