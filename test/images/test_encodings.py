# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Every encoding that carries a picture, in every byte order, padding and size."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from vit_perception.images.encodings import DECODERS

from ..refusals import image_refusal_of
from ..stored_images import PICTURES
from .fields import decode_image

SIZES = [(1, 1), (1, 4), (2, 2), (2, 5), (3, 1), (5, 7), (8, 6)]
WIDE = ("rgb16", "bgr16", "rgba16", "bgra16", "mono16", "16UC1")
PACKED_YUV = {"uyvy": "UYVY", "yuv422": "UYVY", "yuyv": "YUYV", "yuv422_yuy2": "YUYV"}
PATTERNS = ("rggb", "bggr", "gbrg", "grbg")


def message(
    encoding: str, shape: tuple[int, int], rows: NDArray[Any], padding: int = 0
) -> dict[str, Any]:
    """Fields of sensor_msgs/Image with rows of one kind, each with padding behind it."""
    data = np.ascontiguousarray(rows).view(np.uint8).reshape(len(rows), -1)
    data = np.concatenate([data, np.full((len(data), padding), 0xEE, np.uint8)], axis=1)
    return {
        "encoding": encoding,
        "height": shape[0],
        "width": shape[1],
        "step": data.shape[1],
        "is_bigendian": rows.dtype.byteorder == ">",
        "data": data.tobytes(),
    }


def random(*shape: int) -> NDArray[np.uint8]:
    return np.random.default_rng(5).integers(0, 256, shape, np.uint8)


def rgb_of(y: NDArray[Any], u: NDArray[Any], v: NDArray[Any]) -> NDArray[np.float64]:
    """BT.601, limited range, in real numbers."""
    y, u, v = ((plane.astype(np.float64) - zero) for plane, zero in ((y, 16), (u, 128), (v, 128)))
    y = np.maximum(y, 0) * 255 / 219
    red, blue = 1.402 * 255 / 224, 1.772 * 255 / 224
    green = y - blue * 0.114 / 0.587 * u - red * 0.299 / 0.587 * v
    return np.clip(np.stack([y + red * v, green, y + blue * u], axis=-1), 0, 255)


def assert_close(found: NDArray[np.uint8], expected: NDArray[np.float64]) -> None:
    assert found.dtype == np.uint8
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= 2


def test_the_list_is_that_of_sensor_msgs() -> None:
    assert set(DECODERS) == PICTURES


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("encoding", WIDE)
def test_sixteen_bits(encoding: str, size: tuple[int, int], order: str) -> None:
    channels = {"rgb": 3, "bgr": 3, "rgba": 4, "bgra": 4}.get(encoding[:-2], 1)
    stored = np.random.default_rng(6).integers(0, 2**16, (*size, channels))
    shown = np.round(stored / 257).astype(np.uint8)
    if channels == 1:
        shown = np.repeat(shown, 3, axis=2)
    shown = shown[..., [2, 1, 0] if encoding.startswith("bgr") else [0, 1, 2]]
    fields = message(encoding, size, stored.astype(order + "u2"), padding=6)
    np.testing.assert_array_equal(decode_image(**fields), shown)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("size", [size for size in SIZES if min(size) > 1])
@pytest.mark.parametrize("pattern", PATTERNS)
def test_bayer_of_one_colour(pattern: str, size: tuple[int, int], bits: int) -> None:
    colour = {"r": 200, "g": 120, "b": 30}
    cell = np.array([colour[each] for each in pattern]).reshape(2, 2)
    stored = np.tile(cell, (4, 4))[: size[0], : size[1]] * (257 if bits == 16 else 1)
    fields = message(f"bayer_{pattern}{bits}", size, stored.astype(f"<u{bits // 8}"), padding=3)
    image = decode_image(**fields)
    np.testing.assert_array_equal(image, np.broadcast_to([200, 120, 30], (*size, 3)))


