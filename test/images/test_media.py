# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from vit_perception.images.compressed import encode_jpeg
from vit_perception.images.media import (
    MediaError,
    VideoReader,
    read_picture,
    write_picture,
)
from vit_perception.images.video_writer import VideoWriter
from vit_perception.output.failure import OutputError


def flat(value: int, height: int = 32, width: int = 48) -> np.ndarray:
    return np.full((height, width, 3), value, np.uint8)


def test_pictures_come_back_whatever_their_suffix_says(tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3)).astype(np.uint8)
    write_picture(tmp_path / "new" / "a.png", image)
    np.testing.assert_array_equal(read_picture(tmp_path / "new" / "a.png").image, image)
    (tmp_path / "b.png").write_bytes(encode_jpeg(flat(100)))
    assert abs(int(read_picture(tmp_path / "b.png").image.mean()) - 100) <= 2


@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n" + bytes(9), b"hello"])
def test_broken_pictures_are_named_in_one_line(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "broken.jpg"
    path.write_bytes(data)
    with pytest.raises(MediaError) as caught:
        read_picture(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_video_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "out" / "clip.mp4"
    with VideoWriter(path, rate=20) as writer:
        for index in range(5):
            writer.write(flat(40 * index))
        writer.write(flat(10, height=64, width=96))
    with VideoReader(path) as video:
        frames = list(video)
        assert video.rate == 20
        assert video.count == 6
    assert [round(frame.image.mean() / 40) for frame in frames] == [0, 1, 2, 3, 4, 0]
    assert {frame.image.shape for frame in frames} == {(32, 48, 3)}
    assert frames[1].stamp - frames[0].stamp == 50_000_000


def test_odd_sizes_are_made_even(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "clip.mp4", rate=10) as writer:
        writer.write(flat(200, height=33, width=47))
    with VideoReader(tmp_path / "clip.mp4") as video:
        assert [frame.image.shape for frame in video] == [(32, 46, 3)]


def test_no_video_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"no video")
    with pytest.raises(MediaError, match=r"clip\.mp4: expected a video"):
        VideoReader(path)


def test_what_cannot_be_written_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for kind, name, image in (
        (MediaError, "a.webp", flat(1)),
        (MediaError, "wide.jpg", flat(1, height=1, width=65536)),
        (OutputError, "file/a.png", flat(1)),
        (OutputError, "n" * 300 + ".png", flat(1)),
    ):
        with pytest.raises(kind, match="expected") as caught:
            write_picture(tmp_path / name, image)
        assert "\n" not in str(caught.value)


def clip(path: Path, turn: int) -> None:
    """A video whose metadata turn it by `turn` degrees, clockwise: the matrix of its track.

    ISO/IEC 14496-12, 8.3.2.
    """
    with VideoWriter(path, rate=10) as writer:
        for _ in range(2):
            image = flat(0, height=64, width=96)
            image[:32, :48] = 255
            writer.write(image)
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40
    cosine, sine = {0: (1, 0), 90: (0, 1), 180: (-1, 0), 270: (0, -1)}[turn]
    one = 1 << 16
    turned = (cosine * one, sine * one, 0, -sine * one, cosine * one, 0, 0, 0, 1 << 30)
    assert struct.unpack_from(">9i", data, at) == (one, 0, 0, 0, one, 0, 0, 0, 1 << 30)
    struct.pack_into(">9i", data, at, *turned)
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("turn", "shape", "corner"),
    [
        (0, (64, 96), (0, 0)),
        (90, (96, 64), (0, 1)),
        (180, (64, 96), (1, 1)),
        (270, (96, 64), (1, 0)),
    ],
)
def test_videos_are_turned_as_their_metadata_say(
    tmp_path: Path, turn: int, shape: tuple[int, int], corner: tuple[int, int]
) -> None:
    clip(tmp_path / "clip.mp4", turn)
    with VideoReader(tmp_path / "clip.mp4") as video:
        frames = [frame.image for frame in video]
    assert [frame.shape[:2] for frame in frames] == [shape] * 2
    height, width = shape
    quarters = frames[0].reshape(2, height // 2, 2, width // 2, 3).mean(axis=(1, 3, 4))
    assert np.unravel_index(quarters.argmax(), (2, 2)) == corner
    assert quarters.max() > 240 and np.sort(quarters.ravel())[2] < 15
