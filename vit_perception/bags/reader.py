# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Reads topics, messages and camera frames of rosbag1 files and rosbag2 folders."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from rosbags.highlevel import AnyReader, AnyReaderError
from rosbags.interfaces import Connection
from rosbags.serde import SerdeError
from rosbags.typesys import TypesysError

from vit_perception.bags.messages import COMPRESSED_IMAGE, IMAGE, header_stamp, typestore
from vit_perception.frame import Frame, FrameError
from vit_perception.images import depth as depth_images
from vit_perception.images.bits import BitDepth, UsedBits, all_bits
from vit_perception.images.compressed import decode_compressed
from vit_perception.images.encodings import decode_image
from vit_perception.images.raw import ImageError
from vit_perception.wording import one_line

_DECODING_ERRORS = (AnyReaderError, SerdeError, TypesysError, LookupError, ValueError)


class BagError(ValueError):
    """A bag cannot be read or written; names the file, what was expected and what was found."""


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
        broken: images that `frames` left out, counted by cause.

    Raises:
        BagError: on entering, if the bag is absent or damaged.
    """

    path: Path
    broken: Counter[str] = field(default_factory=Counter)
    _reader: AnyReader | None = None

    def __enter__(self) -> BagReader:
        try:
            reader = AnyReader([self.path], default_typestore=typestore())
            reader.open()
        except FileNotFoundError as error:
            raise BagError(f"{self.path}: expected a bag, found no such file or folder") from error
        except Exception as error:  # bags are untrusted; parsers may raise anything
            raise BagError(f"{self.path}: expected a bag, found: {one_line(error)}") from error
        self._reader = reader
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            with contextlib.suppress(OSError):
                reader.close()

    def topics(self) -> tuple[BagTopic, ...]:
        """Returns the topics of the bag, sorted by name."""
        counts: Counter[tuple[str, str]] = Counter()
        for connection in self._open().connections:
            counts[connection.topic, connection.msgtype] += connection.msgcount
        return tuple(BagTopic(*key, count) for key, count in sorted(counts.items()))

    def image_topic(self, wanted: str | None = None) -> str:
        """Returns the camera topic: the wanted one, or the only one with colour images.

        Raises:
            BagError: the wanted topic is absent, or there is none or more than one.
        """
        names = [t.name for t in self.topics() if t.msgtype in (IMAGE, COMPRESSED_IMAGE)]
        if wanted is not None:
            if wanted not in names:
                raise BagError(
                    f"{self.path}: expected image topic {wanted}, found {_listed(names)}"
                )
            return wanted
        cameras = [name for name in names if not self._holds_depth(name)]
        if len(cameras) != 1:
            raise BagError(
                f"{self.path}: expected one colour image topic, found {_listed(cameras)}; "
                "choose with --topic"
            )
        return cameras[0]

    def messages(self, topics: Collection[str] = ()) -> Iterator[BagMessage]:
        """Yields messages in the order of recording, of all topics or of some.

        Raises:
            BagError: the bag is damaged from here on.
        """
        for connection, time, raw in self._raw(topics):
            try:
                yield self._decode(connection, time, raw)
            except _DECODING_ERRORS as error:
                raise BagError(
                    f"{self.path}: expected a {connection.msgtype} on {connection.topic}, "
                    f"found: {one_line(error)}"
                ) from error

    def frames(self, topic: str | None = None) -> Iterator[tuple[BagMessage, Frame]]:
        """Yields camera images as frames, each with its message; broken images are counted.

        The bits in use of 16-bit channels are measured over the topic.
        """
        bits = UsedBits().measured
        for connection, time, raw in self._raw([self.image_topic(topic)]):
            try:
                message = self._decode(connection, time, raw)
                frame = frame_from_message(message, bits)
            except ImageError as error:
                self.broken[error.cause] += 1
            except FrameError:
                self.broken["frame"] += 1
            except _DECODING_ERRORS:
                self.broken["message"] += 1
            else:
                yield message, frame

    def cdr(self, message: BagMessage) -> bytes:
        """Returns the bytes of a message as rosbag2 stores them, also from a rosbag1 file."""
        if self._open().is2:
            return message.raw
        return bytes(typestore().ros1_to_cdr(message.raw, message.msgtype))

    def _open(self) -> AnyReader:
        if self._reader is None:
            raise BagError(f"{self.path}: expected an open bag, found a closed one")
        return self._reader

    def _raw(self, topics: Collection[str]) -> Iterator[tuple[Connection, int, bytes]]:
        reader = self._open()
        chosen = [c for c in reader.connections if not topics or c.topic in topics]
        if not chosen:
            return
        try:
            yield from reader.messages(chosen)
        except Exception as error:  # as on entering
            raise BagError(
                f"{self.path}: expected a readable bag, found: {one_line(error)}"
            ) from error

    def _decode(self, connection: Connection, time: int, raw: bytes) -> BagMessage:
        value = self._open().deserialize(raw, connection.msgtype)
        return BagMessage(connection.topic, connection.msgtype, time, raw, value)

    def _holds_depth(self, topic: str) -> bool:
        """Returns whether the first message that can be decoded is a depth image."""
        for connection, time, raw in self._raw([topic]):
            try:
                first = self._decode(connection, time, raw)
            except _DECODING_ERRORS:
                continue
            if first.msgtype == IMAGE:
                return str(first.value.encoding) in depth_images.ENCODINGS
            layout = str(first.value.format)
            return "compressedDepth" in layout or layout.startswith(depth_images.ENCODINGS)
        return False


def frame_from_message(message: BagMessage, bits: BitDepth = all_bits) -> Frame:
    """Decodes a sensor_msgs Image or CompressedImage; `bits` are those of 16-bit channels.

    Raises:
        ImageError: its bytes are no colour image.
        FrameError: its size or stamp is impossible.
    """
    value = message.value
    if message.msgtype == IMAGE:
        image = decode_image(value, bits=bits)
    else:
        data = np.asarray(value.data)
        image = decode_compressed(format=str(value.format), data=data, bits=bits)
    header = value.header
    return Frame(image, stamp=header_stamp(header), frame_id=str(header.frame_id))


def _listed(names: Collection[str]) -> str:
    return ", ".join(names) if names else "none"
