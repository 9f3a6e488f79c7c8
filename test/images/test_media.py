# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vit_perception.images.compressed import encode_jpeg
from vit_perception.images.media import (
    MediaError,
    VideoReader,
    VideoWriter,
    find_media,
    read_picture,
    write_picture,
)


def flat(value: int, height: int = 32, width: int = 48) -> np.ndarray:
    return np.full((height, width, 3), value, np.uint8)


def test_folders_are_searched_and_names_stay_apart(tmp_path: Path) -> None:
    for name in ("a/x.jpg", "a/deep/x.png", "a/notes.txt", "b/x.jpg"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    found = find_media([tmp_path / "a", tmp_path / "b", tmp_path / "a" / "x.jpg"])
    assert [(f.path.relative_to(tmp_path).as_posix(), f.name) for f in found] == [
        ("a/deep/x.png", "deep/x.png"),
        ("a/x.jpg", "x.jpg"),
        ("b/x.jpg", "x_2.jpg"),
    ]


def test_absent_paths_and_empty_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"absent\.jpg: expected a picture, video or folder"):
        find_media([tmp_path / "absent.jpg"])
    with pytest.raises(MediaError, match="expected pictures or videos"):
        find_media([tmp_path])


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
