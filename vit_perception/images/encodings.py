# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Converts every picture encoding of sensor_msgs/image_encodings.hpp to RGB.

Channels of 16 bits are scaled to 8 bits, the largest value of the bits in use to 255. YUV is
BT.601 of limited range, as cameras send it and OpenCV reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray

from vit_perception.images.bits import BitDepth, all_bits, eight_bits
from vit_perception.images.raw import DEFAULT_MAX_PIXELS, ImageError, RawImage, RosImage
from vit_perception.wording import shown

Pixels = NDArray[np.uint8]


def _as_is(raw: RawImage) -> Pixels:
    return raw.pixels(3)


def _converted(raw: RawImage, channels: int, code: int) -> Pixels:
    return _to_rgb(raw.pixels(channels), code)


def _to_rgb(pixels: Pixels, code: int) -> Pixels:
    return np.asarray(cv2.cvtColor(pixels, code), np.uint8)


def _bayer(raw: RawImage, pattern: str) -> Pixels:
    return demosaiced(raw.pixels(1)[..., 0], pattern)


def demosaiced(mosaic: Pixels, pattern: str) -> Pixels:
    """Returns uint8 [H, W, 3] RGB of a Bayer mosaic uint8 [H, W]; `pattern` is one of BAYER."""
    code = BAYER[pattern]
    height, width = mosaic.shape
    if min(height, width) == 1:
        # A single row or column of the pattern lacks a colour; it is shown in grey.
        return _to_rgb(np.ascontiguousarray(mosaic), cv2.COLOR_GRAY2RGB)
    if min(height, width) == 2:
        # OpenCV leaves such small pictures black; they are padded with their own pattern.
        more = [(0, 2 if side == 2 else 0) for side in (height, width)]
        mosaic = np.pad(mosaic, more, mode="wrap")
    return _to_rgb(np.ascontiguousarray(mosaic), code)[:height, :width]


def _yuv422(raw: RawImage, code: int, luma: int) -> Pixels:
    """Decodes 4 bytes to two pixels with one U and V; `luma` is the index of the first Y."""
    row = 2 * raw.width
    packed = raw.plane(0, raw.height, row, raw.step)
    if raw.width % 2:
        packed = _completed(packed, luma)
    pixels = np.ascontiguousarray(packed.reshape(raw.height, -1, 2))
    return _to_rgb(pixels, code)[:, : raw.width]


def _completed(packed: Pixels, luma: int) -> Pixels:
    """Completes the last four bytes of rows [H, 2 W] of an odd width W.

    The last pixel has only its U. It gets the V of the pixel before it, or a neutral V if there
    is none; the caller cuts off the extra pixel.
    """
    height, row = packed.shape
    whole = np.full((height, row + 2), 128, np.uint8)
    whole[:, :row] = packed
    whole[:, row + luma] = packed[:, row - 2 + luma]
    if row > 2:
        whole[:, row + 1 - luma] = packed[:, row - 4 + 1 - luma]
    return whole


