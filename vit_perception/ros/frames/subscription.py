# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The image topic of one camera."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from rclpy.node import Node
from sensor_msgs.msg import CompressedImage, Image

from vit_perception.ros import qos
from vit_perception.ros.health.report import Input


class ImageSubscription:
    """Subscribes to an image topic, or to `compressed` beside whatever that is remapped to.

    Args:
        node: the subscriber.
        topic: of raw images, e.g. "image".
        transport: "raw" or "compressed".
        callback: called with each message on the executor's thread.

    """

    def __init__(
        self, node: Node, topic: str, transport: str, callback: Callable[[Any], None]
    ) -> None:
        self._node = node
        self._callback = callback
        self._last = time.monotonic()
        self._mismatch = ""
        kind: type = Image
        if transport == "compressed":
            topic, kind = f"{node.resolve_topic_name(topic)}/compressed", CompressedImage
        self._subscription = qos.subscription(
            node, kind, topic, self._on_message, self._on_mismatch
        )

    def status(self, timeout: float) -> Input:
        """Return the state of the topic; see report.Input."""
        return Input(
            topic=self._subscription.topic_name,
            qos=qos.described(self._subscription.qos_profile),
            publishers=self._subscription.get_publisher_count(),
            silence=time.monotonic() - self._last,
            timeout=timeout,
            mismatch=self._mismatch,
        )

    def destroy(self) -> None:
        """Unsubscribe."""
        self._node.destroy_subscription(self._subscription)

    def _on_message(self, message: Any) -> None:
        self._last = time.monotonic()
        self._callback(message)

    def _on_mismatch(self, policy: str) -> None:
        self._mismatch = policy
