# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Reads topics, messages and camera frames of rosbag1 files and rosbag2 folders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Container, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vit_perception.bags.definitions import DECODING_ERRORS, Definitions
from vit_perception.bags.image import BagImage, bag_images
from vit_perception.bags.messages import COMPRESSED_IMAGE, IMAGE, typestore
from vit_perception.bags.pictures import depth_encoding, is_only_depth
from vit_perception.bags.recording import Recording
from vit_perception.bags.storage import CDR, ROS1, Channel, Record, StorageError
from vit_perception.frame import Frame
from vit_perception.output.failure import OutputError
from vit_perception.wording import one_line, shown_path

BROKEN_SHOWN = 10
"""Broken images that are told one by one."""


class BagError(ValueError):
    """A bag cannot be read or written; names the file, what was expected and what was found."""


class BagDamageError(BagError):
    """Messages are missing or cannot be read; raised after all that can be read."""


@dataclass(frozen=True, slots=True)
class BagTopic:
    """A topic of a bag: its name, message type and number of messages."""

    name: str
    msgtype: str
    count: int


@dataclass(frozen=True, slots=True)
class BagMessage:
    """One message: topic, type, time of recording (ns), bytes as recorded, and the value."""

    topic: str
    msgtype: str
    time: int
    raw: bytes
    value: Any


