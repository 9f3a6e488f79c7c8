# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Cameras of 10, 12 or 14 bits, whose pictures come in 16."""

from __future__ import annotations

from functools import partial
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from vit_perception.images.bits import UsedBits
from vit_perception.images.compressed import decode_compressed
from vit_perception.images.encodings import SIXTEEN_BITS

from .fields import decode_image


def stored(bits: int, channels: int) -> NDArray[np.uint16]:
    """A picture [6, 8, channels] that uses these bits, from black to white."""
    white = 2**bits - 1
    values = np.random.default_rng(1).integers(0, white, (6, 8, channels), np.uint16)
    values[0, 0], values[5, 7] = 0, white
    return values


def fields(encoding: str, pixels: NDArray[np.uint16], order: str = "<") -> dict[str, Any]:
    height, width, channels = pixels.shape
    return {
        "encoding": encoding,
        "height": height,
        "width": width,
        "step": 2 * width * channels,
        "is_bigendian": order == ">",
        "data": pixels.astype(f"{order}u2").tobytes(),
    }


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("encoding", sorted(SIXTEEN_BITS))
def test_white_is_white_whatever_the_bits(encoding: str, bits: int, order: str) -> None:
    narrow, channels = SIXTEEN_BITS[encoding]
    pixels = stored(bits, channels)
    if channels == 4:
        pixels[..., 3] = 65535
    found = decode_image(**fields(encoding, pixels, order), bits=UsedBits().measured)
    scaled = np.round(pixels * (255 / (2**bits - 1))).clip(0, 255).astype(np.uint8)
    expected = decode_image(
        encoding=narrow,
        height=6,
        width=8,
        step=8 * channels,
        is_bigendian=False,
        data=scaled.tobytes(),
    )
    np.testing.assert_array_equal(found, expected)
    fixed = decode_image(
        **fields(encoding, pixels, order), bits=partial(UsedBits().measured, fixed=bits)
    )
    np.testing.assert_array_equal(fixed, expected)


def test_dark_frames_stay_dark() -> None:
    """The gain follows the brightest frame so far, so it does not jump back and forth."""
    bits = UsedBits()
    bright, dark = stored(12, 1), stored(12, 1) // 32
    shown = [
        int(decode_image(**fields("mono16", pixels), bits=bits.measured).max())
        for pixels in (bright, dark, bright, dark)
    ]
    assert shown == [255, 8, 255, 8]
    # A value that was set does not change what was measured.
    assert decode_image(**fields("mono16", dark), bits=partial(bits.measured, fixed=16)).max() == 0
    assert decode_image(**fields("mono16", dark), bits=bits.measured).max() == 8


def test_values_above_the_bits_that_were_set_are_white() -> None:
    found = decode_image(
        **fields("mono16", stored(16, 1)), bits=partial(UsedBits().measured, fixed=10)
    )
    assert found.max() == 255 and np.median(found) == 255


def test_padding_and_transparency_do_not_count() -> None:
    pixels = stored(10, 4)
    pixels[..., 3] = 65535
    rows = np.pad(pixels.reshape(6, -1), ((0, 0), (0, 3)), constant_values=65535)
    message = {**fields("rgba16", pixels), "step": 2 * rows.shape[1], "data": rows.tobytes()}
    assert decode_image(**message, bits=UsedBits().measured).max() == 255


@pytest.mark.parametrize("bits", [10, 12, 14, 16])
@pytest.mark.parametrize(
    ("layout", "encoding", "channels"),
    [
        ("rgb16; png compressed bgr16", "bgr16", 3),
        ("", "bgr16", 3),
        ("mono16; png compressed ", "mono16", 1),
        ("16UC1; png compressed ", "16UC1", 1),
    ],
)
def test_compressed_as_raw(layout: str, encoding: str, channels: int, bits: int) -> None:
    pixels = stored(bits, channels)
    _, data = cv2.imencode(".png", pixels)
    found = decode_compressed(format=layout, data=data.tobytes(), bits=UsedBits().measured)
    raw = decode_image(**fields(encoding, pixels), bits=UsedBits().measured)
    np.testing.assert_array_equal(found, raw)
    assert (found.min(), found.max()) == (0, 255)
