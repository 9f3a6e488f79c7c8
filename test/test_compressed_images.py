# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import array
import struct
import zlib
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from vit_perception.images import (
    ImageError,
    decode_compressed,
    encode_jpeg,
)

from .refusals import image_refusal_of


def picture(height: int = 48, width: int = 64) -> NDArray[np.uint8]:
    coarse = np.random.default_rng(4).integers(0, 256, (5, 6, 3), np.uint8)
    return np.asarray(cv2.resize(coarse, (width, height)), np.uint8)


def encoded(suffix: str, image_bgr: NDArray[Any], *options: int) -> bytes:
    _, data = cv2.imencode(suffix, image_bgr, list(options))
    return data.tobytes()


JPEG = encode_jpeg(picture())
PNG = encoded(".png", picture()[..., ::-1])


@pytest.mark.parametrize(
    "name",
    ["jpeg", "jpg", "JPEG", "rgb8; jpeg compressed bgr8", "bgr8; jpeg compressed ", "", "png"],
)
def test_jpeg_whatever_the_format_says(name: str) -> None:
    image = decode_compressed(format=name, data=JPEG)
    expected = np.asarray(cv2.imdecode(np.frombuffer(JPEG, np.uint8), cv2.IMREAD_COLOR))[..., ::-1]
    np.testing.assert_array_equal(image, expected)
    assert np.abs(image.astype(int) - picture()).mean() < 5


@pytest.mark.parametrize("name", ["png", "bgr8; png compressed bgr8", "", "jpeg"])
def test_png_is_exact(name: str) -> None:
    np.testing.assert_array_equal(decode_compressed(format=name, data=PNG), picture())