@dataclass(slots=True)
class BagReader:
    """A bag, open while the context lasts.

    Attributes:
        path: rosbag1 `.bag` file, rosbag2 folder, or one `.mcap` or `.db3` file.
        notes: what is left out and which files end early, one line each.
        broken: images that `frames` left out, counted by cause.
        broken_lines: the first of them, with number, stamp and fault.

    Raises:
        BagError: on entering, if the bag is absent or nothing of it can be read.
        OutputError: on entering, if there is no room for a copy that has to be made.
    """

    path: Path
    notes: tuple[str, ...] = ()
    broken: Counter[str] = field(default_factory=Counter)
    broken_lines: list[str] = field(default_factory=list)
    _recording: Recording | None = None
    _definitions: Definitions = field(default_factory=lambda: Definitions(encoding=CDR))
    _faults: dict[tuple[str, str], str] = field(default_factory=dict)
    _resources: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> BagReader:
        where = shown_path(self.path)
        try:
            recording = Recording(self.path, self._resources)
        except FileNotFoundError as error:
            self._resources.close()
            raise BagError(f"{where}: expected a bag, found no such file or folder") from error
        except OutputError:
            self._resources.close()
            raise
        except StorageError as error:
            self._resources.close()
            raise BagError(f"{where}: {error}") from error
        except Exception as error:  # bags are untrusted; parsers may raise anything
            self._resources.close()
            raise BagError(f"{where}: expected a bag, found: {one_line(error)}") from error
        self._definitions = Definitions(encoding=ROS1 if recording.is_rosbag1 else CDR)
        self._recording = recording
        self.notes = (*recording.notes, *self._left_out())
        return self

    def __exit__(self, *error: object) -> None:
        self._recording = None
        self._resources.close()

    def topics(self) -> tuple[BagTopic, ...]:
        """Returns the topics that can be read, sorted by name, with the messages in storage."""
        counts: Counter[tuple[str, str]] = Counter()
        for channel in self._open().channels():
            if not self._definitions.fault(channel):
                counts[channel.topic, channel.msgtype] += channel.count
        return tuple(BagTopic(*key, count) for key, count in sorted(counts.items()))

    def damage(self) -> str:
        """Returns one line if storage has fewer messages than are announced, else ""."""
        recording = self._open()
        found: Counter[str] = Counter()
        for channel in recording.channels():
            found[channel.topic] += channel.count
        return recording.shortfall(tuple(recording.expected), found)

    def image_topic(self, wanted: str | None = None) -> str:
        """Returns the camera topic: the wanted one, or the only one with colour images.

        Raises:
            BagError: the wanted topic is absent or depth, or there is none or more than one.
        """
        where = shown_path(self.path)
        if wanted is not None:
            self.check_topic(wanted, "image topic", IMAGE, COMPRESSED_IMAGE)
            first = self.first(wanted)
            if first is not None and is_only_depth(first.msgtype, first.value):
                encoding = depth_encoding(first.msgtype, first.value)
                raise BagError(
                    f"{where}: expected colour images on {wanted}, found depth ({encoding})"
                )
            return wanted
        cameras = self.camera_topics()
        if len(cameras) != 1:
            raise BagError(
                f"{where}: expected one colour image topic, found {listed(cameras)}; "
                "choose with --topic"
            )
        return cameras[0]

    def camera_topics(self) -> tuple[str, ...]:
        """Returns the topics of images that are not as depth cameras send them, by name."""
        kinds = (IMAGE, COMPRESSED_IMAGE)
        names = dict.fromkeys(each.name for each in self.topics() if each.msgtype in kinds)
        return tuple(name for name in names if not self.depth(name))

    def check_topic(self, wanted: str, what: str, *msgtypes: str) -> None:
        """Looks for a topic of one of some types; `what` is said of it.

        Raises:
            BagError: it is absent, of another type, or cannot be read.
        """
        names = [each.name for each in self.topics() if each.msgtype in msgtypes]
        if wanted not in names:
            there = [fault for (name, fault) in self._faults if name == wanted]
            there += [shown_path(each.msgtype) for each in self.topics() if each.name == wanted]
            found = f"{there[0]} there" if there else listed(names)
            where = shown_path(self.path)
            raise BagError(f"{where}: expected {what} {shown_path(wanted)}, found {found}")

    def depth(self, topic: str) -> str:
        """Returns the encoding of a topic whose images are as depth cameras send them, else ""."""
        first = self.first(topic)
        return "" if first is None else depth_encoding(first.msgtype, first.value)

    def first(self, topic: str) -> BagMessage | None:
        """Returns the first message of a topic that can be decoded; None if there is none."""
        for record in self._guarded(lambda channel: channel.topic == topic):
            try:
                return self._decode(record)
            except DECODING_ERRORS:
                continue
        return None

    def messages(
        self, topics: Collection[str] = (), broken: Callable[[str], None] | None = None
    ) -> Iterator[BagMessage]:
        """Yields messages in the order of recording, of all topics or of some.

        Of all topics, those that cannot be read are left out; `notes` names them.

        Args:
            topics: names; none means all.
            broken: gets a line about each message that cannot be decoded, in place of an error.

        Raises:
            BagDamageError: messages are missing; after all that are there.
            BagError: a message cannot be decoded.
        """
        for record in self._records(topics):
            try:
                message = self._decode(record)
            except DECODING_ERRORS as error:
                kind, topic = record.channel.msgtype, shown_path(record.channel.topic)
                line = f"expected a {shown_path(kind)} on {topic}, found: {one_line(error)}"
                if broken is None:
                    raise BagError(f"{shown_path(self.path)}: {line}") from error
                broken(line)
            else:
                yield message

    def frames(self, topic: str | None = None) -> Iterator[tuple[BagMessage, Frame]]:
        """Yields what `images` does as frames with their messages; broken ones are counted.

        Raises:
            BagDamageError: messages are missing; after all that are there.
        """
        for image in self.images(topic):
            if image.message is not None and image.frame is not None:
                yield image.message, image.frame
            else:
                self.broken[image.cause] += 1
                if len(self.broken_lines) < BROKEN_SHOWN:
                    self.broken_lines.append(image.line)

    def images(
        self, topic: str | None = None, wanted: Container[int] | None = None
    ) -> Iterator[BagImage]:
        """Yields the images of a camera, broken ones too, in the order of recording.

        Args:
            topic: of the images; None: the only one with colour images.
            wanted: places of those to yield, see `bag_images`; None: all.

        Raises:
            BagDamageError: messages are missing; after all that are there.
        """
        return bag_images(self._records([self.image_topic(topic)]), self._decode, wanted)

    def cdr(self, message: BagMessage) -> bytes:
        """Returns the bytes of a message as rosbag2 stores them, also from a rosbag1 file."""
        if not self._open().is_rosbag1:
            return message.raw
        return bytes(typestore().ros1_to_cdr(message.raw, message.msgtype))

    def _open(self) -> Recording:
        if self._recording is None:
            raise BagError(f"{shown_path(self.path)}: expected an open bag, found a closed one")
        return self._recording

    def _left_out(self) -> Iterator[str]:
        """Yields a line for each topic that cannot be read."""
        counts: Counter[tuple[str, str]] = Counter()
        for channel in self._open().channels():
            fault = self._definitions.fault(channel)
            if fault:
                counts[channel.topic, fault] += channel.count
        for (topic, fault), count in sorted(counts.items()):
            self._faults[topic, fault] = fault
            messages = "1 message" if count == 1 else f"{count} messages"
            yield f"{shown_path(self.path)}: left out {shown_path(topic)}: {messages}, {fault}"

    def _records(self, topics: Collection[str]) -> Iterator[Record]:
        recording = self._open()
        readable = {each for each in recording.channels() if not self._definitions.fault(each)}
        wanted = set(topics) or {each.topic for each in readable}
        # A topic of which nothing can be read is an error when it is asked for.
        hopeless = wanted - {each.topic for each in readable}
        found: Counter[str] = Counter()
        for channel in recording.channels():
            if channel not in readable and channel.topic not in hopeless:
                found[channel.topic] += channel.count  # `notes` has told of them
        for record in self._guarded(
            lambda channel: (
                channel.topic in wanted and (channel in readable or channel.topic in hopeless)
            )
        ):
            found[record.channel.topic] += 1
            yield record
        line = recording.shortfall(wanted, found)
        if line:
            raise BagDamageError(line)

    def _guarded(self, chosen: Callable[[Channel], bool]) -> Iterator[Record]:
        try:
            yield from self._open().records(chosen)
        except BagError:
            raise
        except Exception as error:  # as on entering
            raise BagDamageError(
                f"{shown_path(self.path)}: expected a readable bag, found: {one_line(error)}"
            ) from error

    def _decode(self, record: Record) -> BagMessage:
        channel = record.channel
        raw, value = self._definitions.decode(channel, record.raw)
        return BagMessage(channel.topic, channel.msgtype, record.time, raw, value)


def listed(names: Collection[str]) -> str:
    """Returns the names of topics for a line, or "none"."""
    return ", ".join(shown_path(name) for name in names) or "none"
