# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Picture files of every kind that is read, and what is refused before it is decoded."""

from __future__ import annotations

import functools
import struct
import zlib
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import strategies as st
from numpy.typing import NDArray

from vit_perception.images.picture_file import count_pictures, decode_picture
from vit_perception.images.raw import ImageError

from ..fuzzed_bytes import changed, changes, fuzz
from ..refusals import image_refusal_of
from .oriented import exif, plain, scene, tiff, turned, with_exif

SLOW = pytest.param(True, marks=pytest.mark.slow)
MAX_PIXELS = 4096


def encoded(suffix: str, image: NDArray[Any], *options: int) -> bytes:
    colours = image[..., ::-1] if image.ndim == 3 else image
    return bytes(cv2.imencode(suffix, colours, list(options))[1].tobytes())


def palette() -> NDArray[np.uint8]:
    """A picture of four colours, which GIF keeps."""
    colours = np.array([[0, 0, 0], [255, 0, 0], [0, 255, 0], [255, 255, 255]], np.uint8)
    return colours[np.random.default_rng(3).integers(0, 4, (20, 30))]


GIF = encoded(".gif", palette())


@functools.cache
def files() -> dict[str, bytes]:
    """Files of the kinds that topics do not carry, and some with orientation tags."""
    grey = scene()[..., 0]
    return {
        "bmp": encoded(".bmp", scene()),
        "bmp grey": encoded(".bmp", grey),
        "tiff": encoded(".tiff", scene()),
        "tiff plain": tiff(turned(scene(), 6), 6, ">"),
        "tiff deflate": encoded(".tiff", scene(), cv2.IMWRITE_TIFF_COMPRESSION, 8),
        "tiff deep": encoded(".tiff", scene().astype(np.uint16) * 257),
        "gif": GIF,
        "jpeg turned": with_exif("jpeg", plain("jpeg", scene()), exif(5)),
        "png turned": with_exif("png", plain("png", scene()), exif(8, ">")),
        "webp turned": with_exif("webp", plain("webp", scene()), exif(3)),
    }


def test_every_kind_is_exact() -> None:
    grey = scene()[..., 0]
    for kind in ("bmp", "tiff", "tiff plain", "tiff deflate", "tiff deep"):
        np.testing.assert_array_equal(decode_picture(files()[kind]), scene(), err_msg=kind)
    np.testing.assert_array_equal(
        decode_picture(files()["bmp grey"]), np.repeat(grey[..., None], 3, axis=2)
    )
    assert decode_picture(GIF).shape == (20, 30, 3)
    # OpenCV mixes neighbouring colours when it writes GIF.
    assert np.abs(decode_picture(GIF).astype(int) - palette()).mean() < 30


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
@pytest.mark.parametrize("bits", [10, 12, 14, 16])
def test_bits_in_use_are_measured(suffix: str, bits: int) -> None:
    white = 2**bits - 1
    stored = (scene().astype(np.float64) / 255 * white).round().astype(np.uint16)
    stored[0, 0] = white
    for pixels in (stored, stored[..., 0]):
        found = decode_picture(encoded(suffix, pixels))
        expected = np.round(pixels * (255 / white))
        np.testing.assert_array_equal(found, expected.reshape(32, 48, -1) + np.zeros(3))


@pytest.mark.parametrize("kind", ["bmp", "tiff", "tiff plain", "tiff deflate", "gif"])
def test_every_truncation_is_refused(kind: str) -> None:
    data = files()[kind]
    name = kind.split()[0]
    for end in range(8, len(data) - 20, 101):
        error = image_refusal_of(decode_picture, content=data[:end])
        assert str(error).startswith(f"{name} image: expected a whole file, found ")


def test_other_files_are_refused_by_their_first_bytes() -> None:
    for data, found in (
        (b"", "no data"),
        (b"\0\0\0\x1cftypheic", "data beginning with 00 00 00 1c"),
        # TIFF of 64 bits.
        (b"II+\0\x08\0\0\0", "data beginning with 49 49 2b 00"),
    ):
        error = image_refusal_of(decode_picture, content=data)
        assert str(error) == (
            "picture file: expected JPEG, PNG, WebP, BMP, TIFF or GIF data, found " + found
        )


