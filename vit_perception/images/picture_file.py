# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Pixels of picture files, upright: JPEG, PNG, WebP, BMP, TIFF and GIF."""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from vit_perception.images.bits import UsedBits
from vit_perception.images.compressed import checked_header, rgb_of, stored_pixels
from vit_perception.images.file_headers import (
    BMP_MAGIC,
    GIF_MAGICS,
    count_gif_pictures,
    read_bmp_header,
    read_gif_header,
    read_tiff_header,
)
from vit_perception.images.headers import (
    JPEG_MAGIC,
    PNG_MAGIC,
    WEBP_MAGIC,
    ImageHeader,
    read_jpeg_header,
    read_png_header,
    read_webp_header,
)
from vit_perception.images.orientation import orientation_of, upright, without_orientation
from vit_perception.images.raw import DEFAULT_MAX_PIXELS, ImageError
from vit_perception.images.tiff import TIFF_MAGICS, count_directories

MAGICS: tuple[tuple[bytes, str], ...] = (
    (JPEG_MAGIC, "jpeg"),
    (PNG_MAGIC, "png"),
    (WEBP_MAGIC, "webp"),
    (BMP_MAGIC, "bmp"),
    *((magic, "tiff") for magic in TIFF_MAGICS),
    *((magic, "gif") for magic in GIF_MAGICS),
)
"""First bytes of the kinds of files that are read."""

_READERS: dict[str, Callable[[bytes], ImageHeader]] = {
    "jpeg": read_jpeg_header,
    "png": read_png_header,
    "webp": read_webp_header,
    "bmp": read_bmp_header,
    "tiff": read_tiff_header,
    "gif": read_gif_header,
}


def kind_of(content: bytes) -> str:
    """Returns the kind of a file by its first bytes, "" if it is none of MAGICS."""
    return next((kind for magic, kind in MAGICS if content.startswith(magic)), "")


def decode_picture(content: bytes, *, max_pixels: int = DEFAULT_MAX_PIXELS) -> NDArray[np.uint8]:
    """Decodes a picture file and turns it upright, as its orientation tag says.

    The first bytes decide the kind, not the name. Of an animation or of several pages the first
    picture is taken. The bits in use of 16-bit channels are measured. Transparency is dropped.

    Args:
        content: the whole file.
        max_pixels: larger pictures are refused before they are decoded.

    Returns:
        uint8 [H, W, 3], RGB.

    Raises:
        ImageError: another format; too large; truncated or damaged.
    """
    kind = kind_of(content)
    if not kind:
        raise ImageError(
            "format",
            "picture file: expected JPEG, PNG, WebP, BMP, TIFF or GIF data, found "
            f"{'data beginning with ' + content[:4].hex(' ') if content else 'no data'}",
        )
    header = checked_header(kind, content, _READERS[kind], max_pixels)
    plain = without_orientation(content) if kind == "tiff" else content
    pixels = rgb_of(stored_pixels(kind, plain, header), UsedBits().measured)
    return np.asarray(upright(pixels, orientation_of(kind, content)), np.uint8)


def count_pictures(content: bytes) -> int:
    """Returns how many pictures a file holds that `decode_picture` reads; it reads the first."""
    kind = kind_of(content)
    if kind == "gif":
        return count_gif_pictures(content)
    if kind == "tiff":
        return count_directories(content)
    return _count_png_frames(content) if kind == "png" else 1


def _count_png_frames(content: bytes) -> int:
    """Returns the number of frames of an animated PNG (third edition, 11.3.6.1), else 1."""
    at = len(PNG_MAGIC)
    while at + 12 <= len(content):
        length, kind = struct.unpack_from(">I4s", content, at)
        if kind == b"acTL" and length == 8 and at + 16 <= len(content):
            return max(1, int.from_bytes(content[at + 8 : at + 12], "big"))
        if kind == b"IDAT":
            break
        at += 12 + length
    return 1
