# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Reads MCAP files (https://mcap.dev/spec), also of other writers and without a summary."""

from __future__ import annotations

import os
import struct
import zlib
from collections import Counter
from collections.abc import Collection, Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO, NamedTuple

from vit_perception.bags.compression import decompress
from vit_perception.bags.mcap_records import (
    CHANNEL,
    CHUNK,
    CHUNK_HEADER,
    DATA_END,
    FOOTER,
    MAGIC,
    MESSAGE,
    MESSAGE_HEADER,
    MESSAGE_INDEX,
    RECORD,
    SCHEMA,
    STATISTICS,
    Declarations,
    Fields,
    channel_counts,
    records_of,
)
from vit_perception.bags.storage import Channel, Part, Record, Storage, StorageError, in_order

_FOOTER_SIZE = RECORD.size + 20 + len(MAGIC)


class _Chunk(NamedTuple):
    """A chunk of the file.

    `ids` are of its channels by its message indexes, if it has any; `cut`: the file ends in it.
    """

    start: int
    offset: int
    length: int
    cut: bool
    declared: dict[int, int]
    ids: set[int]


class _Loose(NamedTuple):
    """A message outside of chunks."""

    time: int
    offset: int
    length: int
    key: int


class McapStorage(Storage):
    """An MCAP file; see `Storage`.

    Counts are those of the summary. Without one, the whole file is read for them.

    Raises:
        StorageError: the file is no MCAP file.
    """

    advice = "'mcap recover' makes a whole file of it"

    def __init__(self, path: Path, *, name: Path) -> None:
        """Reads what the file holds; `name` is for messages."""
        super().__init__(path, name=name)
        self._declarations = Declarations()
        self._chunks: list[_Chunk] = []
        self._loose: list[_Loose] = []
        self._counts: Counter[int] = Counter()
        with path.open("rb") as file:
            magic = file.read(len(MAGIC))
            if magic != MAGIC:
                raise StorageError(
                    f"expected an MCAP file, found {'another' if magic else 'an empty one'}"
                )
            summary = self._read_summary(file)
            self._walk(file, count=not summary)
            if summary and self.lost:  # the summary counts what cannot be reached as well
                for described, key in self._declarations.keys.items():
                    self.announced[described.topic] += self._counts[key]
                self._counts.clear()
                self._chunks, self._loose, self.notes = [], [], []
                self._walk(file, count=True)
        self.channels = tuple(
            Channel(key, *described[1:], self._counts[key])
            for described, key in self._declarations.keys.items()
        )
        starts = [chunk.start for chunk in self._chunks] + [one.time for one in self._loose[:1]]
        self.start = min(starts, default=0)

    def records(self, keys: Collection[int]) -> Iterator[Record]:
        """Yields the messages of some channels in the order of recording."""
        wanted = {each.key: each for each in self.channels if each.key in keys}
        ids = {each.id for each, key in self._declarations.keys.items() if key in wanted}
        with self._file.open("rb") as file:
            parts: list[Part] = [
                (chunk.start, partial(self._chunk_records, file, chunk, wanted))
                for chunk in self._chunks
                if not chunk.ids or chunk.ids & ids
            ]
            if self._loose:
                loose = partial(self._loose_records, file, wanted)
                parts.append((self._loose[0].time, loose))
            yield from in_order(parts)

    def _read_summary(self, file: BinaryIO) -> bool:
        """Returns whether there is a whole summary with statistics."""
        size = file.seek(0, os.SEEK_END)
        if size < _FOOTER_SIZE + len(MAGIC):
            return False
        file.seek(size - _FOOTER_SIZE)
        footer = file.read()
        start = struct.unpack_from("<Q", footer, RECORD.size)[0]
        whole = footer[0] == FOOTER and footer.endswith(MAGIC)
        if not whole or not len(MAGIC) < start < size - _FOOTER_SIZE:
            return False
        file.seek(start)
        declarations, counts = Declarations(), None
        try:
            for kind, body in records_of(file.read(size - _FOOTER_SIZE - start)):
                if kind in (SCHEMA, CHANNEL):
                    declarations.add(kind, body)
                elif kind == STATISTICS:
                    counts = channel_counts(body)
        except StorageError:
            return False
        if counts is None or not counts.keys() <= declarations.current.keys():
            return False
        if not declarations.complete:  # schemas may stand among the data alone
            return False
        self._declarations = declarations
        self._counts.update({declarations.current[one]: count for one, count in counts.items()})
        return True

    def _walk(self, file: BinaryIO, *, count: bool) -> None:
        """Finds chunks and messages; with `count`, also the channels and their messages."""
        size = file.seek(0, os.SEEK_END)
        at, nameless = len(MAGIC), 0
        self.cut = "no footer"
        while at + RECORD.size <= size:
            file.seek(at)
            kind, length = RECORD.unpack(file.read(RECORD.size))
            begin, at = at + RECORD.size, at + RECORD.size + length
            if kind in (DATA_END, FOOTER):
                file.seek(-len(MAGIC), os.SEEK_END)
                self.cut = "" if file.read() == MAGIC else self.cut
                break
            if kind == 0:
                self.cut = f"no record at byte {begin - RECORD.size}"
                break
            available = min(length, size - begin)
            if available < length:
                self.cut = f"a record of {length} bytes of which {available} are there"
            if kind == CHUNK and available > CHUNK_HEADER.size + 12:
                nameless += self._find_chunk(file, begin, length, size, count=count)
            elif available < length:
                break
            elif kind == MESSAGE_INDEX and self._chunks and length >= 2:
                self._chunks[-1].ids.add(struct.unpack("<H", file.read(2))[0])
            elif kind == MESSAGE and length >= MESSAGE_HEADER.size:
                number, _, time, _ = MESSAGE_HEADER.unpack(file.read(MESSAGE_HEADER.size))
                key = self._declarations.current.get(number)
                if key is None:
                    nameless += 1
                else:
                    self._loose.append(_Loose(time, begin, length, key))
                    self._counts[key] += count
            elif kind in (SCHEMA, CHANNEL) and count:
                try:
                    self._declarations.add(kind, file.read(length))
                except StorageError as error:
                    self.lost.append(f"record at byte {begin}: {error}")
        if self.cut and self._chunks:
            self._chunks[-1].ids.clear()  # some of its indexes may be missing
        file.seek(-len(MAGIC), os.SEEK_END)
        if self.cut and file.read() == MAGIC and size > _FOOTER_SIZE:
            # The recorder closed the file, so what follows was there.
            self._say_lost(f"damaged: {self.cut}; what follows is not read")
            self.cut = ""
        if nameless:
            self.notes.append(f"left out {nameless} messages of channels not declared")
        self._loose.sort(key=lambda one: (one.time, one.offset))

    def _find_chunk(
        self, file: BinaryIO, begin: int, length: int, size: int, *, count: bool
    ) -> int:
        """Takes a chunk; returns how many of its messages have no channel."""
        start = CHUNK_HEADER.unpack(file.read(CHUNK_HEADER.size))[0]
        cut = begin + length > size
        there = min(length, size - begin)
        chunk = _Chunk(start, begin, there, cut, self._declarations.current, set())
        self._chunks.append(chunk)
        if not count:
            return 0
        nameless = 0
        for number, _, _ in self._messages(file, chunk, self._declarations):
            key = self._declarations.current.get(number)
            if key is None:
                nameless += 1
            else:
                self._counts[key] += 1
        return nameless

    def _messages(
        self, file: BinaryIO, chunk: _Chunk, declarations: Declarations
    ) -> Iterator[tuple[int, int, memoryview]]:
        """Yields id of the channel, time and bytes of a chunk's messages, until it is damaged."""
        file.seek(chunk.offset)
        body = Fields(file.read(chunk.length))
        try:
            _, _, size, checksum = body.unpack(CHUNK_HEADER)
            kind, packed = body.text(), body.integer("<Q")
            data = decompress(body.rest(packed), kind, size)
            whole = len(data) == size
            if whole and checksum and zlib.crc32(data) != checksum:
                raise StorageError("its checksum does not fit")
            for record, content in records_of(data):
                if record in (SCHEMA, CHANNEL):
                    declarations.add(record, content)
                elif record == MESSAGE and len(content) >= MESSAGE_HEADER.size:
                    number, _, time, _ = MESSAGE_HEADER.unpack_from(content)
                    yield number, time, content[MESSAGE_HEADER.size :]
            if not whole:
                raise StorageError(f"expected {size} bytes, found {len(data)}")
        except StorageError as error:
            line = f"the chunk at byte {chunk.offset} is damaged: {error}"
            if not chunk.cut:  # `cut` tells of the last chunk
                self._say_lost(line)

    def _say_lost(self, line: str) -> None:
        if line not in self.lost:
            self.lost.append(line)

    def _chunk_records(
        self, file: BinaryIO, chunk: _Chunk, wanted: dict[int, Channel]
    ) -> Iterator[Record]:
        known = self._declarations
        here = Declarations(known.schemas, known.keys, chunk.declared)
        found = []
        for number, time, raw in self._messages(file, chunk, here):
            channel = wanted.get(here.current.get(number, -1))
            if channel is not None:
                found.append(Record(time, channel, bytes(raw)))
        return iter(sorted(found, key=lambda record: record.time))

    def _loose_records(self, file: BinaryIO, wanted: dict[int, Channel]) -> Iterator[Record]:
        for one in self._loose:
            if one.key in wanted:
                file.seek(one.offset + MESSAGE_HEADER.size)
                raw = file.read(one.length - MESSAGE_HEADER.size)
                yield Record(one.time, wanted[one.key], raw)
