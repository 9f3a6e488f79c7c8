# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Headers of JPEG, PNG and WebP files, read before anything is decoded.

Sources: ITU-T T.81 (JPEG) annex B; PNG specification, third edition, sections 5 and 11;
RFC 9649 (WebP) section 2, RFC 6386 (VP8) section 9.1.
"""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import dataclass

JPEG_MAGIC = b"\xff\xd8\xff"
PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
WEBP_MAGIC = b"RIFF"

_START_OF_SCAN = 0xDA
_END_OF_IMAGE = 0xD9
# Inside a scan FF 00 is data and FF D0..D7 a restart; any other marker ends the scan.
_AFTER_SCAN = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
# A progressive JPEG has about ten; each scan costs decoding time for the whole picture.
_MAX_SCANS = 100
# Decoders inflate these even where nobody asks for them; cameras write a few.
_INFLATED = frozenset({b"zTXt", b"iTXt", b"iCCP"})
_MAX_INFLATED = 50
# Start of frame: C0..CF without DHT (C4), the reserved JPG (C8) and DAC (CC).
_STARTS_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_WEBP_ANIMATION = 0x02
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
    """Returns the frame header of a JPEG file that has its end marker.

    Decoders fill the missing part of a truncated file with grey, so the end is checked here.

    Raises:
        HeaderError: no frame header, no end of image after the last scan, or too many scans.
    """
    header: ImageHeader | None = None
    scans, at = 0, 2
    while True:
        marker, at = _next_marker(data, at)
        if marker in _STANDALONE:
            continue
        if marker == _END_OF_IMAGE:
            break
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
            scans += 1
            if scans > _MAX_SCANS:
                raise HeaderError(f"more than {_MAX_SCANS} scans")
            end = _AFTER_SCAN.search(data, at)
            if end is None:
                raise HeaderError("truncated data, no end of image")
            at = end.start()
    if header is None:
        raise HeaderError("no frame header")
    if scans == 0:
        raise HeaderError("no scan")
    return header


def read_png_header(data: bytes) -> ImageHeader:
    """Returns the header of a PNG file after checking all chunks and their checksums.

    Raises:
        HeaderError: the file is truncated, a checksum differs, the header is not first, or there
            are too many compressed texts.
    """
    header: ImageHeader | None = None
    texts = 0
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
        texts += kind in _INFLATED
        if texts > _MAX_INFLATED:
            raise HeaderError(f"more than {_MAX_INFLATED} compressed texts")
        if kind == b"IEND":
            return header
        at = end


def read_webp_header(data: bytes) -> ImageHeader:
    """Returns the picture size of a WebP file that has its stated length.

    Raises:
        HeaderError: the file is not WebP, truncated or an animation, or has no picture, or one
            of another size than the canvas.
    """
    if data[8:12] != b"WEBP":
        raise HeaderError(f"a RIFF file of {data[8:12]!r}")
    (size,) = struct.unpack_from("<I", data, 4)
    if size + 8 > len(data):
        raise HeaderError("truncated data")
    at = 12
    canvas: tuple[int, int] | None = None
    while at + 8 <= size + 8:
        kind, length = struct.unpack_from("<4sI", data, at)
        content = data[at + 8 : at + 8 + length]
        if len(content) < length:
            raise HeaderError("truncated chunk")
        if kind in (b"VP8 ", b"VP8L"):
            width, height = _webp_size(kind, content)
            if canvas not in (None, (width, height)):
                raise HeaderError(f"a picture of {width}x{height} on another canvas")
            return ImageHeader(height=height, width=width, bits=8, grey=False)
        if kind == b"ANIM":
            raise HeaderError("an animation")
        if kind == b"VP8X":
            canvas = _webp_canvas(content)
        # Chunks begin at even bytes.
        at += 8 + length + length % 2
    raise HeaderError("no picture")


def _webp_size(kind: bytes, content: bytes) -> tuple[int, int]:
    """Returns width and height of a lossy (RFC 6386, 9.1) or lossless (RFC 9649, 3.4) picture."""
    if kind == b"VP8 ":
        if len(content) < 10 or content[3:6] != b"\x9d\x01\x2a":
            raise HeaderError("no key frame")
        width, height = struct.unpack_from("<HH", content, 6)
        # The two highest bits are a hint for scaling.
        return width & 0x3FFF, height & 0x3FFF
    if len(content) < 5 or content[0] != 0x2F:
        raise HeaderError("no lossless picture")
    (packed,) = struct.unpack_from("<I", content, 1)
    return (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1


def _webp_canvas(content: bytes) -> tuple[int, int]:
    """Returns width and height from the extended header (RFC 9649, 2.7.1)."""
    if len(content) < 10:
        raise HeaderError("truncated chunk")
    if content[0] & _WEBP_ANIMATION:
        raise HeaderError("an animation")
    width, height = (int.from_bytes(content[at : at + 3], "little") + 1 for at in (4, 7))
    return width, height


def _next_marker(data: bytes, at: int) -> tuple[int, int]:
    if data[at : at + 1] != b"\xff":
        raise HeaderError("truncated header" if at >= len(data) else f"no marker at byte {at}")
    while data[at : at + 1] == b"\xff":
        at += 1
    if at >= len(data):
        raise HeaderError("truncated header")
    return data[at], at + 1
