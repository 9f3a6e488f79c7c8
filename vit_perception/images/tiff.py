# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The first directory of a TIFF file, which is also the form of EXIF data.

Source: TIFF revision 6.0, section 2. Nothing is followed but the offset of that directory and
those of its values, so hostile data cannot make it loop.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass

TIFF_MAGICS = (b"II*\0", b"MM\0*")

_MAX_DIRECTORIES = 1000
# SHORT and LONG.
_FORMS = {3: "H", 4: "I"}


@dataclass(frozen=True, slots=True)
class Entry:
    """Type and number of the values of a tag, and the byte at which they, or their offset, lie."""

    kind: int
    count: int
    at: int


@dataclass(frozen=True, slots=True)
class Directory:
    """The tags of a directory and how its numbers are written, "<" or ">"."""

    data: bytes
    order: str
    entries: Mapping[int, Entry]

    def numbers(self, tag: int) -> tuple[int, ...]:
        """Returns the values of a tag; none if it is absent, no integers, or cut off."""
        entry = self.entries.get(tag)
        form = _FORMS.get(entry.kind) if entry is not None else None
        if entry is None or form is None:
            return ()
        size, at = struct.calcsize(form) * entry.count, entry.at
        if size > 4:
            (at,) = struct.unpack_from(f"{self.order}I", self.data, at)
        if at + size > len(self.data):
            return ()
        return struct.unpack_from(f"{self.order}{entry.count}{form}", self.data, at)

    def number(self, tag: int, default: int) -> int:
        """Returns the first value of a tag."""
        return next(iter(self.numbers(tag)), default)


def first_directory(data: bytes) -> Directory | None:
    """Returns the first directory, None if there is none."""
    order = {TIFF_MAGICS[0]: "<", TIFF_MAGICS[1]: ">"}.get(data[:4])
    if order is None or len(data) < 8:
        return None
    (at,) = struct.unpack_from(f"{order}I", data, 4)
    count = _entries_at(data, order, at)
    if count is None:
        return None
    entries: dict[int, Entry] = {}
    for place in range(at + 2, at + 2 + 12 * count, 12):
        tag, kind, number = struct.unpack_from(f"{order}HHI", data, place)
        entries.setdefault(tag, Entry(kind, number, place + 8))
    return Directory(data, order, entries)


def count_directories(data: bytes) -> int:
    """Returns the number of directories, which are pages; 0 if this is no TIFF file."""
    order = {TIFF_MAGICS[0]: "<", TIFF_MAGICS[1]: ">"}.get(data[:4])
    if order is None or len(data) < 8:
        return 0
    seen: set[int] = set()
    (at,) = struct.unpack_from(f"{order}I", data, 4)
    while at not in seen and len(seen) < _MAX_DIRECTORIES:
        count = _entries_at(data, order, at)
        if count is None:
            break
        seen.add(at)
        link = at + 2 + 12 * count
        if link + 4 > len(data):
            break
        (at,) = struct.unpack_from(f"{order}I", data, link)
    return len(seen)


def _entries_at(data: bytes, order: str, at: int) -> int | None:
    """Returns the number of entries of the directory at a byte, None if it is not inside."""
    if at < 8 or at + 2 > len(data):
        return None
    (count,) = struct.unpack_from(f"{order}H", data, at)
    return int(count) if count and at + 2 + 12 * count <= len(data) else None