def _two_planes(raw: RawImage, code: int, *, shared: bool) -> Pixels:
    """Decodes a plane of Y and a plane of interleaved U and V.

    A UV pair belongs to 2 x 2 pixels if `shared`, else to one pixel. The second plane has the
    step of the first if its pairs are shared, else twice that step.
    """
    height, width, step = raw.height, raw.width, raw.step
    luma = raw.plane(0, height, width, step)
    if shared:
        rows, columns = -(-height // 2), -(-width // 2)
        chroma = raw.plane(height * step, rows, 2 * columns, step)
        odd = ((0, 2 * rows - height), (0, 2 * columns - width))
        luma = np.pad(luma, odd, mode="edge") if height % 2 or width % 2 else luma
    else:
        chroma = raw.plane(height * step, height, 2 * width, 2 * step)
        # OpenCV only decodes pairs shared by four pixels, so every pixel is made four.
        luma = luma.repeat(2, axis=0).repeat(2, axis=1)
    planes = [np.ascontiguousarray(plane) for plane in (luma, chroma)]
    pairs = planes[1].reshape(len(chroma), -1, 2)
    whole = np.asarray(cv2.cvtColorTwoPlane(planes[0], pairs, code), np.uint8)
    return whole[:height, :width] if shared else np.ascontiguousarray(whole[::2, ::2])


# OpenCV names a pattern by the second and third pixel of its second row.
BAYER: Mapping[str, int] = MappingProxyType(
    {
        "rggb": cv2.COLOR_BayerBG2RGB,
        "bggr": cv2.COLOR_BayerRG2RGB,
        "gbrg": cv2.COLOR_BayerGR2RGB,
        "grbg": cv2.COLOR_BayerGB2RGB,
    }
)
"""Bayer patterns, named by the first two pixels of the first two rows, to OpenCV's codes."""

_UYVY = partial(_yuv422, code=cv2.COLOR_YUV2RGB_UYVY, luma=1)
_YUYV = partial(_yuv422, code=cv2.COLOR_YUV2RGB_YUY2, luma=0)

_EIGHT: dict[str, Callable[[RawImage], Pixels]] = {
    "rgb8": _as_is,
    "bgr8": partial(_converted, channels=3, code=cv2.COLOR_BGR2RGB),
    "rgba8": partial(_converted, channels=4, code=cv2.COLOR_RGBA2RGB),
    "bgra8": partial(_converted, channels=4, code=cv2.COLOR_BGRA2RGB),
    "mono8": partial(_converted, channels=1, code=cv2.COLOR_GRAY2RGB),
    **{f"bayer_{pattern}8": partial(_bayer, pattern=pattern) for pattern in BAYER},
}
_CHANNELS = {"rgb": 3, "bgr": 3, "rgba": 4, "bgra": 4}
SIXTEEN_BITS: Mapping[str, tuple[str, int]] = MappingProxyType(
    {
        **{f"{each[:-1]}16": (each, _CHANNELS.get(each[:-1], 1)) for each in _EIGHT},
        "16UC1": ("mono8", 1),
    }
)
"""Encodings of 16 bits a channel, each with that of 8 bits and the number of channels."""

DECODERS: Mapping[str, Callable[[RawImage], Pixels]] = MappingProxyType(
    {
        **_EIGHT,
        "8UC1": _EIGHT["mono8"],
        "8UC3": _EIGHT["bgr8"],
        "8UC4": _EIGHT["bgra8"],
        **{wide: _EIGHT[narrow] for wide, (narrow, _) in SIXTEEN_BITS.items()},
        "uyvy": _UYVY,
        "yuv422": _UYVY,
        "yuyv": _YUYV,
        "yuv422_yuy2": _YUYV,
        "nv12": partial(_two_planes, code=cv2.COLOR_YUV2RGB_NV12, shared=True),
        "nv21": partial(_two_planes, code=cv2.COLOR_YUV2RGB_NV21, shared=True),
        "nv24": partial(_two_planes, code=cv2.COLOR_YUV2RGB_NV12, shared=False),
    }
)
"""Encoding to decoder of its picture in 8 bits a channel; returns uint8 [H, W, 3] RGB.

8UC3 and 8UC4 do not say their order of colours; they are read as BGR, as in OpenCV.
"""


def decode_image(
    image: RosImage, *, max_pixels: int = DEFAULT_MAX_PIXELS, bits: BitDepth = all_bits
) -> Pixels:
    """Decodes a sensor_msgs/Image.

    Args:
        image: the message; its encoding is one of DECODERS.
        max_pixels: larger images are refused before anything is allocated.
        bits: says how many bits of 16-bit channels are in use.

    Returns:
        uint8 [height, width, 3], RGB. For rgb8 a view of the message's bytes, which may be
        read-only and have padded rows.

    Raises:
        ImageError: unknown encoding, impossible size or step, or too little data.
    """
    decoder = DECODERS.get(image.encoding)
    if decoder is None:
        raise ImageError(
            "encoding",
            f"image encoding: expected one of {', '.join(DECODERS)}, "
            f"found {shown(image.encoding)}",
        )
    raw = RawImage.checked(image, max_pixels)
    if raw.encoding in SIXTEEN_BITS:
        raw = _narrowed(raw, bits)
    return decoder(raw)


def _narrowed(raw: RawImage, bits: BitDepth) -> RawImage:
    """Returns an image of 16 bits a channel with 8 bits a channel."""
    encoding, channels = SIXTEEN_BITS[raw.encoding]
    pixels = eight_bits(raw.pixels(channels, "u2"), bits)
    step = raw.width * channels
    return replace(raw, encoding=encoding, step=step, data=pixels.reshape(-1))