@pytest.mark.parametrize("pattern", PATTERNS)
def test_bayer_keeps_what_was_measured(pattern: str) -> None:
    stored = random(9, 12)
    image = decode_image(**message(f"bayer_{pattern}8", stored.shape, stored))
    for index, letter in enumerate(pattern):
        y, x = divmod(index, 2)
        measured = image[y::2, x::2, "rgb".index(letter)][1:-1, 1:-1]
        np.testing.assert_array_equal(measured, stored[y::2, x::2][1:-1, 1:-1])


@pytest.mark.parametrize("size", [(1, 1), (1, 4), (3, 1)])
def test_one_line_of_a_bayer_pattern_is_grey(size: tuple[int, int]) -> None:
    stored = random(*size)
    image = decode_image(**message("bayer_rggb8", size, stored))
    np.testing.assert_array_equal(image, np.repeat(stored[..., None], 3, axis=2))


@pytest.mark.parametrize("padding", [0, 5])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("encoding", PACKED_YUV)
def test_packed_yuv(encoding: str, size: tuple[int, int], padding: int) -> None:
    height, width = size
    pairs = -(-width // 2)
    parts = {letter: random(height, pairs) + np.uint8(k) for k, letter in enumerate("UV")}
    y = random(height, 2 * pairs)
    order = iter((y[:, 0::2], y[:, 1::2]))
    packed = np.stack(
        [next(order) if letter == "Y" else parts[letter] for letter in PACKED_YUV[encoding]],
        axis=-1,
    ).reshape(height, -1)[:, : 2 * width]
    u, v = (np.repeat(parts[letter], 2, axis=1)[:, :width].copy() for letter in "UV")
    if width % 2:
        # The V of the last column was not sent.
        v[:, -1] = v[:, -2] if width > 1 else 128
    image = decode_image(**message(encoding, size, packed, padding))
    assert_close(image, rgb_of(y[:, :width], u, v))


@pytest.mark.parametrize("padding", [0, 4])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("encoding", ["nv12", "nv21"])
def test_two_planes_with_shared_colours(
    encoding: str, size: tuple[int, int], padding: int
) -> None:
    height, width = size
    rows, columns = -(-height // 2), -(-width // 2)
    luma, pairs = random(height, width), random(rows, columns, 2)
    # A row of pairs is as long as a row of luma, or one byte longer.
    step = 2 * columns + padding
    data = np.full((height + rows, step), 0xEE, np.uint8)
    data[:height, :width] = luma
    data[height:, : 2 * columns] = pairs.reshape(rows, -1)
    fields = message(encoding, size, data)
    u, v = (
        pairs[..., k].repeat(2, axis=0).repeat(2, axis=1)[:height, :width]
        for k in ((0, 1) if encoding == "nv12" else (1, 0))
    )
    assert_close(decode_image(**fields), rgb_of(luma, u, v))


@pytest.mark.parametrize("padding", [0, 4])
@pytest.mark.parametrize("size", SIZES)
def test_two_planes_with_a_pair_a_pixel(size: tuple[int, int], padding: int) -> None:
    height, width = size
    luma, pairs = random(height, width), random(height, width, 2)
    rows = np.pad(luma, ((0, 0), (0, padding)))
    fields = message("nv24", size, rows)
    chroma = np.pad(pairs.reshape(height, -1), ((0, 0), (0, 2 * padding)))
    fields["data"] += chroma.tobytes()
    assert_close(decode_image(**fields), rgb_of(luma, pairs[..., 0], pairs[..., 1]))


@pytest.mark.parametrize("encoding", sorted(DECODERS))
def test_too_little_data_or_too_short_rows_are_refused(encoding: str) -> None:
    fields = {"encoding": encoding, "height": 6, "width": 8, "is_bigendian": False}
    wide = {**fields, "step": 80}
    whole = decode_image(**wide, data=bytes(80 * 18))
    assert whole.shape == (6, 8, 3)
    assert image_refusal_of(decode_image, **wide, data=bytes(300)).cause == "truncated"
    assert image_refusal_of(decode_image, **fields, step=7, data=bytes(9999)).cause == "step"


def test_an_8k_picture() -> None:
    stored = np.zeros((4320, 7680, 2), np.uint8)
    image = decode_image(**message("uyvy", stored.shape[:2], stored))
    assert image.shape == (4320, 7680, 3)
