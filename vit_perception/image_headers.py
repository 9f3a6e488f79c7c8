# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What a JPEG or PNG file says of itself, read before anything is decoded.

Sources: ITU-T T.81 (JPEG) annex B; PNG specification, third edition, sections 5 and 11.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

JPEG_MAGIC = b"\xff\xd8\xff"
PNG_MAGIC = b"\x89PNG\r\n\x1a\n"

_START_OF_SCAN = 0xDA
_END_OF_IMAGE = b"\xff\xd9"
# Start of frame: C0..CF without DHT (C4), the reserved JPG (C8) and DAC (CC).
_STARTS_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD8)})


class HeaderError(ValueError):
    """The file is not well formed; the message says what was found."""


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """Size in pixels, bits per channel, and whether a pixel is a single grey value."""

    height: int
    width: int
    bits: int
    grey: bool


def read_jpeg_header(data: bytes) -> ImageHeader:
    """The frame header of a JPEG file that has its end marker.

    Decoders fill what is missing from a truncated file with grey, hence the look at its end.

    Raises:
        HeaderError: no frame header, or no end of image after the first scan.
    """
    header: ImageHeader | None = None
    at = 2
    while True:
        marker, at = _next_marker(data, at)
        if marker in _STANDALONE:
            continue
        if at + 2 > len(data):
            raise HeaderError("truncated header")
        length = int.from_bytes(data[at : at + 2], "big")
        if length < 2 or at + length > len(data):
            raise HeaderError("truncated header")
        if marker in _STARTS_OF_FRAME and header is None:
            if length < 8:
                raise HeaderError(f"frame header of {length} bytes")
            bits, height, width, channels = struct.unpack_from(">BHHB", data, at + 2)
            header = ImageHeader(height=height, width=width, bits=bits, grey=channels == 1)
        at += length
        if marker == _START_OF_SCAN:
            break
    if header is None:
        raise HeaderError("no frame header")
    # Inside a scan FF is always stuffed, so this is the marker and not picture data.
    if data.rfind(_END_OF_IMAGE, at) < 0:
        raise HeaderError("truncated data, no end of image")
    return header


def read_png_header(data: bytes) -> ImageHeader:
    """The header of a PNG file whose chunks are complete and have the right checksums.

    Raises:
        HeaderError: truncated, a checksum differs, or the header is not first.
    """
    header: ImageHeader | None = None
    view = memoryview(data)
    at = len(PNG_MAGIC)
    while True:
        if at + 12 > len(data):
            raise HeaderError("truncated data, no end chunk")
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if end > len(data):
            raise HeaderError("truncated chunk")
        (checksum,) = struct.unpack_from(">I", data, end - 4)
        if zlib.crc32(view[at + 4 : end - 4]) != checksum:
            raise HeaderError("chunk with a wrong checksum")
        if header is None:
            if kind != b"IHDR" or length != 13:
                raise HeaderError("first chunk that is not a header")
            width, height, bits, colour_type = struct.unpack_from(">IIBB", data, at + 8)
            header = ImageHeader(height=height, width=width, bits=bits, grey=colour_type in (0, 4))
        if kind == b"IEND":
            return header
        at = end


def _next_marker(data: bytes, at: int) -> tuple[int, int]:
    if data[at : at + 1] != b"\xff":
        raise HeaderError("truncated header" if at >= len(data) else f"no marker at byte {at}")
    while data[at : at + 1] == b"\xff":
        at += 1
    if at >= len(data):
        raise HeaderError("truncated header")
    return data[at], at + 1
