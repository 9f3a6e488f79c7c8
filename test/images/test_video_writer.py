# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A video is written whole or not at all, and under any name."""

from __future__ import annotations

import os
import resource
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vit_perception.images.media import MediaError, VideoReader
from vit_perception.images.video_writer import VideoWriter
from vit_perception.output.failure import OutputError

from ..output.killed import killed
from ..refusals import refusal_of
from ..small_disk import on_small_disk

_WRITE = """
import sys
import numpy as np
from pathlib import Path
from vit_perception.images.video_writer import VideoWriter
noise = np.random.default_rng(0).integers(0, 256, (100, 64, 96, 3)).astype(np.uint8)
"""


def noise(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 64, 96, 3)).astype(np.uint8)


def write(path: Path, count: int) -> None:
    with VideoWriter(path, rate=10) as video:
        for image in noise(count):
            video.write(image)


@pytest.mark.parametrize("size", ["12k", "100k"])
def test_a_full_disk_is_one_line_and_leaves_the_video_before(tmp_path: Path, size: str) -> None:
    disk = tmp_path / "disk"
    script = (
        _WRITE
        + f"""
from vit_perception.output.failure import OutputError
for count in (1, 100):
    try:
        with VideoWriter(Path({str(disk)!r}) / "a.mp4", 10) as video:
            for image in noise[:count]:
                video.write(image)
    except OutputError as error:
        print(error)
"""
    )
    outcome = on_small_disk(disk, size, "-c", script)
    assert outcome.stderr == ""
    assert outcome.stdout.splitlines() == [
        f"{disk}/a.mp4: expected to write here, found No space left on device"
    ]
    assert outcome.left == ("a.mp4",)


def test_a_limit_on_files_is_one_line(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        line = refusal_of(OutputError, lambda: write(tmp_path / "a.mp4", 100))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert line == f"{tmp_path}/a.mp4: expected to write here, found File too large"
    assert os.listdir(tmp_path) == []


def test_an_error_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), VideoWriter(tmp_path / "a.mp4", rate=10) as video:
        video.write(noise(1)[0])
        raise KeyboardInterrupt
    assert os.listdir(tmp_path) == []


def test_a_kill_leaves_no_half_video_and_the_next_writer_sweeps(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    killed(
        _WRITE
        + """
target = Path(sys.argv[1])
with VideoWriter(target, 10) as video:
    for image in noise[:50]:
        video.write(image)
    die()
""",
        path,
    )
    assert not path.exists()
    write(path, 2)
    assert os.listdir(tmp_path) == ["a.mp4"]


@pytest.mark.parametrize(
    "name", [b"a\xff.mp4", b"%03d.mp4", b"concat:a.mp4", b"a\x1b\n.mp4", b"a"]
)
def test_any_name_is_written_and_read(
    tmp_path: Path, name: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path(os.fsdecode(name))
    write(path.with_suffix(".mp4"), 3)
    with VideoReader(path.with_suffix(".mp4")) as video:
        assert len(list(video)) == 3
    assert os.listdir(tmp_path) == [str(path.with_suffix(".mp4"))]


@pytest.mark.parametrize("rate", [1e-5, 0.1, 23.976, 29.97002997, 99.999, 333.3333333, 999.9])
def test_any_rate_is_written_as_near_as_the_format_allows(tmp_path: Path, rate: float) -> None:
    with VideoWriter(tmp_path / "a.mp4", rate) as video:
        for image in noise(40):
            video.write(image)
    with VideoReader(tmp_path / "a.mp4") as found:
        assert found.rate == pytest.approx(max(rate, 0.01), rel=1e-3)
        assert len(list(found)) == 40


@pytest.mark.parametrize(
    ("shape", "written"),
    [((1, 1), (2, 2)), ((33, 47), (32, 46)), ((9000, 100), (8190, 90)), ((2, 70000), (2, 8190))],
)
def test_any_size_is_written(
    tmp_path: Path, shape: tuple[int, int], written: tuple[int, int]
) -> None:
    with VideoWriter(tmp_path / "a.mp4", rate=10) as video:
        video.write(np.zeros((*shape, 3), np.uint8))
    with VideoReader(tmp_path / "a.mp4") as found:
        assert [frame.image.shape[:2] for frame in found] == [written]


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    line = refusal_of(OutputError, lambda: write(tmp_path / "file" / "a.mp4", 1))
    assert line == f"{tmp_path}/file/a.mp4: expected to write here, found File exists"


def test_a_frame_that_is_written_and_not_yet_counted_is_kept(tmp_path: Path) -> None:
    """Python handles Ctrl-C when OpenCV has written the frame."""

    class Interrupted:
        def __init__(self, writer: Any) -> None:
            self._writer = writer

        def write(self, image: np.ndarray) -> None:
            self._writer.write(image)
            raise KeyboardInterrupt

        def release(self) -> None:
            self._writer.release()

    path = tmp_path / "a.mp4"
    image = np.zeros((48, 64, 3), np.uint8)
    with VideoWriter(path, 10) as video:
        video.write(image)
        video._writer = Interrupted(video._writer)
        with pytest.raises(KeyboardInterrupt):
            video.write(image)
    assert video.count == 2
    with VideoReader(path) as found:
        assert len(list(found)) == 2


def test_no_file_stays_without_a_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C came after the file was opened, before the first frame was written."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    image = np.zeros((48, 64, 3), np.uint8)
    with (
        pytest.raises(MediaError, match="expected to write a video of 0 frames, found 0"),
        VideoWriter(tmp_path / "a.mp4", 10) as video,
        monkeypatch.context() as patch,
    ):
        patch.setattr("cv2.cvtColor", interrupted)
        with pytest.raises(KeyboardInterrupt):
            video.write(image)
    assert os.listdir(tmp_path) == []
