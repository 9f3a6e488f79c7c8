# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Plays a bag onto DDS in real time, as a camera driver would publish.

Images are published best effort, as many drivers do. One image of 640x480 is larger than
Fast DDS's default shared-memory segment and would reach no other process; so programs set the
package's Fast DDS profile (see `environment`).
"""

from __future__ import annotations

import copy
import dataclasses
import importlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy, qos_profile_sensor_data
from rclpy.qos_overriding_options import QoSOverridingOptions

from vit_perception.bags.depth import decode_depth
from vit_perception.bags.messages import COMPRESSED_IMAGE, IMAGE, Message, make, typestore
from vit_perception.bags.reader import BagError, BagMessage, BagReader, BagTopic
from vit_perception.images.compressed import decode_compressed
from vit_perception.images.raw import ImageError
from vit_perception.ros.playing.pace import FASTEST, RATES, SLOWEST, Pace
from vit_perception.wording import shown_path

_LATCHED = QoSProfile(
    depth=10,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)
_TIME = "builtin_interfaces/msg/Time"


class BagPlayer:
    """Publishes the messages of a bag at the intervals at which they were recorded.

    Args:
        node: makes the publishers; topics can be remapped.
        bag: the bag.
        rate: 2 plays twice as fast; see RATES.
        transport: `raw` unpacks compressed images and depth and publishes them under the
            name without `/compressed` or `/compressedDepth`; `compressed` keeps them.
        restamp: whether to shift all stamps by one constant, so that the first message is now.
        lag: nanoseconds from the clock of the stamps to that of the recording, where they differ.
        only: topics to play, each as it was recorded, and the names under which they are played;
            None: all of them.
        sent: called after each message that was published, with its stamps as they were sent,
            and the moment before (seconds of time.monotonic).

    Attributes:
        shift: nanoseconds added to every stamp by the current or last `play`.
        pace: of the current or last `play`; None before its first message.
        published: messages published since the start, by topic.

    Raises:
        BagError: the bag cannot be read.
        ValueError: the rate is out of its range.
    """

    def __init__(
        self,
        node: Node,
        bag: Path,
        *,
        rate: float = 1.0,
        transport: str = "raw",
        restamp: bool = True,
        lag: int = 0,
        only: Mapping[str, str] | None = None,
        sent: Callable[[BagMessage, float], None] | None = None,
    ) -> None:
        """Reads the topics of the bag and makes a publisher for each."""
        # Written so that NaN fails.
        if not SLOWEST <= rate <= FASTEST:
            raise ValueError(f"rate: expected {RATES}, found {rate}")
        self.shift = 0
        self.pace: Pace | None = None
        self.published: Counter[str] = Counter()
        self._node = node
        self._bag = bag
        self._rate = rate
        self._unpacks = transport == "raw"
        self._restamp = restamp
        self._lag = lag
        self._only = only
        self._sent = sent
        self._publishers: dict[str, Publisher[Any]] = {}
        with BagReader(bag) as reader:
            for note in reader.notes:
                node.get_logger().warning(note)
            for topic in reader.topics():
                if only is None or topic.name in only:
                    self._advertise(topic)

    def play(self, stop: threading.Event | None = None) -> None:
        """Publishes the whole bag once, or until `stop` is set."""
        stop = stop or threading.Event()
        pace = self.pace = None
        for message in self._messages():
            if pace is None:
                pace = self.pace = Pace(time.monotonic(), message.time, self._rate)
                now = self._node.get_clock().now().nanoseconds
                self.shift = now - message.time + self._lag if self._restamp else 0
            topic, cdr = self._outgoing(message)
            wait = pace.moment(message.time) - time.monotonic()
            # Stamps may be years apart, which `wait` refuses.
            if stop.wait(min(max(0.0, wait), threading.TIMEOUT_MAX)):
                break
            if cdr is not None:
                moment = time.monotonic()
                self._publishers[topic].publish(cdr)
                self.published[topic] += 1
                if self._sent is not None:
                    self._sent(message, moment)

    def has_subscriber(self, topic: str) -> bool:
        """Returns whether a topic of the bag, under its played name, has a subscriber."""
        return bool(self._publishers[topic].get_subscription_count())

    def _advertise(self, topic: BagTopic) -> None:
        name, msgtype = self._played_as(topic.name, topic.msgtype)
        package, _, kind = msgtype.partition("/msg/")
        try:
            message_class = getattr(importlib.import_module(f"{package}.msg"), kind)
        except (ImportError, AttributeError):
            self._node.get_logger().warning(f"{topic.name}: left out, {msgtype} is not installed")
            return
        if msgtype in (IMAGE, COMPRESSED_IMAGE):
            qos = qos_profile_sensor_data
        else:
            qos = _LATCHED if name.endswith("/tf_static") else QoSProfile(depth=10)
        self._publishers[name] = self._node.create_publisher(
            message_class,
            name,
            # Copied: rclpy writes the overrides of this topic into the profile.
            copy.copy(qos),
            qos_overriding_options=QoSOverridingOptions.with_default_policies(),
        )

    def _played_as(self, name: str, msgtype: str) -> tuple[str, str]:
        if self._only is not None:
            return self._only[name], msgtype
        base, _, last = name.rpartition("/")
        if self._unpacks and msgtype == COMPRESSED_IMAGE and last in _UNPACKED:
            return base, IMAGE
        return name, msgtype

    def _messages(self) -> Iterator[BagMessage]:
        with BagReader(self._bag) as reader:
            wanted = [
                topic.name
                for topic in reader.topics()
                if (self._only is None or topic.name in self._only)
                and self._played_as(topic.name, topic.msgtype)[0] in self._publishers
            ]
            if not wanted:
                raise BagError(
                    f"{shown_path(self._bag)}: expected a topic that can be played, found none"
                )
            yield from reader.messages(wanted, self._leave_out)

    def _leave_out(self, line: str) -> None:
        self._node.get_logger().warning(f"message left out: {line}")

    def _outgoing(self, message: BagMessage) -> tuple[str, bytes | None]:
        """Returns played name and CDR bytes; None if broken or an image without subscriber."""
        name, msgtype = self._played_as(message.topic, message.msgtype)
        big = msgtype in (IMAGE, COMPRESSED_IMAGE)
        if big and not self.has_subscriber(name):
            return name, None
        value = message.value
        if msgtype != message.msgtype:
            try:
                value = _unpacked(value)
            except ImageError as error:
                self._node.get_logger().warning(f"{message.topic}: image left out: {error}")
                return name, None
        shift_stamps(value, self.shift)
        return name, bytes(typestore().serialize_cdr(value, msgtype, little_endian=True))


_UNPACKED = ("compressed", "compressedDepth")


def _unpacked(value: Message) -> Message:
    """Returns the sensor_msgs/Image of a CompressedImage: rgb8, or 16UC1 for depth."""
    layout = str(value.format)
    if "compressedDepth" in layout:
        pixels: Any = decode_depth(value.data, layout)
        encoding, step = "16UC1", 2 * pixels.shape[1]
    else:
        pixels = decode_compressed(format=layout, data=value.data)
        encoding, step = "rgb8", 3 * pixels.shape[1]
    return make(
        IMAGE,
        header=value.header,
        height=pixels.shape[0],
        width=pixels.shape[1],
        encoding=encoding,
        is_bigendian=0,
        step=step,
        data=np.ascontiguousarray(pixels).view(np.uint8).reshape(-1),
    )


def shift_stamps(message: Message, shift: int) -> None:
    """Adds nanoseconds to every stamp in a message, at any depth."""
    if message.__msgtype__ == _TIME:
        total = int(message.sec) * 1_000_000_000 + int(message.nanosec) + shift
        message.sec, message.nanosec = divmod(total, 1_000_000_000)
        return
    for field in dataclasses.fields(message):
        value = getattr(message, field.name)
        parts = value if isinstance(value, list) else [value]
        for part in parts:
            if dataclasses.is_dataclass(part):
                shift_stamps(part, shift)
