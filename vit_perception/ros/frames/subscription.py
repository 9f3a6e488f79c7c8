# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A subscription that knows what has come in, for diagnostics."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from rclpy.clock import ROSClock
from rclpy.node import Node
from rclpy.qos import QoSProfile

from vit_perception.ros import qos
from vit_perception.ros.health.input import IMAGE_HINTS, Input


class Subscription:
    """Receives from a topic and keeps the account of it.

    Args:
        node: the subscriber.
        kind: of the messages.
        topic: as it is named before remapping.
        callback: called with each message and its time of arrival, seconds of time.perf_counter.
        noun: what comes there, e.g. "image".
        hints: see Input.
        profile: quality of service, which users may override.
    """

    def __init__(
        self,
        node: Node,
        kind: type,
        topic: str,
        callback: Callable[[Any, float], None],
        *,
        noun: str = "image",
        hints: Mapping[str, str] = IMAGE_HINTS,
        profile: QoSProfile = qos.SENSOR,
    ) -> None:
        self._node = node
        self._callback = callback
        self._noun = noun
        self._hints = hints
        self._last, self.seen, self._mismatch = time.perf_counter(), 0, ""
        self._subscription = qos.subscription(
            node, kind, topic, self._on_message, self._on_mismatch, profile
        )

    @property
    def topic(self) -> str:
        """Its name after remapping."""
        return str(self._subscription.topic_name)

    @property
    def publishers(self) -> int:
        """How many publish there now."""
        return int(self._subscription.get_publisher_count())

    def input(self, timeout: float) -> Input:
        """Returns its state; `timeout` as in Input."""
        subscription = self._subscription
        return Input(
            topic=self.topic,
            qos=qos.described(subscription.qos_profile),
            publishers=self.publishers,
            silence=time.perf_counter() - self._last,
            timeout=timeout,
            mismatch=self._mismatch,
            seen=self.seen,
            other_types=self._other_types() if not self.seen else (),
            wanted_type=type_name(subscription.msg_type),
            noun=self._noun,
            hints=self._hints,
            clock=not self._clock_is_missing(),
        )

    def destroy(self) -> None:
        """Unsubscribes."""
        self._node.destroy_subscription(self._subscription)

    def _other_types(self) -> tuple[str, ...]:
        """Returns the types of publishers that the subscription does not hear."""
        ends = self._node.get_publishers_info_by_topic(self.topic)
        ours = type_name(self._subscription.msg_type)
        return tuple(sorted({end.topic_type for end in ends} - {ours}))

    def _clock_is_missing(self) -> bool:
        clock = self._node.get_clock()
        return (
            isinstance(clock, ROSClock)
            and clock.ros_time_is_active
            and not clock.now().nanoseconds
        )

    def _on_message(self, message: Any) -> None:
        self._last = time.perf_counter()
        self.seen += 1
        self._callback(message, self._last)

    def _on_mismatch(self, policy: str) -> None:
        self._mismatch = policy


def type_name(kind: type) -> str:
    """Returns the name of a message's type as ROS's graph has it: sensor_msgs/msg/Image."""
    package, folder, *_ = kind.__module__.split(".")
    return f"{package}/{folder}/{kind.__name__}"
