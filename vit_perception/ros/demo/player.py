# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Plays a bag onto DDS in real time, as a camera driver would publish.

Images are published best effort, as many drivers do. One image of 640x480 is larger than
Fast DDS's default shared-memory segment and would reach no other process; so the program
sets the package's Fast DDS profile (see `environment`).
"""

from __future__ import annotations

import argparse
import copy
import dataclasses
import importlib
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import rclpy
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy, qos_profile_sensor_data
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.signals import SignalHandlerOptions
from rclpy.utilities import remove_ros_args

from vit_perception.bags.depth import decode_depth
from vit_perception.bags.messages import COMPRESSED_IMAGE, IMAGE, Message, make, typestore
from vit_perception.bags.reader import BagError, BagMessage, BagReader, BagTopic
from vit_perception.images.compressed import decode_compressed
from vit_perception.images.raw import ImageError
from vit_perception.ros.environment import set_image_transport, start_failure
from vit_perception.wording import shown, shown_path

_LATCHED = QoSProfile(
    depth=10,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)
_TIME = "builtin_interfaces/msg/Time"
_SLOWEST, _FASTEST = 0.001, 1000.0
_RATES = f"{_SLOWEST:g} to {_FASTEST:g}"


class BagPlayer:
    """Publishes the messages of a bag at the intervals at which they were recorded.

    Args:
        node: makes the publishers; topics can be remapped.
        bag: the bag.
        rate: 2 plays twice as fast; 0.001 to 1000.
        transport: `raw` unpacks compressed images and depth and publishes them under the
            name without `/compressed` or `/compressedDepth`; `compressed` keeps them.
        restamp: whether to shift all stamps by one constant, so that the first message is now.

    Attributes:
        shift: nanoseconds added to every stamp by the current or last `play`.
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
    ) -> None:
        """Reads the topics of the bag and makes a publisher for each."""
        # Written so that NaN fails.
        if not _SLOWEST <= rate <= _FASTEST:
            raise ValueError(f"rate: expected {_RATES}, found {rate}")
        self.shift = 0
        self.published: Counter[str] = Counter()
        self._node = node
        self._bag = bag
        self._rate = rate
        self._unpacks = transport == "raw"
        self._restamp = restamp
        self._publishers: dict[str, Publisher[Any]] = {}
        with BagReader(bag) as reader:
            for note in reader.notes:
                node.get_logger().warning(note)
            for topic in reader.topics():
                self._advertise(topic)

    def play(self, stop: threading.Event | None = None) -> None:
        """Publishes the whole bag once, or until `stop` is set."""
        stop = stop or threading.Event()
        start = first = None
        for message in self._messages():
            if start is None or first is None:
                start, first = time.monotonic(), message.time
                now = self._node.get_clock().now().nanoseconds
                self.shift = now - first if self._restamp else 0
            topic, cdr = self._outgoing(message)
            due = start + (message.time - first) / 1e9 / self._rate
            # Stamps may be years apart, which `wait` refuses.
            if stop.wait(min(max(0.0, due - time.monotonic()), threading.TIMEOUT_MAX)):
                break
            if cdr is not None:
                self._publishers[topic].publish(cdr)
                self.published[topic] += 1

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
        base, _, last = name.rpartition("/")
        if self._unpacks and msgtype == COMPRESSED_IMAGE and last in _UNPACKED:
            return base, IMAGE
        return name, msgtype

    def _messages(self) -> Iterator[BagMessage]:
        with BagReader(self._bag) as reader:
            wanted = [
                topic.name
                for topic in reader.topics()
                if self._played_as(topic.name, topic.msgtype)[0] in self._publishers
            ]
            if not wanted:
                raise BagError(
                    f"{shown_path(self._bag)}: expected a topic that can be played, found none"
                )
            yield from reader.messages(wanted)

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


def _rate(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a number, found {shown(text)}") from None
    if not _SLOWEST <= value <= _FASTEST:
        raise argparse.ArgumentTypeError(f"expected {_RATES}, found {shown(text)}")
    return value


def _play_until_told(player: BagPlayer, *, loop: bool) -> None:
    """Plays on a thread of its own, where no signal lands in the middle of a message."""
    stop = threading.Event()

    def play() -> None:
        player.play(stop)
        while loop and not stop.is_set():
            player.play(stop)

    with ThreadPoolExecutor(1) as pool:
        try:
            pool.submit(play).result()
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.SIG_IGN)
            stop.set()


def main(arguments: Sequence[str] | None = None) -> int:
    """Plays a bag from the command line."""
    given = list(sys.argv if arguments is None else arguments)
    parser = argparse.ArgumentParser(description="Play a bag onto DDS in real time.")
    parser.add_argument("bag", type=Path)
    parser.add_argument(
        "--rate", type=_rate, default=1.0, help=f"2 plays twice as fast, {_RATES} (1)"
    )
    parser.add_argument("--loop", action="store_true", help="again and again")
    parser.add_argument("--transport", choices=("raw", "compressed"), default="raw")
    parser.add_argument("--keep-stamps", action="store_true", help="do not shift stamps to now")
    args = parser.parse_args(remove_ros_args(given)[1:])
    set_image_transport()
    # With rclpy's own handler a publisher would fail in the middle of a message.
    try:
        rclpy.init(args=given, signal_handler_options=SignalHandlerOptions.NO)
    except Exception as error:  # rclpy's own share no base class
        print(f"bag_player: {start_failure(error)}", file=sys.stderr)
        return 2
    # SIGINT too: a shell starts what runs in its background with it ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        node = Node("bag_player")
        player = BagPlayer(
            node,
            args.bag,
            rate=args.rate,
            transport=args.transport,
            restamp=not args.keep_stamps,
        )
        _play_until_told(player, loop=args.loop)
    except KeyboardInterrupt:
        return 130
    except BagError as error:
        print(f"bag_player: {error}", file=sys.stderr)
        return 2
    finally:
        rclpy.try_shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
