# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The way of one camera's frames through a node, whatever the node makes of them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Protocol

from rclpy.node import Node
from sensor_msgs.msg import CompressedImage, Image

from vit_perception.detections import Detections
from vit_perception.frame import Frame
from vit_perception.images.bits import UsedBits
from vit_perception.ros.frames.accounting import INACTIVE, REPLACED
from vit_perception.ros.frames.ends import CameraEnds
from vit_perception.ros.frames.slots import Arrival, NewestSlots
from vit_perception.ros.frames.subscription import Subscription
from vit_perception.ros.health.input import Input
from vit_perception.ros.outputs.publishers import Publishers
from vit_perception.ros.teaching.pictures import Pictures
from vit_perception.tracking.evidence import LabelEvidence
from vit_perception.tracking.tracker import Tracker

# Seconds. The worker gets the interpreter at once; else it waits until rclpy has prepared its next
# wait, 0.3 ms (benchmarks/frame_path.py, "wait").
_HAND_OVER = 50e-6


class Consumer(Protocol):
    """Takes a frame and what was found, on the thread that looked, after publication."""

    def __call__(self, frame: Frame, detections: Detections) -> None: ...


class Camera(CameraEnds[Publishers, Arrival]):
    """Subscription of one camera, the account of its frames, and where their results go.

    `configure` says where frames and results go, `activate` and `deactivate` come and go,
    `cleanup` ends it. Each may be called again, in any order, on the executor's thread. While
    active it subscribes to the image topic; if it is lazy, only as long as results are wanted,
    which `follow` looks into.

    Args:
        node: the subscriber.
        name: what stands before its topics; empty for the only camera of a node.
        ids: where ids of things come from; None: the camera counts its own.

    Attributes:
        bits: how many bits of its 16-bit channels were in use so far.
        pictures: its images that an order to teach can mean.
        tracker: follows the things that it sees.
        evidence: names them by what was seen of them lately.
        consumers: in this process; each counts as a subscriber.
    """

    def __init__(self, node: Node, name: str = "", ids: Iterator[int] | None = None) -> None:
        super().__init__(node, name)
        self.bits = UsedBits()
        self.pictures = Pictures()
        self.tracker = Tracker(ids=ids)
        self.evidence = LabelEvidence()
        self.consumers: tuple[Consumer, ...] = ()
        self._transport: str | None = None
        self._subscription: Subscription | None = None

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
            self._subscription.destroy()
            self._subscription = None

    def deactivate(self) -> None:
        """Unsubscribes; nothing is published any more, and a waiting frame is dropped."""
        super().deactivate()
        self.pictures.forget()
        self._transport = None
        self.follow(lazy=True)
        if self._slots is not None and self._slots.clear(self) is not None:
            self.accounting.dropped(INACTIVE)

    @property
    def idle(self) -> bool:
        """Whether it is active and looks at nothing, because no result is wanted."""
        return self._transport is not None and self._subscription is None

    def input(self, timeout: float) -> Input:
        """Returns the state of the image topic; `timeout` as in Input."""
        if self._subscription is None:
            return Input(self.input_topic("image"), "", None, 0.0, timeout)
        return self._subscription.input(timeout)

    def _wanted(self) -> bool:
        subscribed = self.outputs is not None and self.outputs.subscribed
        return subscribed or bool(self.consumers) or self.gate.asked

    def _subscribe(self) -> None:
        node, topic, kind = self._node, self.input_topic("image"), Image
        if self._transport == "compressed":
            # Beside whatever the image topic is remapped to.
            topic, kind = f"{node.resolve_topic_name(topic)}/compressed", CompressedImage
        self._subscription = Subscription(node, kind, topic, self._on_image)

    def _on_image(self, message: Any, now: float) -> None:
        """Leaves the message for the worker, in place of an older one, and lets that begin."""
        self.accounting.arrived()
        activation = self.gate.activation
        if activation is None or self._slots is None:
            self.accounting.dropped(INACTIVE)
            return
        if self.pictures.seconds:
            self.pictures.arrived(message, now)
        if self._slots.put(self, Arrival(message, now, activation)) is not None:
            self.accounting.dropped(REPLACED)
        time.sleep(_HAND_OVER)


Slots = NewestSlots[Camera, Arrival]
