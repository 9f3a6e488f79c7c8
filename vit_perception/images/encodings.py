# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Converts every picture encoding of sensor_msgs/image_encodings.hpp to RGB.

Channels of 16 bits are scaled to 8 bits as in cv_bridge, 65535 to 255. YUV is BT.601 of limited
range, as cameras send it and OpenCV reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray

from vit_perception.images.raw import DEFAULT_MAX_PIXELS, ImageError, RawImage, RosImage
from vit_perception.wording import shown

Pixels = NDArray[np.uint8]


def _as_is(raw: RawImage) -> Pixels:
    return raw.pixels(3)


def _converted(raw: RawImage, channels: int, code: int | None, dtype: str = "u1") -> Pixels:
    pixels = _eight_bits(raw.pixels(channels, dtype))
    return pixels if code is None else _to_rgb(pixels, code)


def _eight_bits(pixels: NDArray[np.generic]) -> Pixels:
    """Returns [H, W, C] with channels of 8 bits; those of 16 bits are scaled."""
    if pixels.dtype.itemsize == 1:
        return pixels.view(np.uint8)
    native = np.ascontiguousarray(pixels, np.uint16)
    return np.asarray(cv2.convertScaleAbs(native, alpha=1 / 257), np.uint8).reshape(pixels.shape)


def _to_rgb(pixels: Pixels, code: int) -> Pixels:
    return np.asarray(cv2.cvtColor(pixels, code), np.uint8)


def _bayer(raw: RawImage, code: int, dtype: str = "u1") -> Pixels:
    mosaic = _eight_bits(raw.pixels(1, dtype))[..., 0]
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
_BAYER = {
    "rggb": cv2.COLOR_BayerBG2RGB,
    "bggr": cv2.COLOR_BayerRG2RGB,
    "gbrg": cv2.COLOR_BayerGR2RGB,
    "grbg": cv2.COLOR_BayerGB2RGB,
}

_UYVY = partial(_yuv422, code=cv2.COLOR_YUV2RGB_UYVY, luma=1)
_YUYV = partial(_yuv422, code=cv2.COLOR_YUV2RGB_YUY2, luma=0)
_GREY_16 = partial(_converted, channels=1, code=cv2.COLOR_GRAY2RGB, dtype="u2")

DECODERS: Mapping[str, Callable[[RawImage], Pixels]] = MappingProxyType(
    {
        "rgb8": _as_is,
        "bgr8": partial(_converted, channels=3, code=cv2.COLOR_BGR2RGB),
        "rgba8": partial(_converted, channels=4, code=cv2.COLOR_RGBA2RGB),
        "bgra8": partial(_converted, channels=4, code=cv2.COLOR_BGRA2RGB),
        "mono8": partial(_converted, channels=1, code=cv2.COLOR_GRAY2RGB),
        "8UC1": partial(_converted, channels=1, code=cv2.COLOR_GRAY2RGB),
        "8UC3": partial(_converted, channels=3, code=cv2.COLOR_BGR2RGB),
        "8UC4": partial(_converted, channels=4, code=cv2.COLOR_BGRA2RGB),
        "rgb16": partial(_converted, channels=3, code=None, dtype="u2"),
        "bgr16": partial(_converted, channels=3, code=cv2.COLOR_BGR2RGB, dtype="u2"),
        "rgba16": partial(_converted, channels=4, code=cv2.COLOR_RGBA2RGB, dtype="u2"),
        "bgra16": partial(_converted, channels=4, code=cv2.COLOR_BGRA2RGB, dtype="u2"),
        "mono16": _GREY_16,
        "16UC1": _GREY_16,
        **{f"bayer_{pattern}8": partial(_bayer, code=code) for pattern, code in _BAYER.items()},
        **{
            f"bayer_{pattern}16": partial(_bayer, code=code, dtype="u2")
            for pattern, code in _BAYER.items()
        },
        "uyvy": _UYVY,
        "yuv422": _UYVY,
        "yuyv": _YUYV,
        "yuv422_yuy2": _YUYV,
        "nv12": partial(_two_planes, code=cv2.COLOR_YUV2RGB_NV12, shared=True),
        "nv21": partial(_two_planes, code=cv2.COLOR_YUV2RGB_NV21, shared=True),
        "nv24": partial(_two_planes, code=cv2.COLOR_YUV2RGB_NV12, shared=False),
    }
)
"""Encoding to decoder; a decoder returns uint8 [H, W, 3] RGB.

8UC3 and 8UC4 do not say their order of colours; they are read as BGR, as in OpenCV.
"""


def decode_image(image: RosImage, *, max_pixels: int = DEFAULT_MAX_PIXELS) -> Pixels:
    """Decodes a sensor_msgs/Image.

    Args:
        image: the message; its encoding is one of DECODERS.
        max_pixels: larger images are refused before anything is allocated.

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
    return decoder(RawImage.checked(image, max_pixels))
