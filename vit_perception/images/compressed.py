# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Pixels of sensor_msgs/CompressedImage: JPEG, PNG and WebP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vit_perception.images.bits import BitDepth, all_bits, eight_bits
from vit_perception.images.encodings import BAYER, demosaiced
from vit_perception.images.headers import (
    JPEG_MAGIC,
    PNG_MAGIC,
    WEBP_MAGIC,
    HeaderError,
    ImageHeader,
    read_jpeg_header,
    read_png_header,
    read_webp_header,
)
from vit_perception.images.raw import DEFAULT_MAX_PIXELS, Buffer, ImageError, bytes_of, check_size
from vit_perception.wording import one_line, shown

_READERS: dict[str, tuple[bytes, Callable[[bytes], ImageHeader]]] = {
    "jpeg": (JPEG_MAGIC, read_jpeg_header),
    "png": (PNG_MAGIC, read_png_header),
    "webp": (WEBP_MAGIC, read_webp_header),
}

_VIDEO = (
    "video: let the camera send JPEG, or decode it before this node, e.g. "
    "'ros2 run image_transport republish ffmpeg raw'"
)
_MOSAICS = {f"bayer_{pattern}{bits}": pattern for pattern in BAYER for bits in (8, 16)}
# Encodings of single grey values of 16 bits that are looked at as pictures.
_GREY_16 = ("mono16", "16uc1")
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
    *,
    format: str,
    data: Buffer,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    bits: BitDepth = all_bits,
) -> NDArray[np.uint8]:
    """Decodes a sensor_msgs/CompressedImage.

    The first bytes decide the kind, not `format`, which publishers fill in different ways. Its
    encoding tells whether grey values are a Bayer mosaic, or a picture of 16 bits and no depth.
    EXIF orientation is ignored, since camera_info belongs to the stored pixels.
    Transparency is dropped.

    Args:
        format: as in the message, e.g. "jpeg" or "bayer_rggb8; jpeg compressed "; may be empty.
        data: the whole file.
        max_pixels: larger images are refused before they are decoded.
        bits: says how many bits of 16-bit channels are in use.

    Returns:
        uint8 [H, W, 3], RGB.

    Raises:
        ImageError: video, compressed depth or another format; too large; truncated or damaged.
    """
    content = bytes_of(data).tobytes()
    kind = _kind(format, content)
    header = checked_header(kind, content, _READERS[kind][1], max_pixels)
    encoding = format.partition(";")[0].strip().lower()
    if header.grey and encoding in _MOSAICS:
        mosaic = eight_bits(stored_pixels(kind, content, header, grey=True), bits)
        return demosaiced(mosaic[..., 0], _MOSAICS[encoding])
    if header.grey and header.bits > 8 and encoding not in _GREY_16:
        raise ImageError(
            "encoding",
            f"{kind} image: expected 8 bits of grey, found {header.bits} (a depth image?)",
        )
    return rgb_of(stored_pixels(kind, content, header), bits)


def checked_header(
    kind: str, content: bytes, read: Callable[[bytes], ImageHeader], max_pixels: int
) -> ImageHeader:
    """Returns the header of a file whose picture is small enough to be decoded.

    Raises:
        ImageError: the file is damaged, or the picture larger than `max_pixels`.
    """
    try:
        header = read(content)
    except HeaderError as error:
        raise ImageError(kind, f"{kind} image: expected a whole file, found {error}") from error
    check_size(f"{kind} image", header.height, header.width, max_pixels)
    return header


def stored_pixels(
    kind: str, content: bytes, header: ImageHeader, *, grey: bool = False
) -> NDArray[Any]:
    """Decodes a file whose header was checked, without turning the picture.

    Returns:
        uint8 or uint16 [H, W, C]: BGR, or one grey channel.

    Raises:
        ImageError: the file is damaged, or OpenCV does not read its form.
    """
    flags = cv2.IMREAD_GRAYSCALE if grey else cv2.IMREAD_COLOR
    flags |= cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        decoded: Any = cv2.imdecode(np.frombuffer(content, np.uint8), flags)
    except cv2.error as error:
        raise ImageError(
            kind, f"{kind} image: expected a whole file, found {one_line(error)}"
        ) from error
    right = decoded is not None and decoded.shape[:2] == (header.height, header.width)
    if not right or decoded.dtype not in (np.uint8, np.uint16):
        raise ImageError(
            kind,
            f"{kind} image: expected a whole file, found damaged data, or a form that OpenCV "
            f"{cv2.__version__} does not read",
        )
    return np.asarray(decoded).reshape(header.height, header.width, -1)


def rgb_of(stored_bgr: NDArray[Any], bits: BitDepth) -> NDArray[np.uint8]:
    """Returns uint8 [H, W, 3] RGB of uint8 or uint16 [H, W, 3] BGR."""
    return np.asarray(cv2.cvtColor(eight_bits(stored_bgr, bits), cv2.COLOR_BGR2RGB), np.uint8)


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
