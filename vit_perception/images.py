# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Bytes to pixels: raw images as ROS describes them, and JPEG and PNG buffers."""

from __future__ import annotations

import array
import operator
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from vit_perception.image_headers import (
    JPEG_MAGIC,
    PNG_MAGIC,
    HeaderError,
    read_jpeg_header,
    read_png_header,
)
from vit_perception.wording import one_line, shown

# 67 megapixels: more than any robot camera, and 200 MB as RGB.
DEFAULT_MAX_PIXELS = 2**26

Buffer: TypeAlias = "bytes | bytearray | memoryview | array.array[int] | NDArray[np.uint8]"

# Formats of CompressedImage and CompressedVideo that are no pictures for this package.
_REFUSED_FORMATS = ("compresseddepth", "h264", "h265", "hevc", "av1", "vp9", "theora", "ffv1")
_READERS = {
    "jpeg": (JPEG_MAGIC, read_jpeg_header),
    "png": (PNG_MAGIC, read_png_header),
}
_MILLIMETRE = np.float32(0.001)


class ImageError(ValueError):
    """An image is refused; the message is one line.

    Attributes:
        cause: short key to count by: "encoding", "format", "size", "step", "truncated",
            "jpeg", "png".
    """

    def __init__(self, cause: str, message: str) -> None:
        super().__init__(message)
        self.cause = cause


@dataclass(frozen=True, slots=True)
class _Raw:
    """The fields of sensor_msgs/Image, sizes checked; data is uint8 [bytes]."""

    encoding: str
    height: int
    width: int
    step: int
    is_bigendian: bool
    data: NDArray[np.uint8]

    def pixels(self, channels: int, dtype: str = "u1") -> NDArray[Any]:
        """A view [height, width, channels] on the data; `dtype` without byte order."""
        kind = np.dtype((">" if self.is_bigendian else "<") + dtype)
        row = self.width * channels * kind.itemsize
        if self.step < row:
            raise ImageError(
                "step",
                f"{self.encoding} image: expected step >= {row} for width {self.width}, "
                f"found {self.step}",
            )
        # The padding of the last row is often not sent.
        needed = self.step * (self.height - 1) + row
        if self.data.size < needed:
            raise ImageError(
                "truncated",
                f"{self.encoding} image: expected {needed} bytes for {self.width}x{self.height} "
                f"with step {self.step}, found {self.data.size}",
            )
        pixels: NDArray[Any] = np.ndarray(
            (self.height, self.width, channels),
            kind,
            buffer=self.data,
            strides=(self.step, channels * kind.itemsize, kind.itemsize),
        )
        return pixels


def _as_is(raw: _Raw) -> NDArray[np.uint8]:
    return raw.pixels(3)


def _converted(raw: _Raw, channels: int, code: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(raw.pixels(channels), code), np.uint8)


# One line per encoding of sensor_msgs/image_encodings.h. 8UC3 says nothing about colour
# order; OpenCV's is BGR.
_DECODERS: dict[str, Callable[[_Raw], NDArray[np.uint8]]] = {
    "rgb8": _as_is,
    "bgr8": partial(_converted, channels=3, code=cv2.COLOR_BGR2RGB),
    "8UC3": partial(_converted, channels=3, code=cv2.COLOR_BGR2RGB),
    "rgba8": partial(_converted, channels=4, code=cv2.COLOR_RGBA2RGB),
    "bgra8": partial(_converted, channels=4, code=cv2.COLOR_BGRA2RGB),
    "mono8": partial(_converted, channels=1, code=cv2.COLOR_GRAY2RGB),
    "8UC1": partial(_converted, channels=1, code=cv2.COLOR_GRAY2RGB),
}


def decode_image(
    *,
    encoding: str,
    height: int,
    width: int,
    step: int,
    is_bigendian: bool,
    data: Buffer,
    max_pixels: int = DEFAULT_MAX_PIXELS,
) -> NDArray[np.uint8]:
    """The pixels of a sensor_msgs/Image.

    Args:
        encoding: as in sensor_msgs/image_encodings.h.
        height, width: pixels.
        step: bytes from one row to the next; may be more than the pixels need.
        is_bigendian: byte order of channels wider than 8 bits.
        data: the rows.
        max_pixels: larger images are refused before anything is allocated.

    Returns:
        uint8 [height, width, 3], RGB. For rgb8 a view of `data`, which may be read-only and
        have padded rows.

    Raises:
        ImageError: unknown encoding, impossible size or step, or too little data.
    """
    decoder = _DECODERS.get(encoding)
    if decoder is None:
        raise ImageError(
            "encoding",
            f"image encoding: expected one of {', '.join(_DECODERS)}, found {shown(encoding)}",
        )
    return decoder(_checked(encoding, height, width, step, is_bigendian, data, max_pixels))


