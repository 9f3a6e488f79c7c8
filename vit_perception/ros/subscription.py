# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The image topic of one camera."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.node import Node
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy, qos_policy_name_from_kind
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import CompressedImage, Image

from vit_perception.ros.report import Input


class ImageSubscription:
    """Subscribes to an image topic, or to `compressed` beside whatever that is remapped to.

    Sensor-data QoS with depth 1: best effort hears every publisher, and a queue would only
    hold frames that are older than the newest. Users override it with `qos_overrides.<topic>.
    subscription.reliability` and the like.

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
        qos = QoSProfile(
            depth=1, history=HistoryPolicy.KEEP_LAST, reliability=ReliabilityPolicy.BEST_EFFORT
        )
        kind: type = Image
        if transport == "compressed":
            topic, kind = f"{node.resolve_topic_name(topic)}/compressed", CompressedImage
        self._subscription = node.create_subscription(
            kind,
            topic,
            self._on_message,
            qos,
            event_callbacks=SubscriptionEventCallbacks(incompatible_qos=self._on_mismatch),
            qos_overriding_options=QoSOverridingOptions.with_default_policies(),
        )
        profile = self._subscription.qos_profile
        self._qos = f"{profile.reliability.name.lower()}, depth {profile.depth}"

    def status(self, timeout: float) -> Input:
        """Return the state of the topic; see report.Input."""
        return Input(
            topic=self._subscription.topic_name,
            qos=self._qos,
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

    def _on_mismatch(self, event: Any) -> None:
        self._mismatch = str(qos_policy_name_from_kind(event.last_policy_kind)).lower()
        self._node.get_logger().warning(
            f"a publisher on {self._subscription.topic_name} offers another {self._mismatch} "
            f"than the subscription asks for ({self._qos}): its images do not arrive"
        )
