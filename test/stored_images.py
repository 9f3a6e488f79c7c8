# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The meaning of sensor_msgs/Image, byte by byte and slowly: what a decoder is held to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Encoding -> places of red, green and blue in a pixel, channels, bytes of a channel.
_CHANNELS = {
    "rgb8": ((0, 1, 2), 3, 1),
    "bgr8": ((2, 1, 0), 3, 1),
    "8UC3": ((2, 1, 0), 3, 1),
    "rgba8": ((0, 1, 2), 4, 1),
    "bgra8": ((2, 1, 0), 4, 1),
    "8UC4": ((2, 1, 0), 4, 1),
    "mono8": ((0, 0, 0), 1, 1),
    "8UC1": ((0, 0, 0), 1, 1),
    "rgb16": ((0, 1, 2), 3, 2),
    "bgr16": ((2, 1, 0), 3, 2),
    "rgba16": ((0, 1, 2), 4, 2),
    "bgra16": ((2, 1, 0), 4, 2),
    "mono16": ((0, 0, 0), 1, 2),
    "16UC1": ((0, 0, 0), 1, 2),
    "32FC1": ((0, 0, 0), 1, 4),
}
# Encoding -> places of the first Y, of U and of V in the four bytes of two pixels.
_PACKED = {
    "uyvy": (1, 0, 2),
    "yuv422": (1, 0, 2),
    "yuyv": (0, 1, 3),
    "yuv422_yuy2": (0, 1, 3),
}
_PLANES = ("nv12", "nv21", "nv24")
_MOSAICS = [f"bayer_{each}{bits}" for each in ("rggb", "bggr", "gbrg", "grbg") for bits in (8, 16)]
# As in sensor_msgs/image_encodings.hpp, and NV12, which drivers send beside them; 32FC1 is depth.
PICTURES = {*_CHANNELS, *_PACKED, *_PLANES, *_MOSAICS} - {"32FC1"}


@dataclass(frozen=True)
class Stored:
    """The fields of a message that is whole."""

    encoding: str
    height: int
    width: int
    step: int
    is_bigendian: bool
    data: Any

    def at(self, places: NDArray[np.int64]) -> NDArray[np.uint8]:
        """The bytes at these places."""
        return np.frombuffer(self.data, np.uint8)[places]


def needs(encoding: str, height: int, width: int, step: int) -> tuple[int, int]:
    """The least step, and the least number of bytes with `step`; 0 and 0 if it is unknown."""
    pairs, last = -(-width // 2), max(height, 1) - 1
    if encoding in ("nv12", "nv21"):
        rows = -(-height // 2)
        return 2 * pairs, (height + max(rows, 1) - 1) * step + 2 * pairs
    if encoding == "nv24":
        return width, (height + 2 * last) * step + 2 * width
    if encoding in _PACKED:
        row = 2 * width
    elif encoding.startswith("bayer_"):
        row = width * (2 if encoding.endswith("16") else 1)
    elif encoding in _CHANNELS:
        _, channels, size = _CHANNELS[encoding]
        row = width * channels * size
    else:
        return 0, 0
    return row, last * step + row


def shown_by(stored: Stored) -> tuple[str, Any, Any]:
    """What a message shows.

    Returns:
        "yuv", the planes Y, U and V of every pixel, and nothing; or "rgb", the colours uint8
        [H, W, 3], and which of them are known: bool [H, W, 3].
    """
    y, x = np.mgrid[: stored.height, : stored.width]
    known = np.ones((stored.height, stored.width, 3), bool)
    if stored.encoding in _CHANNELS:
        places, channels, size = _CHANNELS[stored.encoding]
        pixel = (y * stored.step + x * channels * size)[..., None]
        return "rgb", _eight_bits(stored, pixel + size * np.array(places), size), known
    if stored.encoding in _PACKED:
        return "yuv", _packed(stored, y, x), None
    if stored.encoding.startswith("nv"):
        return "yuv", _planes(stored, y, x), None
    return "rgb", *_mosaic(stored, y, x)


def _eight_bits(stored: Stored, places: NDArray[np.int64], size: int) -> NDArray[np.uint8]:
    if size == 1:
        return stored.at(places)
    high, low = stored.at(places), stored.at(places + 1)
    if not stored.is_bigendian:
        high, low = low, high
    # 65535 stands for 255.
    return np.asarray(np.round((high.astype(int) * 256 + low) / 257), np.uint8)


def _packed(stored: Stored, y: Any, x: Any) -> list[NDArray[np.uint8]]:
    luma, *chroma = _PACKED[stored.encoding]
    group = y * stored.step + x // 2 * 4
    planes = [stored.at(group + luma + 2 * (x % 2))]
    for place in chroma:
        at = x // 2 * 4 + place
        # The last half group of an odd width has no V: the one before stands for it, or none.
        missing = at >= 2 * stored.width
        at = np.where(missing, at - 4, at)
        values = stored.at(y * stored.step + np.maximum(at, 0))
        planes.append(np.where(at < 0, np.uint8(128), values))
    return planes


def _planes(stored: Stored, y: Any, x: Any) -> list[NDArray[np.uint8]]:
    begin = stored.height * stored.step
    if stored.encoding == "nv24":
        pair = begin + y * 2 * stored.step + 2 * x
    else:
        pair = begin + y // 2 * stored.step + x // 2 * 2
    u, v = stored.at(pair), stored.at(pair + 1)
    if stored.encoding == "nv21":
        u, v = v, u
    return [stored.at(y * stored.step + x), u, v]


def _mosaic(stored: Stored, y: Any, x: Any) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """What was measured, away from the border; all of a single line, which is grey."""
    pattern, size = stored.encoding[6:10], 2 if stored.encoding.endswith("16") else 1
    grey = _eight_bits(stored, y * stored.step + x * size, size)
    colours = np.repeat(grey[..., None], 3, axis=2)
    if min(stored.height, stored.width) == 1:
        return colours, np.ones(colours.shape, bool)
    letters = np.array(["rgb".index(letter) for letter in pattern])[y % 2 * 2 + x % 2]
    known = letters[..., None] == np.arange(3)
    known[[0, -1]] = known[:, [0, -1]] = False
    return colours, known
