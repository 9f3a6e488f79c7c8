# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Videos that would hang the reader, open other files, or announce what they do not have."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from test.input.places import NO_FILES
from test.refusals import refusal_of
from vit_perception.images.media import MediaError, VideoReader, read_picture
from vit_perception.images.video_writer import VideoWriter


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "plain.mp4"
    with VideoWriter(path, 10) as writer:
        for value in range(5):
            writer.write(np.full((32, 32, 3), value * 20, np.uint8))
    return path


@pytest.mark.parametrize("kind", NO_FILES)
@pytest.mark.parametrize("read", [VideoReader, read_picture])
def test_what_is_no_regular_file_is_refused_at_once(
    tmp_path: Path, kind: str, read: type[VideoReader]
) -> None:
    path = tmp_path / "given.mp4"
    NO_FILES[kind](path)
    line = refusal_of(MediaError, lambda: read(path))
    assert line.startswith(f"{path}: expected a ")


@pytest.mark.parametrize(
    "text",
    [
        "ffconcat version 1.0\nfile 'plain.mp4'\nfile 'plain.mp4'\n",
        "ffconcat version 1.0\nfile 'plain.mp4'\n\0\1\2",
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nplain.mp4\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n",
    ],
)
def test_playlists_are_not_followed(video: Path, text: str) -> None:
    playlist = video.with_name("list.mp4")
    playlist.write_text(text)
    assert refusal_of(MediaError, lambda: VideoReader(playlist)).startswith(
        f"{playlist}: expected a video, found a text beginning with "
    )


def test_a_video_with_fewer_frames_than_it_announces_ends(video: Path) -> None:
    content = bytearray(video.read_bytes())
    # The number of samples of the first row of the table of times (ISO/IEC 14496-12, 8.6.1.2).
    struct.pack_into(">I", content, content.find(b"stts") + 12, 2**31 - 1)
    video.write_bytes(content)
    with VideoReader(video) as reader:
        assert reader.count == 2**31 - 1
        assert len(list(reader)) == 5


def test_a_picture_file_far_too_large_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.jpg"
    with path.open("wb") as file:
        file.truncate(2**40)
    assert refusal_of(MediaError, lambda: read_picture(path)) == (
        f"{path}: expected at most 1073741824 bytes, found more"
    )