def test_grey_transparent_and_progressive_files() -> None:
    grey = picture()[..., 0]
    for suffix in (".png", ".jpg"):
        image = decode_compressed(format="", data=encoded(suffix, grey))
        assert image.shape == (48, 64, 3)
        assert np.abs(image[..., 1].astype(int) - grey).mean() < 5
    with_alpha = np.concatenate([picture()[..., ::-1], np.zeros((48, 64, 1), np.uint8)], axis=2)
    np.testing.assert_array_equal(
        decode_compressed(format="png", data=encoded(".png", with_alpha)), picture()
    )
    progressive = encoded(".jpg", picture()[..., ::-1], cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
    assert (
        np.abs(decode_compressed(format="", data=progressive).astype(int) - picture()).mean() < 5
    )


def test_sixteen_bit_colour_is_scaled_and_sixteen_bit_grey_is_refused() -> None:
    deep = picture().astype(np.uint16)[..., ::-1] * 257
    image = decode_compressed(format="png", data=encoded(".png", deep))
    assert np.abs(image.astype(int) - picture()).max() <= 1
    error = image_refusal_of(decode_compressed, format="png", data=encoded(".png", deep[..., 0]))
    assert error.cause == "encoding"
    assert "expected 8 bits of grey, found 16" in str(error)


def test_exif_orientation_is_ignored() -> None:
    exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"
    rotated = JPEG[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + JPEG[2:]
    turned = np.asarray(cv2.imdecode(np.frombuffer(rotated, np.uint8), cv2.IMREAD_COLOR))
    assert turned.shape == (64, 48, 3)
    np.testing.assert_array_equal(
        decode_compressed(format="jpeg", data=rotated), decode_compressed(format="", data=JPEG)
    )


@pytest.mark.parametrize(
    "wrap", [bytearray, memoryview, lambda data: array.array("B", data), np.frombuffer]
)
def test_compressed_data_of_every_kind(wrap: Callable[..., Any]) -> None:
    data = np.frombuffer(PNG, np.uint8) if wrap is np.frombuffer else wrap(PNG)
    np.testing.assert_array_equal(decode_compressed(format="png", data=data), picture())


@pytest.mark.parametrize(
    ("name", "data", "found"),
    [
        ("h264", JPEG, "found 'h264'"),
        ("h.264", JPEG, "found 'h.264'"),
        ("H265", b"\0\0\0\x01", "found 'H265'"),
        ("16UC1; compressedDepth png", bytes(12) + PNG, "found '16UC1; compressedDepth png'"),
        ("32FC1; compressedDepth", PNG, "found '32FC1; compressedDepth'"),
        ("webp", b"RIFF1234WEBP", "found 'webp' beginning with 52 49 46 46"),
        ("jpeg", b"", "found 'jpeg' beginning with nothing"),
        ("", b"GIF89a", "found no format beginning with 47 49 46 38"),
        ("evil\nformat", b"\x00", r"found 'evil\nformat' beginning with 00"),
    ],
)
def test_other_formats_are_refused_by_name(name: str, data: bytes, found: str) -> None:
    error = image_refusal_of(decode_compressed, format=name, data=data)
    assert error.cause == "format"
    assert str(error) == f"compressed image: expected JPEG or PNG data, {found}"


@pytest.mark.parametrize("kind", ["jpeg", "png"])
def test_every_truncation_is_refused(kind: str) -> None:
    data = {"jpeg": JPEG, "png": PNG}[kind]
    for end in range(8, len(data) - 1, 11):
        error = image_refusal_of(decode_compressed, format=kind, data=data[:end])
        assert error.cause == kind
        assert str(error).startswith(f"{kind} image: expected a whole file, found ")


def test_the_end_of_a_thumbnail_is_not_the_end_of_the_picture() -> None:
    thumbnail = encode_jpeg(picture(8, 8))
    app = b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 2) + thumbnail
    data = JPEG[:2] + app + JPEG[2:]
    assert decode_compressed(format="jpeg", data=data).shape == (48, 64, 3)
    assert image_refusal_of(decode_compressed, format="jpeg", data=data[:-20]).cause == "jpeg"


def test_bytes_after_the_end_are_ignored() -> None:
    for data in (JPEG, PNG):
        assert decode_compressed(format="", data=data + bytes(100)).shape == (48, 64, 3)


def test_a_damaged_png_is_refused() -> None:
    damaged = bytearray(PNG)
    damaged[len(PNG) // 2] ^= 0x10
    error = image_refusal_of(decode_compressed, format="png", data=bytes(damaged))
    assert str(error) == "png image: expected a whole file, found chunk with a wrong checksum"


def test_sizes_are_refused_before_decoding() -> None:
    header = struct.pack(">IIBBBBB", 2**31 - 1, 2**31 - 1, 8, 2, 0, 0, 0)
    bomb = PNG[:8] + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND")
    error = image_refusal_of(decode_compressed, format="png", data=bomb)
    assert error.cause == "size"
    assert str(error) == "png image: expected 1..67108864 pixels, found 2147483647x2147483647"
    frame = JPEG.index(b"\xff\xc0")
    for height, width in ((65535, 65535), (0, 64), (48, 0)):
        data = JPEG[: frame + 5] + struct.pack(">HH", height, width) + JPEG[frame + 9 :]
        error = image_refusal_of(decode_compressed, format="jpeg", data=data)
        assert (error.cause, f"found {width}x{height}" in str(error)) == ("size", True)
    assert (
        image_refusal_of(decode_compressed, format="", data=JPEG, max_pixels=3071).cause == "size"
    )
    assert decode_compressed(format="", data=JPEG, max_pixels=3072).shape == (48, 64, 3)


@given(st.binary(max_size=300), st.sampled_from([b"", JPEG[:3], PNG[:8], JPEG[:200], PNG[:40]]))
def test_any_bytes_give_an_image_or_one_line(data: bytes, start: bytes) -> None:
    try:
        image = decode_compressed(format="", data=start + data, max_pixels=10_000)
    except ImageError as error:
        assert str(error).isprintable()
    else:
        assert image.shape[2] == 3


@given(st.integers(2, len(JPEG) - 1), st.integers(0, 255))
def test_a_changed_byte_gives_an_image_or_one_line(at: int, value: int) -> None:
    data = JPEG[:at] + bytes([value]) + JPEG[at + 1 :]
    try:
        image = decode_compressed(format="jpeg", data=data, max_pixels=10_000)
    except ImageError as error:
        assert str(error).isprintable()
    else:
        assert image.shape[0] * image.shape[1] <= 10_000


def test_encoding_keeps_colours_and_refuses_what_jpeg_cannot_hold() -> None:
    red = np.zeros((16, 16, 3), np.uint8)
    red[..., 0] = 255
    decoded = decode_compressed(format="jpeg", data=encode_jpeg(red, quality=95))
    assert np.abs(decoded.astype(int) - red).max() < 5
    assert len(encode_jpeg(picture(), quality=10)) < len(encode_jpeg(picture(), quality=95))
    error = image_refusal_of(encode_jpeg, image_rgb=np.zeros((1, 2**16, 3), np.uint8))
    assert error.cause == "size"


def chunk(kind: bytes, content: bytes = b"") -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)
