# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Picture files are seen upright, whatever their orientation tag; messages as they are stored."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vit_perception.images.compressed import decode_compressed
from vit_perception.images.media import read_picture, write_picture
from vit_perception.images.orientation import orientation_of, upright
from vit_perception.images.picture_file import decode_picture

from .oriented import KINDS, SUFFIXES, encoded, exif, plain, scene, tiff, turned, with_exif


def assert_shows(found: np.ndarray, expected: np.ndarray, kind: str) -> None:
    assert found.shape == expected.shape
    # JPEG halves its colours.
    assert np.abs(found.astype(int) - expected).mean() <= (3 if kind == "jpeg" else 0)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", KINDS)
def test_files_are_turned_upright(kind: str, orientation: int, order: str, tmp_path: Path) -> None:
    path = tmp_path / f"picture{SUFFIXES[kind]}"
    path.write_bytes(encoded(kind, turned(scene(), orientation), orientation, order))
    assert_shows(read_picture(path).image, scene(), kind)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["jpeg", "png", "webp"])
def test_messages_are_not_turned(kind: str, orientation: int) -> None:
    """camera_info belongs to the stored pixels."""
    stored = turned(scene(), orientation)
    assert_shows(
        decode_compressed(format=kind, data=encoded(kind, stored, orientation)), stored, kind
    )


def test_what_is_written_is_upright_without_a_tag(tmp_path: Path) -> None:
    image = upright(turned(scene(), 6), 6)
    for name, kind in (("a.png", "png"), ("a.jpg", "jpeg")):
        write_picture(tmp_path / name, image)
        data = (tmp_path / name).read_bytes()
        assert b"Exif" not in data and b"eXIf" not in data
        assert_shows(read_picture(tmp_path / name).image, scene(), kind)


def test_a_tag_behind_the_pixels_of_a_png_counts() -> None:
    data = plain("png", turned(scene(), 8))
    moved = with_exif("png", data, exif(8))
    chunk = moved[33 : 33 + len(moved) - len(data)]
    np.testing.assert_array_equal(decode_picture(data[:-12] + chunk + data[-12:]), scene())


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"II*\0",
        exif(0),
        exif(9),
        exif(65535),
        # A LONG, a BYTE, a list, an endless list, values far behind the end.
        exif(6, kind=4),
        exif(6, kind=1),
        exif(6, count=2),
        exif(6, count=2**32 - 1),
        b"II*\0" + struct.pack("<I", 2**32 - 1),
        b"II*\0" + struct.pack("<I", 0),
        b"II*\0" + struct.pack("<IH", 8, 65535) + bytes(100),
        # A directory that is its own next.
        b"II*\0" + struct.pack("<IHHHII", 8, 1, 0x0100, 3, 1, 7) + struct.pack("<I", 8),
        b"II+\0" + exif(6)[4:],
        exif(6)[:15],
    ],
)
@pytest.mark.parametrize("kind", ["jpeg", "png", "webp"])
def test_impossible_tags_are_ignored(kind: str, content: bytes) -> None:
    data = with_exif(kind, plain(kind, scene()), content)
    assert_shows(decode_picture(data), scene(), kind)


@given(st.binary(max_size=60), st.sampled_from([b"", b"II*\0\x08\0\0\0", exif(6), exif(3, ">")]))
def test_any_tag_gives_a_picture(content: bytes, start: bytes) -> None:
    shown = {upright(scene(), each).tobytes() for each in range(1, 9)}
    data = with_exif("png", plain("png", scene()), start + content)
    assert decode_picture(data).tobytes() in shown
    assert orientation_of("jpeg", b"\xff\xd8" + content) in range(1, 9)
    assert orientation_of("webp", plain("webp", scene())[:12] + content) in range(1, 9)
    assert orientation_of("tiff", start + content) in range(1, 9)


def test_a_tiff_file_with_an_impossible_orientation_is_read_as_stored() -> None:
    for orientation in (0, 9, 65535):
        np.testing.assert_array_equal(decode_picture(tiff(scene(), orientation)), scene())
