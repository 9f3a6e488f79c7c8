# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import struct
import zlib
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from vit_perception.images.depth import decode_compressed_depth
from vit_perception.images.headers import PNG_MAGIC
from vit_perception.images.raw import ImageError

from ..refusals import image_refusal_of
from .fields import decode_depth
from .test_decode import message


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("padding", [0, 3])
@pytest.mark.parametrize("encoding", ["16UC1", "mono16"])
def test_depth_in_millimetres(encoding: str, padding: int, order: str) -> None:
    stored = np.array([[0, 1, 1500], [65535, 1000, 0]], order + "u2")
    depth = decode_depth(**message(stored[..., None], encoding, padding))
    assert depth.dtype == np.float32
    expected = np.array([[np.nan, 0.001, 1.5], [65.535, 1.0, np.nan]])
    np.testing.assert_allclose(depth, expected, rtol=1e-6)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("padding", [0, 5])
def test_depth_in_metres(padding: int, order: str) -> None:
    stored = np.array([[0.5, np.nan, np.inf], [-np.inf, 0.0, -1.0]], order + "f4")
    depth = decode_depth(**message(stored[..., None], "32FC1", padding))
    assert depth.dtype == np.float32
    np.testing.assert_array_equal(depth, [[0.5] + [np.nan] * 2, [np.nan] * 3])


def test_depth_does_not_touch_its_source() -> None:
    stored = np.zeros((2, 2, 1), np.float32)
    fields = message(stored, "32FC1")
    data = bytearray(fields["data"])
    decode_depth(**fields | {"data": data})
    assert data == fields["data"]


def test_impossible_depth_is_refused() -> None:
    fields = message(np.zeros((2, 3, 1), np.uint16), "16UC1")
    assert image_refusal_of(decode_depth, **fields | {"encoding": "rgb8"}).cause == "encoding"
    assert image_refusal_of(decode_depth, **fields | {"data": bytes(11)}).cause == "truncated"
    assert image_refusal_of(decode_depth, **fields | {"step": 5}).cause == "step"
    assert image_refusal_of(decode_depth, **fields | {"width": 2**31}).cause == "size"


# compressedDepth

STORED = np.array([[0, 1, 1500], [65535, 1000, 0]], np.uint16)


def packed(stored: NDArray[Any], a: float = 0.0, b: float = 0.0, suffix: str = ".png") -> bytes:
    _, data = cv2.imencode(suffix, stored)
    return struct.pack("<iff", 0, a, b) + data.tobytes()


@pytest.mark.parametrize("layout", ["16UC1; compressedDepth", "16UC1; compressedDepth png"])
def test_compressed_millimetres(layout: str) -> None:
    depth = decode_compressed_depth(format=layout, data=packed(STORED))
    expected = np.array([[np.nan, 0.001, 1.5], [65.535, 1.0, np.nan]])
    np.testing.assert_allclose(depth, expected, rtol=1e-6)


def test_compressed_metres() -> None:
    """As image_transport_plugins packs them: q = A / d + B, A and B from the largest depth."""
    wanted = np.array([[0.4, 1.0, 2.5], [np.nan, 9.9, 0.3]])
    quantum, largest = 100.0, 10.0
    a = quantum * (quantum + 1.0)
    b = 1.0 - a / largest
    stored = np.where(np.isnan(wanted), 0, a / wanted + b).astype(np.uint16)
    depth = decode_compressed_depth(format="32FC1; compressedDepth png", data=packed(stored, a, b))
    assert depth.dtype == np.float32
    np.testing.assert_allclose(depth, wanted, rtol=0.01)


def test_compressed_metres_that_cannot_be() -> None:
    stored = np.array([[1, 5, 9]], np.uint16)
    data = packed(stored, 2.0, 5.0)
    depth = decode_compressed_depth(format="32FC1; compressedDepth", data=data)
    # Negative, infinite, and 2 / (9 - 5).
    np.testing.assert_array_equal(depth, [[np.nan, np.nan, 0.5]])


@pytest.mark.parametrize(
    ("layout", "data", "cause", "text"),
    [
        ("16UC1; compressedDepth rvl", bytes(50), "format", "compressedDepth rvl' without a PNG"),
        ("jpeg", packed(STORED), "format", "found 'jpeg'"),
        ("16UC1; compressedDepth", b"", "format", "without a PNG"),
        ("16UC1; compressedDepth", packed(STORED)[:40], "png", "found truncated"),
        ("16UC1; compressedDepth", packed(STORED.astype(np.uint8)), "png", "16-bit grey PNG"),
        ("16UC1; compressedDepth", packed(np.dstack([STORED] * 3)), "png", "16-bit grey PNG"),
        ("evil\n; compressedDepth", packed(STORED), "format", r"evil\n"),
    ],
)
def test_other_compressed_depth_is_refused(
    layout: str, data: bytes, cause: str, text: str
) -> None:
    error = image_refusal_of(decode_compressed_depth, format=layout, data=data)
    assert (error.cause, text in str(error)) == (cause, True)


def test_compressed_depth_is_refused_before_decoding() -> None:
    fields = {"format": "16UC1; compressedDepth", "data": packed(STORED)}
    assert decode_compressed_depth(**fields, max_pixels=6).shape == (2, 3)
    assert image_refusal_of(decode_compressed_depth, **fields, max_pixels=5).cause == "size"


def test_a_row_longer_than_the_decoder_takes_is_refused() -> None:
    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)

    width = 2**20 + 1
    header = struct.pack(">IIBBBBB", width, 1, 16, 0, 0, 0, 0)
    rows = zlib.compress(bytes(1 + 2 * width))
    png = PNG_MAGIC + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    error = image_refusal_of(
        decode_compressed_depth, format="16UC1; compressedDepth", data=bytes(12) + png
    )
    assert error.cause == "png"


@given(st.integers(0, len(packed(STORED)) - 1), st.integers(0, 255))
def test_a_changed_byte_gives_depth_or_one_line(at: int, value: int) -> None:
    data = packed(STORED, 10.0, 1.0)
    data = data[:at] + bytes([value]) + data[at + 1 :]
    try:
        depth = decode_compressed_depth(format="32FC1; compressedDepth", data=data)
    except ImageError as error:
        assert str(error).isprintable()
    else:
        assert (np.isnan(depth) | (depth > 0)).all()
