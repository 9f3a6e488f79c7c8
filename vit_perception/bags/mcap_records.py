# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Records of MCAP (https://mcap.dev/spec) and their fields."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from vit_perception.bags.storage import StorageError, normalized_type

MAGIC = b"\x89MCAP0\r\n"
FOOTER, SCHEMA, CHANNEL, MESSAGE, CHUNK = 0x02, 0x03, 0x04, 0x05, 0x06
MESSAGE_INDEX, STATISTICS, DATA_END = 0x07, 0x0B, 0x0F
RECORD = struct.Struct("<BQ")
MESSAGE_HEADER = struct.Struct("<HIQQ")
"""Channel, sequence number, time of recording, time of publishing."""
CHUNK_HEADER = struct.Struct("<QQQI")
"""Times of the first and the last message, unpacked size, checksum."""


class Fields:
    """Fields of a record, one after the other; views of its bytes, as they may be megabytes."""

    def __init__(self, data: bytes | memoryview) -> None:
        """Begins with the first field."""
        self._data = memoryview(data)
        self._at = 0

    def unpack(self, layout: struct.Struct) -> tuple[int, ...]:
        """Returns the next values of a fixed layout."""
        return layout.unpack(self.take(layout.size))

    def integer(self, layout: str) -> int:
        """Returns the next integer, e.g. of layout "<H"."""
        return self.unpack(struct.Struct(layout))[0]

    def text(self) -> str:
        """Returns the next string; bytes that are no UTF-8 are replaced."""
        return bytes(self.take(self.integer("<I"))).decode("utf-8", "replace")

    def take(self, size: int) -> memoryview:
        """Returns the next bytes.

        Raises:
            StorageError: fewer are left.
        """
        if self._at + size > len(self._data):
            raise StorageError(
                f"expected {size} bytes at {self._at}, found {len(self._data) - self._at}"
            )
        self._at += size
        return self._data[self._at - size : self._at]

    def rest(self, size: int) -> memoryview:
        """Returns as many bytes as there are, at most `size`."""
        return self.take(min(size, len(self._data) - self._at))


def records_of(data: bytes | memoryview) -> Iterator[tuple[int, memoryview]]:
    """Yields kind and content of records.

    Raises:
        StorageError: the data end within a record.
    """
    fields = Fields(data)
    at = 0
    while at < len(data):
        kind, length = fields.unpack(RECORD)
        at += RECORD.size + length
        yield kind, fields.take(length)


def channel_counts(statistics: bytes | memoryview) -> dict[int, int] | None:
    """Returns messages by id of the channel; None if the record does not say them.

    Raises:
        StorageError: the record is damaged.
    """
    fields = Fields(statistics)
    total = fields.integer("<Q")
    fields.take(34)
    pairs = fields.take(fields.integer("<I"))
    if len(pairs) % 10:
        raise StorageError(f"expected counts of 10 bytes each, found {len(pairs)} bytes")
    counts = dict(struct.iter_unpack("<HQ", pairs))
    return counts if sum(counts.values()) == total else None


class Described(NamedTuple):
    """What a channel record and its schema say."""

    id: int
    topic: str
    msgtype: str
    encoding: str
    language: str
    definition: str


@dataclass(slots=True)
class Declarations:
    """Schemas and channels so far.

    Attributes:
        schemas: name, language and text by id.
        keys: number of each channel; one id may stand for several, as in merged files.
        current: keys by id.
        complete: whether every channel's schema was there.
    """

    schemas: dict[int, tuple[str, str, str]] = field(default_factory=dict)
    keys: dict[Described, int] = field(default_factory=dict)
    current: dict[int, int] = field(default_factory=dict)
    complete: bool = True

    def add(self, kind: int, body: bytes | memoryview) -> None:
        """Takes a schema or channel record."""
        fields = Fields(body)
        if kind == SCHEMA:
            number = fields.integer("<H")
            self.schemas[number] = (fields.text(), fields.text(), fields.text())
            return
        number, schema = fields.integer("<H"), fields.integer("<H")
        self.complete &= schema == 0 or schema in self.schemas
        name, language, definition = self.schemas.get(schema, ("", "", ""))
        topic, encoding = fields.text(), fields.text()
        described = Described(number, topic, normalized_type(name), encoding, language, definition)
        key = self.keys.setdefault(described, len(self.keys))
        if self.current.get(number) != key:
            self.current = {**self.current, number: key}  # chunks keep the one before
