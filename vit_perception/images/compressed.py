# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Pixels of sensor_msgs/CompressedImage and of picture files: JPEG, PNG and WebP."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vit_perception.images.headers import (
    JPEG_MAGIC,
    PNG_MAGIC,
    WEBP_MAGIC,
    HeaderError,
    read_jpeg_header,
    read_png_header,
    read_webp_header,
)
from vit_perception.images.raw import DEFAULT_MAX_PIXELS, Buffer, ImageError, bytes_of, check_size
from vit_perception.wording import one_line, shown

_READERS = {
    "jpeg": (JPEG_MAGIC, read_jpeg_header),
    "png": (PNG_MAGIC, read_png_header),
    "webp": (WEBP_MAGIC, read_webp_header),
}

_VIDEO = (
    "video: let the camera send JPEG, or decode it before this node, e.g. "
    "'ros2 run image_transport republish ffmpeg raw'"
)
# Formats that are no pictures for this package, and what a user can do.
_REFUSED = {
    "compresseddepth": "depth: subscribe to the colour image",
    "h264": _VIDEO,
    "h265": _VIDEO,
    "hevc": _VIDEO,
    "av1": _VIDEO,
    "vp9": _VIDEO,
    "theora": _VIDEO,
    "ffv1": _VIDEO,
}


def decode_compressed(
    *, format: str, data: Buffer, max_pixels: int = DEFAULT_MAX_PIXELS
) -> NDArray[np.uint8]:
    """Decodes a sensor_msgs/CompressedImage, or a JPEG, PNG or WebP file.

    The first bytes decide the kind, not `format`, which publishers fill in different ways. EXIF
    orientation is ignored, since camera_info belongs to the stored pixels.
    Transparency is dropped.

    Args:
        format: as in the message, e.g. "jpeg" or "rgb8; jpeg compressed bgr8"; may be empty.
        data: the whole file.
        max_pixels: larger images are refused before they are decoded.

    Returns:
        uint8 [H, W, 3], RGB.

    Raises:
        ImageError: video, compressed depth or another format; too large; truncated or damaged.
    """
    content = bytes_of(data).tobytes()
    kind = _kind(format, content)
    try:
        header = _READERS[kind][1](content)
    except HeaderError as error:
        raise ImageError(kind, f"{kind} image: expected a whole file, found {error}") from error
    check_size(f"{kind} image", header.height, header.width, max_pixels)
    if header.grey and header.bits > 8:
        raise ImageError(
            "encoding",
            f"{kind} image: expected 8 bits of grey, found {header.bits} (a depth image?)",
        )
    try:
        flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
        decoded: Any = cv2.imdecode(np.frombuffer(content, np.uint8), flags)
    except cv2.error as error:
        raise ImageError(
            kind, f"{kind} image: expected a whole file, found {one_line(error)}"
        ) from error
    if decoded is None or decoded.shape[:2] != (header.height, header.width):
        raise ImageError(kind, f"{kind} image: expected a whole file, found damaged data")
    return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), np.uint8)


def encode_jpeg(image_rgb: NDArray[np.uint8], quality: int = 90) -> bytes:
    """Encodes an image as a JPEG file.

    Args:
        image_rgb: uint8 [H, W, 3], each side at most 65,535 pixels (a limit of JPEG).
        quality: 0..100.

    Raises:
        ImageError: the image has another size.
    """
    height, width = image_rgb.shape[:2]
    if not (0 < height < 2**16 and 0 < width < 2**16):
        raise ImageError("size", f"jpeg image: expected sides of 1..65535, found {width}x{height}")
    image_bgr = cv2.cvtColor(image_rgb, cv2.COLOR_RGB2BGR)
    _, data = cv2.imencode(".jpg", image_bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return bytes(data.tobytes())


def _kind(layout: str, content: bytes) -> str:
    """Returns the key of _READERS for the content."""
    words = layout.lower().replace(".", "")
    for word, advice in _REFUSED.items():
        if word in words:
            raise ImageError(
                "format",
                f"compressed image: expected JPEG, PNG or WebP data, found {shown(layout)}, "
                f"{advice}",
            )
    for kind, (magic, _) in _READERS.items():
        if content.startswith(magic):
            return kind
    named = shown(layout) if layout else "no format"
    raise ImageError(
        "format",
        f"compressed image: expected JPEG, PNG or WebP data, found {named} beginning with "
        f"{content[:4].hex(' ') or 'nothing'}",
    )
