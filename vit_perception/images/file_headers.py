# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Headers of BMP, GIF and TIFF files, read before anything is decoded.

Sources: Windows GDI, BITMAPFILEHEADER and BITMAPINFOHEADER; GIF89a specification, sections 18 to
23; TIFF revision 6.0.
"""

from __future__ import annotations

import struct

from vit_perception.images.headers import HeaderError, ImageHeader
from vit_perception.images.tiff import TIFF_MAGICS, first_directory

BMP_MAGIC = b"BM"
GIF_MAGICS = (b"GIF87a", b"GIF89a")

_UNCOMPRESSED = (0, 3, 6)
_TRAILER, _IMAGE, _EXTENSION = 0x3B, 0x2C, 0x21
# TIFF's tags.
_WIDTH, _HEIGHT, _BITS, _PHOTOMETRIC, _SAMPLES = 256, 257, 258, 262, 277
_STRIPS, _STRIP_BYTES, _TILE_WIDTH, _TILE_HEIGHT = 273, 279, 322, 323
_TILES, _TILE_BYTES, _SAMPLE_FORMAT = 324, 325, 339
_TILE_PIXELS = 2**20


def read_bmp_header(data: bytes) -> ImageHeader:
    """Returns the picture size of a BMP file that has all its pixels.

    Raises:
        HeaderError: the file is truncated or of a form that is not known.
    """
    if len(data) < 26:
        raise HeaderError("truncated header")
    start, size = struct.unpack_from("<II", data, 10)
    compression = 0
    if size == 12:
        width, height, _, depth = struct.unpack_from("<HHHH", data, 18)
    elif size >= 40 and len(data) >= 14 + 40:
        width, height, _, depth, compression = struct.unpack_from("<iiHHI", data, 18)
    else:
        raise HeaderError(f"a header of {size} bytes")
    height = abs(height)
    if depth not in (1, 4, 8, 16, 24, 32):
        raise HeaderError(f"{depth} bits a pixel")
    if width < 1:
        raise HeaderError(f"a width of {width}")
    row = (width * depth + 31) // 32 * 4
    needed = row * height if compression in _UNCOMPRESSED else 1
    if start + needed > len(data):
        raise HeaderError("truncated data")
    return ImageHeader(height=height, width=width, bits=8, grey=False)


def read_gif_header(data: bytes) -> ImageHeader:
    """Returns the size of the first picture of a GIF file.

    Raises:
        HeaderError: the file has no whole picture, or one beyond its canvas.
    """
    if len(data) < 13:
        raise HeaderError("truncated header")
    width, height = struct.unpack_from("<HH", data, 6)
    if count_gif_pictures(data) == 0:
        raise HeaderError("truncated data")
    return ImageHeader(height=height, width=width, bits=8, grey=False)


def count_gif_pictures(data: bytes) -> int:
    """Returns the number of whole pictures in a GIF file.

    Raises:
        HeaderError: a picture lies beyond its canvas.
    """
    width, height, packed = struct.unpack_from("<HHB", data, 6)
    at, pictures = 13 + _colours(packed), 0
    while at < len(data):
        block = data[at]
        if block == _IMAGE and at + 10 < len(data):
            left, top, wide, high, packed = struct.unpack_from("<HHHHB", data, at + 1)
            if left + wide > width or top + high > height:
                raise HeaderError(f"a picture beyond its canvas of {width}x{height}")
            # The byte before the data is the size of its codes.
            end = _after_blocks(data, at + 10 + _colours(packed) + 1)
        elif block == _EXTENSION:
            end = _after_blocks(data, at + 2)
        else:
            break
        if end is None:
            break
        pictures += block == _IMAGE
        at = end
    return pictures


def _colours(packed: int) -> int:
    """Returns the bytes of a table of colours."""
    return 3 << ((packed & 7) + 1) if packed & 0x80 else 0


def _after_blocks(data: bytes, at: int) -> int | None:
    """Returns where a row of blocks ends, None if it does not."""
    while at < len(data):
        length = data[at]
        at += 1 + length
        if length == 0:
            return at
    return None


def read_tiff_header(data: bytes) -> ImageHeader:
    """Returns the size and depth of the first page of a TIFF file.

    Raises:
        HeaderError: the page is truncated, has channels of another depth than OpenCV reads, or
            tiles far larger than the picture.
    """
    found = first_directory(data)
    if found is None:
        raise HeaderError("no directory" if data[:4] in TIFF_MAGICS else "another file")
    width, height = found.number(_WIDTH, 0), found.number(_HEIGHT, 0)
    if not (0 < width < 2**31 and 0 < height < 2**31):
        raise HeaderError(f"a picture of {width}x{height}")
    samples, bits = found.number(_SAMPLES, 1), found.numbers(_BITS) or (1,)
    if not 1 <= samples <= 4:
        raise HeaderError(f"{samples} channels")
    if len(set(bits)) > 1 or bits[0] not in (1, 4, 8, 16):
        raise HeaderError(f"channels of {', '.join(map(str, bits[:4]))} bits")
    if set(found.numbers(_SAMPLE_FORMAT)) - {1}:
        raise HeaderError("channels that are no unsigned integers")
    kind = found.number(_PHOTOMETRIC, 1)
    if bits[0] == 16 and kind not in (1, 2):
        raise HeaderError(f"16 bits a channel in colours of kind {kind}")
    tile = found.number(_TILE_WIDTH, 0) * found.number(_TILE_HEIGHT, 0)
    if tile > max(width * height, _TILE_PIXELS):
        raise HeaderError(f"tiles of {tile} pixels")
    places = found.numbers(_TILES if tile else _STRIPS)
    lengths = found.numbers(_TILE_BYTES if tile else _STRIP_BYTES)
    if not places or any(
        place + length > len(data) for place, length in zip(places, lengths, strict=False)
    ):
        raise HeaderError("truncated data")
    return ImageHeader(height=height, width=width, bits=bits[0], grey=samples == 1)
