# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Distances of depth images: raw (REP-118) and image_transport's `compressedDepth`.

A compressed image is a header of 12 bytes (the kind of compression as int32, and two floats A
and B) and a PNG of 16 bits. For 16UC1 the PNG holds millimetres. For 32FC1 it holds
q = A / d + B, rounded, for d in metres, and 0 where d is unknown.
"""

from __future__ import annotations

import struct
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vit_perception.images.headers import PNG_MAGIC, HeaderError, read_png_header
from vit_perception.images.raw import (
    DEFAULT_MAX_PIXELS,
    Buffer,
    ImageError,
    RawImage,
    RosImage,
    bytes_of,
    check_size,
)
from vit_perception.wording import one_line, shown

ENCODINGS = ("16UC1", "mono16", "32FC1")
"""Encodings that carry distances."""
HEADER = struct.Struct("<iff")
_MILLIMETRE = np.float32(0.001)
# Metres. No depth camera sees half of its image beyond the first or nearer than the second.
_FAR, _NEAR = 50.0, 0.02
# Every so many-th pixel along both axes tells enough.
_STEP = 8


def decode_depth(image: RosImage, *, max_pixels: int = DEFAULT_MAX_PIXELS) -> NDArray[np.float32]:
    """Decodes a depth image (REP-118) to distances.

    16UC1 and mono16 hold millimetres, 0 where unknown; 32FC1 holds metres.

    Args:
        image: the message; its encoding is one of ENCODINGS.
        max_pixels: larger images are refused before anything is allocated.

    Returns:
        float32 [height, width], metres; NaN where unknown, infinite or not positive.

    Raises:
        ImageError: another encoding, impossible size or step, or too little data.
    """
    if image.encoding not in ENCODINGS:
        raise ImageError(
            "encoding",
            f"depth encoding: expected one of {', '.join(ENCODINGS)}, "
            f"found {shown(image.encoding)}",
        )
    raw = RawImage.checked(image, max_pixels)
    if raw.encoding == "32FC1":
        return _known(raw.pixels(1, "f4")[..., 0].astype(np.float32))
    return _metres(raw.pixels(1, "u2")[..., 0])


def decode_compressed_depth(
    *, format: str, data: Buffer, max_pixels: int = DEFAULT_MAX_PIXELS
) -> NDArray[np.float32]:
    """Decodes a `compressedDepth` message to distances.

    Args:
        format: "16UC1; compressedDepth", "32FC1; compressedDepth png" and the like.
        data: header and PNG.
        max_pixels: larger images are refused before they are decoded.

    Returns:
        float32 [H, W], metres; NaN where unknown.

    Raises:
        ImageError: another format or compression (RVL), too large, truncated or damaged.
    """
    stored, (a, b) = unpack_depth(format=format, data=data, max_pixels=max_pixels)
    if not format.lstrip().startswith("32FC1"):
        return _metres(stored)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        depth = np.float32(a) / (stored.astype(np.float32) - np.float32(b))
    depth[stored == 0] = np.nan
    return _known(depth)


def unit_mistake(encoding: str, depth: NDArray[np.float32]) -> str:
    """Returns one line on depth in another unit than its encoding says; "" for none.

    Args:
        encoding: one of ENCODINGS.
        depth: float32 [H, W], its metres.
    """
    some = depth[::_STEP, ::_STEP]
    known = some[~np.isnan(some)]
    if not known.size:
        return ""
    middle = float(np.median(known))
    if encoding == "32FC1" and middle > _FAR:
        return (
            f"depth of encoding 32FC1 holds metres (REP 118), but half of it is beyond "
            f"{middle:g}: expected metres, found millimetres?"
        )
    if encoding != "32FC1" and middle < _NEAR:
        return (
            f"depth of encoding {encoding} holds millimetres (REP 118), but half of it is below "
            f"{middle * 1e3:g}: expected millimetres, found metres?"
        )
    return ""


def unpack_depth(
    *, format: str, data: Buffer, max_pixels: int = DEFAULT_MAX_PIXELS
) -> tuple[NDArray[np.uint16], tuple[float, float]]:
    """Returns what a `compressedDepth` message stores: uint16 [H, W], and its A and B.

    Raises:
        ImageError: see `decode_compressed_depth`.
    """
    content = bytes_of(data).tobytes()
    encoding = format.split(";")[0].strip()
    png = content[HEADER.size :]
    if encoding not in ENCODINGS or not png.startswith(PNG_MAGIC):
        found = f"{shown(format)}{'' if png.startswith(PNG_MAGIC) else ' without a PNG'}"
        raise ImageError(
            "format",
            "compressed depth: expected '16UC1; compressedDepth png' or "
            f"'32FC1; compressedDepth png', found {found}",
        )
    try:
        header = read_png_header(png)
    except HeaderError as error:
        raise ImageError("png", f"compressed depth: expected a PNG, found {error}") from error
    check_size("compressed depth", header.height, header.width, max_pixels)
    try:
        stored: Any = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise ImageError(
            "png", f"compressed depth: expected a PNG, found {one_line(error)}"
        ) from error
    if stored is not None and stored.shape[:2] != (header.height, header.width):
        raise ImageError("png", "compressed depth: expected a PNG, found damaged data")
    if stored is None or stored.dtype != np.uint16 or stored.ndim != 2:
        raise ImageError("png", "compressed depth: expected a 16-bit grey PNG, found another")
    _, a, b = HEADER.unpack_from(content)
    return np.asarray(stored, np.uint16), (a, b)


def _metres(millimetres: NDArray[np.uint16]) -> NDArray[np.float32]:
    depth = millimetres.astype(np.float32)
    depth *= _MILLIMETRE
    depth[millimetres == 0] = np.nan
    return depth


def _known(depth: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sets impossible distances to NaN and returns the array."""
    depth[~(np.isfinite(depth) & (depth > 0))] = np.nan
    return depth
