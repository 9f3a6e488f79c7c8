# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The way of one camera's frames through a node, whatever the node makes of them."""

from __future__ import annotations

import time
from typing import Any, Protocol

from rclpy.clock import ROSClock
from rclpy.node import Node
from sensor_msgs.msg import CompressedImage, Image

from vit_perception.detections import Detections
from vit_perception.frame import Frame
from vit_perception.images.bits import UsedBits
from vit_perception.ros import qos
from vit_perception.ros.frames.accounting import INACTIVE, REPLACED, Accounting
from vit_perception.ros.frames.gate import Gate
from vit_perception.ros.frames.slots import Arrival, NewestSlots
from vit_perception.ros.frames.stamps import StampWatch
from vit_perception.ros.health.report import Input
from vit_perception.ros.outputs.publishers import Publishers
from vit_perception.ros.teaching.pictures import Pictures

# Seconds. The worker gets the interpreter at once; else it waits until rclpy has prepared its next
# wait, 0.3 ms (benchmarks/frame_path.py, "wait").
_HAND_OVER = 50e-6


class Consumer(Protocol):
    """Takes a frame and what was found, on the thread that looked, after publication."""

    def __call__(self, frame: Frame, detections: Detections) -> None: ...


class Camera:
    """Subscription of one camera, the account of its frames, and where their results go.

    `configure` says where frames and results go, `activate` and `deactivate` come and go,
    `cleanup` ends it. Each may be called again, in any order, on the executor's thread. While
    active it subscribes to the image topic; if it is lazy, only as long as results are wanted,
    which `follow` looks into.

    Args:
        node: the subscriber.
        name: what stands before its topics; empty for the only camera of a node.

    Attributes:
        gate: which frames are looked at and published.
        accounting: where they went, and how long they took.
        stamps: what was odd about their stamps.
        bits: how many bits of its 16-bit channels were in use so far.
        pictures: its images that an order to teach can mean.
        outputs: its topics; None while not configured.
        consumers: in this process; each counts as a subscriber.
    """

    def __init__(self, node: Node, name: str = "") -> None:
        self._node = node
        self.name = name
        self.gate = Gate()
        self.accounting = Accounting()
        self.stamps = StampWatch()
        self.bits = UsedBits()
        self.pictures = Pictures()
        self.outputs: Publishers | None = None
        self.consumers: tuple[Consumer, ...] = ()
        self._slots: Slots | None = None
        self._transport: str | None = None
        self._subscription: Any = None
        self._last_arrival = 0.0
        self._seen = 0
        self._mismatch = ""

    def input_topic(self, topic: str) -> str:
        """Returns the name, before remapping, of one of its input topics."""
        return f"{self.name}/{topic}" if self.name else topic

    def output(self, topic: str) -> str:
        """Returns the private name of one of its output topics."""
        return f"~/{self.name}/{topic}" if self.name else f"~/{topic}"

    def configure(self, slots: Slots, outputs: Publishers) -> None:
        """Puts its frames into `slots` from now on; their results go to `outputs`."""
        self.accounting.forget_times()
        self._slots, self.outputs = slots, outputs

    def activate(self, transport: str, *, lazy: bool) -> None:
        """Begins to look, at "raw" or "compressed" images."""
        self.gate.open()
        self._transport = transport
        try:
            # Also if it is lazy: what is wrong with the topic or its QoS is told now.
            self._subscribe()
            self.follow(lazy=lazy)
        except Exception:
            self.deactivate()
            raise

    def follow(self, *, lazy: bool) -> None:
        """Subscribes while results are wanted or the camera is not lazy, else unsubscribes."""
        wanted = self._transport is not None and (not lazy or self._wanted())
        if wanted and self._subscription is None:
            self._subscribe()
        elif not wanted and self._subscription is not None:
            self._node.destroy_subscription(self._subscription)
            self._subscription = None

    def deactivate(self) -> None:
        """Unsubscribes; nothing is published any more, and a waiting frame is dropped."""
        self.gate.close()
        self.pictures.forget()
        self._transport = None
        self.follow(lazy=True)
        if self._slots is not None and self._slots.clear(self) is not None:
            self.accounting.dropped(INACTIVE)

    def cleanup(self) -> None:
        """Deactivates, takes the topics away, and lets go of what `configure` was given."""
        self.deactivate()
        outputs, self.outputs, self._slots = self.outputs, None, None
        if outputs is not None:
            outputs.destroy()

    @property
    def idle(self) -> bool:
        """Whether it is active and looks at nothing, because no result is wanted."""
        return self._transport is not None and self._subscription is None

    def input(self, timeout: float) -> Input:
        """Returns the state of the image topic; `timeout` as in report.Input."""
        subscription = self._subscription
        if subscription is None:
            return Input(self.input_topic("image"), "", None, 0.0, timeout)
        return Input(
            topic=subscription.topic_name,
            qos=qos.described(subscription.qos_profile),
            publishers=subscription.get_publisher_count(),
            silence=time.perf_counter() - self._last_arrival,
            timeout=timeout,
            mismatch=self._mismatch,
            seen=self._seen,
            other_types=self._other_types() if not self._seen else (),
            wanted_type=type_name(subscription.msg_type),
            clock=not self._clock_is_missing(),
        )

    def _other_types(self) -> tuple[str, ...]:
        """Returns the types of publishers that the subscription does not hear."""
        ends = self._node.get_publishers_info_by_topic(self._subscription.topic_name)
        ours = type_name(self._subscription.msg_type)
        return tuple(sorted({end.topic_type for end in ends} - {ours}))

    def _clock_is_missing(self) -> bool:
        clock = self._node.get_clock()
        return (
            isinstance(clock, ROSClock)
            and clock.ros_time_is_active
            and not clock.now().nanoseconds
        )

    def _wanted(self) -> bool:
        subscribed = self.outputs is not None and self.outputs.subscribed
        return subscribed or bool(self.consumers) or self.gate.asked

    def _subscribe(self) -> None:
        node, topic, kind = self._node, self.input_topic("image"), Image
        if self._transport == "compressed":
            # Beside whatever the image topic is remapped to.
            topic, kind = f"{node.resolve_topic_name(topic)}/compressed", CompressedImage
        self._last_arrival, self._seen, self._mismatch = time.perf_counter(), 0, ""
        self._subscription = qos.subscription(node, kind, topic, self._on_image, self._on_mismatch)

    def _on_image(self, message: Any) -> None:
        """Leaves the message for the worker, in place of an older one, and lets that begin."""
        self._last_arrival = time.perf_counter()
        self._seen += 1
        self.accounting.arrived()
        activation = self.gate.activation
        if activation is None or self._slots is None:
            self.accounting.dropped(INACTIVE)
            return
        if self.pictures.seconds:
            self.pictures.arrived(message, self._last_arrival)
        if self._slots.put(self, Arrival(message, self._last_arrival, activation)) is not None:
            self.accounting.dropped(REPLACED)
        time.sleep(_HAND_OVER)

    def _on_mismatch(self, policy: str) -> None:
        self._mismatch = policy


def type_name(kind: type) -> str:
    """Returns the name of a message's type as ROS's graph has it: sensor_msgs/msg/Image."""
    package, folder, *_ = kind.__module__.split(".")
    return f"{package}/{folder}/{kind.__name__}"


Slots = NewestSlots[Camera, Arrival]
