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

from vit_perception.images.compressed import decode_compressed, encode_jpeg
from vit_perception.images.raw import ImageError

from ..refusals import image_refusal_of


def picture(height: int = 48, width: int = 64) -> NDArray[np.uint8]:
    coarse = np.random.default_rng(4).integers(0, 256, (5, 6, 3), np.uint8)
    return np.asarray(cv2.resize(coarse, (width, height)), np.uint8)


def encoded(suffix: str, image_bgr: NDArray[Any], *options: int) -> bytes:
    _, data = cv2.imencode(suffix, image_bgr, list(options))
    return data.tobytes()


def extended_webp() -> bytearray:
    """A WebP file with transparency, and so with the extended header of RFC 9649, 2.7.1."""
    with_alpha = np.concatenate([picture()[..., ::-1], np.full((48, 64, 1), 9, np.uint8)], axis=2)
    data = encoded(".webp", with_alpha, cv2.IMWRITE_WEBP_QUALITY, 90)
    assert data[12:16] == b"VP8X"
    return bytearray(data)


def riff(form: bytes, kind: bytes = b"", content: bytes = b"") -> bytes:
    body = form + (kind + struct.pack("<I", len(content)) + content if kind else b"")
    body += bytes(len(body) % 2)
    return b"RIFF" + struct.pack("<I", len(body)) + body


JPEG = encode_jpeg(picture())
PNG = encoded(".png", picture()[..., ::-1])
# OpenCV writes without loss from a quality of 101 on.
WEBP = encoded(".webp", picture()[..., ::-1], cv2.IMWRITE_WEBP_QUALITY, 101)
WEBP_LOSSY = encoded(".webp", picture()[..., ::-1], cv2.IMWRITE_WEBP_QUALITY, 90)


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


@pytest.mark.parametrize("name", ["webp", "", "jpeg"])
def test_webp(name: str) -> None:
    assert (WEBP[12:16], WEBP_LOSSY[12:16]) == (b"VP8L", b"VP8 ")
    np.testing.assert_array_equal(decode_compressed(format=name, data=WEBP), picture())
    lossy = decode_compressed(format=name, data=WEBP_LOSSY)
    assert np.abs(lossy.astype(int) - picture()).mean() < 8


def test_webp_with_an_extended_header() -> None:
    data = bytes(extended_webp())
    assert decode_compressed(format="webp", data=data).shape == (48, 64, 3)


def test_webp_on_a_canvas_of_another_size_or_moving_is_refused() -> None:
    """Decoders take memory for the canvas that the extended header announces."""
    larger, moving = extended_webp(), extended_webp()
    larger[24:30] = b"\xff" * 6
    moving[20] |= 2
    for data, found in (
        (larger, "a picture of 64x48 on another canvas"),
        (moving, "an animation"),
        (riff(b"WEBP", b"VP8X", bytes(9)), "truncated chunk"),
    ):
        error = image_refusal_of(decode_compressed, format="webp", data=bytes(data))
        assert str(error) == f"webp image: expected a whole file, found {found}"


def test_a_jpeg_of_endless_scans_is_refused() -> None:
    """Each scan makes a decoder go through all blocks again, for a dozen bytes."""
    progressive = encoded(".jpg", picture()[..., ::-1], cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
    last = progressive.rindex(b"\xff\xda")
    scan = progressive[last:-2]
    few = progressive[:-2] + scan * 50 + progressive[-2:]
    assert decode_compressed(format="jpeg", data=few).shape == (48, 64, 3)
    # A comment that looks like the end does not hide what comes behind it.
    comment = b"\xff\xfe\x00\x04\xff\xd9"
    many = progressive[:-2] + comment + scan * 100 + progressive[-2:]
    error = image_refusal_of(decode_compressed, format="jpeg", data=many)
    assert str(error) == "jpeg image: expected a whole file, found more than 100 scans"


def test_a_jpeg_without_a_scan_is_refused() -> None:
    frame = JPEG.index(b"\xff\xc0")
    length = 2 + int.from_bytes(JPEG[frame + 2 : frame + 4], "big")
    for data, found in (
        (JPEG[: frame + length] + b"\xff\xd9", "no scan"),
        (JPEG[:2] + b"\xff\xd9", "no frame header"),
    ):
        error = image_refusal_of(decode_compressed, format="jpeg", data=data)
        assert str(error) == f"jpeg image: expected a whole file, found {found}"


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (riff(b"WAVE"), "a RIFF file of b'WAVE'"),
        (riff(b"WEBP"), "no picture"),
        (riff(b"WEBP", b"ANIM", bytes(6)), "an animation"),
        (riff(b"WEBP", b"VP8 ", bytes(20)), "no key frame"),
        (riff(b"WEBP", b"VP8L", bytes(20)), "no lossless picture"),
        (riff(b"WEBP", b"VP8L", b"/"), "no lossless picture"),
    ],
)
def test_what_only_looks_like_webp_is_refused(data: bytes, found: str) -> None:
    error = image_refusal_of(decode_compressed, format="webp", data=data)
    assert str(error) == f"webp image: expected a whole file, found {found}"


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


VIDEO = (
    "video: let the camera send JPEG, or decode it before this node, e.g. "
    "'ros2 run image_transport republish ffmpeg raw'"
)
DEPTH = "depth: subscribe to the colour image"


@pytest.mark.parametrize(
    ("name", "data", "found"),
    [
        ("h264", JPEG, f"found 'h264', {VIDEO}"),
        ("h.264", JPEG, f"found 'h.264', {VIDEO}"),
        ("H265", b"\0\0\0\x01", f"found 'H265', {VIDEO}"),
        ("16UC1; compressedDepth png", PNG, f"found '16UC1; compressedDepth png', {DEPTH}"),
        ("32FC1; compressedDepth", PNG, f"found '32FC1; compressedDepth', {DEPTH}"),
        ("avif", b"\0\0\0\x1cftyp", "found 'avif' beginning with 00 00 00 1c"),
        ("jpeg", b"", "found 'jpeg' beginning with nothing"),
        ("", b"GIF89a", "found no format beginning with 47 49 46 38"),
        ("evil\nformat", b"\x00", r"found 'evil\nformat' beginning with 00"),
    ],
)
def test_other_formats_are_refused_by_name(name: str, data: bytes, found: str) -> None:
    error = image_refusal_of(decode_compressed, format=name, data=data)
    assert error.cause == "format"
    assert str(error) == f"compressed image: expected JPEG, PNG or WebP data, {found}"


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp"])
def test_every_truncation_is_refused(kind: str) -> None:
    data = {"jpeg": JPEG, "png": PNG, "webp": WEBP}[kind]
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
    for data in (JPEG, PNG, WEBP, WEBP_LOSSY):
        error = image_refusal_of(decode_compressed, format="", data=data, max_pixels=3071)
        assert error.cause == "size"
        assert decode_compressed(format="", data=data, max_pixels=3072).shape == (48, 64, 3)


@given(
    st.binary(max_size=300),
    st.sampled_from([b"", JPEG[:3], PNG[:8], WEBP[:12], JPEG[:200], PNG[:40], WEBP[:40]]),
)
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