def bmp(width: int, height: int, depth: int = 24) -> bytes:
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, depth, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 0, 0, 0, 54) + header + bytes(100)


def tags(**values: int) -> bytes:
    """A TIFF file of these tags, with one strip of no bytes."""
    numbers = {"w": 256, "h": 257, "bits": 258, "kind": 262, "samples": 277, "form": 339}
    numbers |= {"tile_w": 322, "tile_h": 323}
    entries = {273: 8, 279: 0, 324: 8, 325: 0} | {numbers[k]: v for k, v in values.items()}
    body = b"".join(struct.pack("<HHII", tag, 4, 1, entries[tag]) for tag in sorted(entries))
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + body + bytes(4)


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (bmp(8, 8, 7), "7 bits a pixel"),
        (bmp(-8, 8), "a width of -8"),
        (bmp(8, 8), "truncated data"),
        (b"BM" + bytes(24), "a header of 0 bytes"),
        (tags(w=8), "a picture of 8x0"),
        (tags(w=8, h=8, bits=32, samples=3), "channels of 32 bits"),
        (tags(w=8, h=8, bits=8, samples=5), "5 channels"),
        (tags(w=8, h=8, bits=16, form=2), "channels that are no unsigned integers"),
        (tags(w=8, h=8, bits=16, samples=4, kind=5), "16 bits a channel in colours of kind 5"),
        (tags(w=8, h=8, bits=8, tile_w=2**15, tile_h=2**15), f"tiles of {2**30} pixels"),
        (b"II*\0\x08\0\0\0", "no directory"),
        (b"II*\0\xff\xff\xff\xff", "no directory"),
        (GIF[:6] + struct.pack("<HH", 5, 5) + GIF[10:], "a picture beyond its canvas of 5x5"),
    ],
)
def test_forms_that_are_not_read_are_refused(data: bytes, found: str) -> None:
    error = image_refusal_of(decode_picture, content=data)
    assert str(error).endswith(f" image: expected a whole file, found {found}")


def test_sizes_are_refused_before_decoding() -> None:
    for kind, data in files().items():
        count = 600 if kind == "gif" else 1536
        assert image_refusal_of(decode_picture, content=data, max_pixels=count - 1).cause == "size"
        assert decode_picture(data, max_pixels=count).shape[2] == 3


def test_pictures_are_counted() -> None:
    assert [count_pictures(data) for data in files().values()] == [1] * len(files())
    frames = [palette()[..., ::-1]] * 3
    tiffs = cv2.imencodemulti(".tiff", frames)[1].tobytes()
    assert count_pictures(tiffs) == 3
    first_image = GIF.index(b"\x2c", 13)
    # The block of a picture, twice more.
    assert count_pictures(GIF[:-1] + GIF[first_image:-1] * 2 + GIF[-1:]) == 3
    chunk = b"acTL" + struct.pack(">II", 7, 0)
    whole = struct.pack(">I", 8) + chunk + struct.pack(">I", zlib.crc32(chunk))
    png = plain("png", scene())
    assert count_pictures(png[:33] + whole + png[33:]) == 7
    # Pages that go round in a circle.
    ring = bytearray(tags(w=8, h=8))
    ring[-4:] = struct.pack("<I", 8)
    assert count_pictures(bytes(ring)) == 1


def check_file(case: tuple[str, Any]) -> None:
    kind, change = case
    data = changed(files()[kind], change)
    try:
        found = decode_picture(data, max_pixels=MAX_PIXELS)
        assert count_pictures(data) >= 1
    except ImageError as error:
        assert str(error).isprintable() and len(str(error)) < 800
        assert data != files()[kind]
        return
    assert found.dtype == np.uint8 and found.shape[2] == 3 and found.flags.c_contiguous
    assert found.shape[0] * found.shape[1] <= MAX_PIXELS


@pytest.mark.parametrize("slow", [False, SLOW])
def test_any_file(slow: bool) -> None:
    cases = st.tuples(st.sampled_from(sorted(files())), changes)
    fuzz(cases, check_file, 3000 if slow else 300)
