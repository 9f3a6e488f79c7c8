# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Reads rosbag1 files, also those without index (`.bag.active`, a recorder that was killed)."""

from __future__ import annotations

import os
import struct
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, NamedTuple

from rosbags.rosbag1 import Reader

from vit_perception.bags.compression import decompress
from vit_perception.bags.storage import (
    ROS1,
    Channel,
    Part,
    Record,
    Storage,
    StorageError,
    in_order,
    normalized_type,
)
from vit_perception.wording import one_line

MAGIC = b"#ROSBAG V2.0\n"
_MESSAGE, _CHUNK, _CONNECTION = 2, 5, 7
_LONG = 2**16
_LENGTH = struct.Struct("<I")
_TIME = struct.Struct("<II")


class _Place(NamedTuple):
    """Where records stand: those of a chunk, packed, or the file's own."""

    start: int
    offset: int
    length: int
    kind: str
    size: int


class Rosbag1Storage(Storage):
    """A rosbag1 file; see `Storage`. Without its index the whole file is read for the counts.

    Raises:
        StorageError: the file is no rosbag1 file.
    """

    advice = "'rosbag reindex' makes a whole file of it"

    def __init__(self, path: Path, *, name: Path) -> None:
        """Reads what the file holds; `name` is for messages."""
        super().__init__(path, name=name)
        self._connections: dict[int, Channel] = {}
        self._counts: Counter[int] = Counter()
        self._places: list[_Place] = []
        with path.open("rb") as file:
            magic = file.read(len(MAGIC))
        if magic != MAGIC:
            raise StorageError(f"expected a rosbag1 file of version 2.0, found {magic!r}")
        self._indexed = True
        try:
            with Reader(path) as reader:
                self.start = int(reader.start_time)
                self.channels = tuple(
                    Channel(c.id, c.topic, c.msgtype, ROS1, "ros1msg", c.msgdef.data, c.msgcount)
                    for c in reader.connections
                )
        except Exception as error:  # recordings are untrusted; the reader may raise anything
            self._indexed = False
            self._scan(one_line(error, 120))

    def records(self, keys: Collection[int]) -> Iterator[Record]:
        """Yields the messages of some channels in the order of recording."""
        wanted = {each.key: each for each in self.channels if each.key in keys}
        if not self._indexed:
            with self._file.open("rb") as file:
                parts: list[Part] = [
                    (place.start, partial(self._records_at, file, place, wanted))
                    for place in self._places
                ]
                yield from in_order(parts)
            return
        try:
            with Reader(self._file) as reader:
                chosen = [c for c in reader.connections if c.id in wanted]
                for connection, time, raw in reader.messages(chosen):
                    yield Record(int(time), wanted[connection.id], bytes(raw))
        except GeneratorExit:
            raise
        except Exception as error:  # as above
            self.lost.append(f"damaged: {one_line(error, 120)}")

    def _scan(self, fault: str) -> None:
        """Finds chunks, connections and messages without the index."""
        self.cut = f"no usable index: {fault}"
        size = self._file.stat().st_size
        at = len(MAGIC)
        with self._file.open("rb") as file, suppress(StorageError):
            while at < size:
                header, begin, length = _read_header(file, at)
                length = min(length, size - begin)
                kind = _integer(header.get(b"op", b""))
                if kind == _CHUNK:
                    packed = header.get(b"compression", b"none").decode("ascii", "replace")
                    unpacked = _integer(header.get(b"size", b"")[:4])
                    self._add(file, _Place(0, begin, length, packed, unpacked))
                elif kind in (_MESSAGE, _CONNECTION):
                    self._add(file, _Place(0, at, begin + length - at, "none", 0))
                at = begin + length
        nameless = self._counts.total() - sum(self._counts[key] for key in self._connections)
        if nameless:
            self.notes.append(f"left out {nameless} messages of connections not declared")
        self.channels = tuple(
            replace(each, count=self._counts[key]) for key, each in self._connections.items()
        )
        self.start = min((place.start for place in self._places), default=0)

    def _add(self, file: BinaryIO, place: _Place) -> None:
        start = None
        for key, time, _ in self._messages(file, place):
            self._counts[key] += 1
            start = time if start is None else min(start, time)
        if start is not None:
            self._places.append(place._replace(start=start))

    def _messages(self, file: BinaryIO, place: _Place) -> Iterator[tuple[int, int, bytes]]:
        """Yields connection, time and bytes of messages until the data are damaged."""
        file.seek(place.offset)
        try:
            data = decompress(file.read(place.length), place.kind, place.size)
        except StorageError as error:
            self.lost.append(f"the chunk at byte {place.offset} is damaged: {error}")
            return
        content, at = BytesIO(data), 0
        with suppress(StorageError):
            while at < len(data):
                header, begin, length = _read_header(content, at)
                body = _exactly(content, length)
                at = begin + length
                kind, key = _integer(header.get(b"op", b"")), _integer(header.get(b"conn", b""))
                time = header.get(b"time", b"")
                if kind == _CONNECTION and key not in self._connections:
                    self._connections[key] = _channel(key, header, body)
                elif kind == _MESSAGE and len(time) == _TIME.size:
                    seconds, nanoseconds = _TIME.unpack(time)
                    yield key, seconds * 1_000_000_000 + nanoseconds, body

    def _records_at(
        self, file: BinaryIO, place: _Place, wanted: dict[int, Channel]
    ) -> Iterator[Record]:
        found = [
            Record(time, wanted[key], raw)
            for key, time, raw in self._messages(file, place)
            if key in wanted
        ]
        return iter(sorted(found, key=lambda record: record.time))


def _channel(key: int, header: dict[bytes, bytes], data: bytes) -> Channel:
    fields = {**header, **_fields(data)}
    topic, msgtype, definition = (
        fields.get(name, b"").decode("utf-8", "replace")
        for name in (b"topic", b"type", b"message_definition")
    )
    return Channel(key, topic, normalized_type(msgtype), ROS1, "ros1msg", definition, 0)


def _read_header(file: BinaryIO, at: int) -> tuple[dict[bytes, bytes], int, int]:
    """Returns the fields of the record at a byte, and begin and length of its data.

    Raises:
        StorageError: there is no record.
    """
    file.seek(at)
    fields = _fields(_sized(file))
    length = _LENGTH.unpack(_exactly(file, _LENGTH.size))[0]
    return fields, file.tell(), length


def _fields(data: bytes) -> dict[bytes, bytes]:
    found = {}
    file = BytesIO(data)
    while file.tell() < len(data):
        name, separator, value = _sized(file).partition(b"=")
        if not separator:
            raise StorageError(f"expected name=value, found {name[:20]!r}")
        found[name] = value
    return found


def _sized(file: BinaryIO) -> bytes:
    return _exactly(file, _LENGTH.unpack(_exactly(file, _LENGTH.size))[0])


def _exactly(file: BinaryIO, size: int) -> bytes:
    if size > _LONG:  # Python would allocate a damaged length
        at = file.tell()
        size = min(size, file.seek(0, os.SEEK_END) - at + 1)
        file.seek(at)
    data = file.read(size)
    if len(data) < size:
        raise StorageError(f"expected {size} bytes, found {len(data)}")
    return data


def _integer(data: bytes) -> int:
    return int.from_bytes(data, "little")
