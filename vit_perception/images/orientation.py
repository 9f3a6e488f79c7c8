# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Orientation tags of picture files: finding them, and turning what they describe.

Sources: EXIF 2.32, section 4.6.4 (Orientation, tag 0x0112) and 4.7 (JPEG); PNG specification,
third edition, section 11.3.4.5 (eXIf); RFC 9649 (WebP), section 2.7.1.5.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vit_perception.images.headers import PNG_MAGIC
from vit_perception.images.tiff import first_directory

ORIENTATION = 0x0112
"""The tag; 1 is upright."""

_EXIF = b"Exif\0\0"
_SHORT = 3


def orientation_of(kind: str, content: bytes) -> int:
    """Returns the orientation 1..8 that a file states, 1 if it states none that can be read.

    Args:
        kind: "jpeg", "png", "webp" or "tiff"; other kinds have no orientation.
        content: the whole file.
    """
    find = _FINDERS.get(kind)
    if find is None:
        return 1
    # The first counts, as in every reader.
    exif = next(find(content), b"")
    # Some writers keep JPEG's prefix in other files.
    found = first_directory(exif.removeprefix(_EXIF))
    entry = found.entries.get(ORIENTATION) if found is not None else None
    if found is None or entry is None or (entry.kind, entry.count) != (_SHORT, 1):
        return 1
    stated = found.number(ORIENTATION, 1)
    return stated if 1 <= stated <= 8 else 1


def upright(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Returns stored pixels [H, W, C] as they are meant to be seen, of orientation 1..8.

    From 5 on, the sides change places.
    """
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def without_orientation(tiff: bytes) -> bytes:
    """Returns a TIFF file that says it is upright; some decoders turn it, whatever they are told.

    The pixels stay as they are.
    """
    found = first_directory(tiff)
    entry = found.entries.get(ORIENTATION) if found is not None else None
    if found is None or entry is None:
        return tiff
    changed = bytearray(tiff)
    struct.pack_into(f"{found.order}HIHH", changed, entry.at - 6, _SHORT, 1, 1, 0)
    return bytes(changed)


def _jpeg_exif(content: bytes) -> Iterator[bytes]:
    at = 2
    while content[at : at + 1] == b"\xff" and at + 4 <= len(content):
        marker, length = struct.unpack_from(">BH", content, at + 1)
        if marker == 0xFF:
            # A fill byte.
            at += 1
            continue
        if marker == 0x01 or 0xD0 <= marker <= 0xD7:
            at += 2
            continue
        # End of image, start of scan: no more tags.
        if marker in (0xD9, 0xDA) or length < 2:
            return
        segment = content[at + 4 : at + 2 + length]
        if marker == 0xE1 and segment.startswith(_EXIF):
            yield segment
        at += 2 + length


def _png_exif(content: bytes) -> Iterator[bytes]:
    at = len(PNG_MAGIC)
    while at + 12 <= len(content):
        length, kind = struct.unpack_from(">I4s", content, at)
        if kind == b"eXIf":
            yield content[at + 8 : at + 8 + length]
        at += 12 + length


def _webp_exif(content: bytes) -> Iterator[bytes]:
    at = 12
    while at + 8 <= len(content):
        kind, length = struct.unpack_from("<4sI", content, at)
        if kind == b"EXIF":
            yield content[at + 8 : at + 8 + length]
        at += 8 + length + length % 2


def _tiff_exif(content: bytes) -> Iterator[bytes]:
    yield content


_FINDERS: dict[str, Callable[[bytes], Iterator[bytes]]] = {
    "jpeg": _jpeg_exif,
    "png": _png_exif,
    "webp": _webp_exif,
    "tiff": _tiff_exif,
}