def decode_depth(
    *,
    encoding: str,
    height: int,
    width: int,
    step: int,
    is_bigendian: bool,
    data: Buffer,
    max_pixels: int = DEFAULT_MAX_PIXELS,
) -> NDArray[np.float32]:
    """The distances of a depth image (REP-118).

    16UC1 and mono16 are millimetres, 0 meaning unknown; 32FC1 is metres.

    Args:
        As decode_image.

    Returns:
        float32 [height, width], metres; NaN where unknown, infinite or not positive.

    Raises:
        ImageError: as decode_image.
    """
    if encoding not in ("16UC1", "mono16", "32FC1"):
        raise ImageError(
            "encoding",
            f"depth encoding: expected one of 16UC1, mono16, 32FC1, found {shown(encoding)}",
        )
    raw = _checked(encoding, height, width, step, is_bigendian, data, max_pixels)
    if encoding == "32FC1":
        depth = raw.pixels(1, "f4")[..., 0].astype(np.float32)
        known = np.isfinite(depth) & (depth > 0)
    else:
        millimetres = raw.pixels(1, "u2")[..., 0]
        depth = millimetres.astype(np.float32) * _MILLIMETRE
        known = millimetres != 0
    depth[~known] = np.nan
    return depth


def decode_compressed(
    *, format: str, data: Buffer, max_pixels: int = DEFAULT_MAX_PIXELS
) -> NDArray[np.uint8]:
    """The pixels of a sensor_msgs/CompressedImage, or of a JPEG or PNG file.

    The first bytes decide between JPEG and PNG, whatever `format` says: publishers differ in
    how they fill it. EXIF orientation is ignored, since camera_info belongs to the stored
    pixels. Transparency is dropped.

    Args:
        format: as in the message, e.g. "jpeg" or "rgb8; jpeg compressed bgr8"; may be empty.
        data: the whole file.
        max_pixels: larger images are refused before they are decoded.

    Returns:
        uint8 [H, W, 3], RGB.

    Raises:
        ImageError: video, compressed depth or another format; too large; truncated or damaged.
    """
    words = format.lower().replace(".", "")
    refused = next((word for word in _REFUSED_FORMATS if word in words), None)
    content = _bytes_of(data).tobytes()
    kind = next((key for key, (magic, _) in _READERS.items() if content.startswith(magic)), None)
    if refused or kind is None:
        found = shown(format) if refused or format else "no format"
        begins = "" if refused else f" beginning with {content[:4].hex(' ') or 'nothing'}"
        raise ImageError(
            "format", f"compressed image: expected JPEG or PNG data, found {found}{begins}"
        )
    try:
        header = _READERS[kind][1](content)
    except HeaderError as error:
        raise ImageError(kind, f"{kind} image: expected a whole file, found {error}") from error
    _check_size(f"{kind} image", header.height, header.width, max_pixels)
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
    """A JPEG file.

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


def _checked(
    encoding: str,
    height: int,
    width: int,
    step: int,
    is_bigendian: bool,
    data: Buffer,
    max_pixels: int,
) -> _Raw:
    _check_size(f"{encoding} image", height, width, max_pixels)
    return _Raw(
        encoding=encoding,
        height=operator.index(height),
        width=operator.index(width),
        step=operator.index(step),
        is_bigendian=bool(is_bigendian),
        data=_bytes_of(data),
    )


def _check_size(what: str, height: int, width: int, max_pixels: int) -> None:
    if height < 1 or width < 1 or height * width > max_pixels:
        raise ImageError(
            "size", f"{what}: expected 1..{max_pixels} pixels, found {width}x{height}"
        )


def _bytes_of(data: Buffer) -> NDArray[np.uint8]:
    if isinstance(data, np.ndarray):
        return np.ascontiguousarray(data).reshape(-1).view(np.uint8)
    return np.frombuffer(data, np.uint8) if len(data) else np.empty(0, np.uint8)
