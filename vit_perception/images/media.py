# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures and videos in files: finding, reading and writing them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from vit_perception.frame import Frame
from vit_perception.images.compressed import encode_jpeg
from vit_perception.images.picture_file import decode_picture
from vit_perception.images.raw import DEFAULT_MAX_PIXELS, ImageError

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")
VIDEO_SUFFIXES = (".mp4", ".avi", ".mkv", ".mov", ".webm", ".m4v", ".mpg", ".mpeg")


class MediaError(ValueError):
    """A picture or video file cannot be used; names the file and what was found."""


@dataclass(frozen=True, slots=True)
class MediaFile:
    """A file and the name for its results.

    The name is relative to the searched folder, and unique in one run.
    """

    path: Path
    name: str

    @property
    def is_video(self) -> bool:
        """Whether the suffix is that of a video."""
        return self.path.suffix.lower() in VIDEO_SUFFIXES


def find_media(paths: Sequence[Path | str]) -> list[MediaFile]:
    """Lists files in the order given; folders are searched, sorted by name.

    A file given by name may have any suffix; in folders only known suffixes are taken.

    Raises:
        MediaError: a path does not exist, or nothing was found.
    """
    found: list[MediaFile] = []
    seen: set[Path] = set()
    names: set[str] = set()
    for given in map(Path, paths):
        if not given.exists():
            raise MediaError(f"{given}: expected a picture, video or folder, found nothing")
        for path in _files_of(given):
            if path.resolve() in seen:
                continue
            seen.add(path.resolve())
            name = path.relative_to(given).as_posix() if given.is_dir() else path.name
            found.append(MediaFile(path, _unique(name, names)))
    if not found:
        suffixes = " ".join(IMAGE_SUFFIXES + VIDEO_SUFFIXES)
        listed = ", ".join(str(path) for path in paths)
        raise MediaError(f"{listed}: expected pictures or videos ({suffixes}), found none")
    return found


def read_picture(path: Path) -> Frame:
    """Reads a picture file, turned upright as its orientation tag says; see `decode_picture`.

    Raises:
        MediaError: the file is unreadable or no picture.
    """
    try:
        return Frame(decode_picture(path.read_bytes()))
    except OSError as error:
        raise MediaError(f"{path}: expected a picture, found {error.strerror}") from error
    except ImageError as error:
        raise MediaError(f"{path}: expected a picture, found {error}") from error


def write_picture(path: Path, image: npt.NDArray[np.uint8]) -> None:
    """Writes uint8 [H, W, 3] RGB as PNG or JPEG, by suffix; makes missing folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix.lower() == ".png":
        done, data = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        if not done:
            raise MediaError(f"{path}: expected to write a PNG, found an encoder that refuses")
        path.write_bytes(data.tobytes())
    else:
        path.write_bytes(encode_jpeg(image, quality=92))


class VideoReader:
    """The frames of a video file, in order.

    Attributes:
        rate: frames per second as the file says; 25 if it does not.
        count: number of frames as the file says; 0 if it does not.

    Raises:
        MediaError: on opening, if OpenCV cannot read a video from the file.
    """

    def __init__(self, path: Path) -> None:
        """Opens the file."""
        self.path = path
        # FFmpeg's own messages do not name the file; the errors below do.
        os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
        self._capture = cv2.VideoCapture(str(path))
        if not self._capture.isOpened():
            raise MediaError(f"{path}: expected a video, found nothing that OpenCV can decode")
        width = int(self._capture.get(cv2.CAP_PROP_FRAME_WIDTH))
        height = int(self._capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
        if width * height > DEFAULT_MAX_PIXELS:
            raise MediaError(
                f"{path}: expected at most {DEFAULT_MAX_PIXELS} pixels, found {width}x{height}"
            )
        rate = float(self._capture.get(cv2.CAP_PROP_FPS))
        self.rate = rate if 0 < rate < 1000 else 25.0
        self.count = max(0, int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT)))

    def __iter__(self) -> Iterator[Frame]:
        """Yields the frames; their stamps are nanoseconds from 0."""
        index = 0
        while True:
            more, image = self._capture.read()
            if not more:
                return
            stamp = round(index * 1e9 / self.rate)
            yield Frame(np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8), stamp)
            index += 1

    def __enter__(self) -> VideoReader:
        """Returns the open video."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Closes the file."""
        self._capture.release()


class VideoWriter:
    """An MP4 file (MPEG-4 part 2, which every player opens), created with the first frame.

    Raises:
        MediaError: on the first frame, if OpenCV has no MP4 encoder.
    """

    def __init__(self, path: Path, rate: float) -> None:
        """Takes the name of the file and its frames per second."""
        self.path = path
        self.rate = rate
        self._writer: Any = None
        self._size = (0, 0)

    def write(self, image: npt.NDArray[np.uint8]) -> None:
        """Appends uint8 [H, W, 3] RGB; pictures of another size than the first are scaled."""
        if self._writer is None:
            self._open(image)
        height, width = image.shape[:2]
        if (width, height) != self._size:
            image = np.asarray(cv2.resize(image, self._size), np.uint8)
        self._writer.write(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))

    def _open(self, image: npt.NDArray[np.uint8]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # The codec takes even sizes only.
        self._size = (max(2, image.shape[1] & ~1), max(2, image.shape[0] & ~1))
        code = cv2.VideoWriter.fourcc(*"mp4v")
        self._writer = cv2.VideoWriter(str(self.path), code, self.rate, self._size)
        if not self._writer.isOpened():
            raise MediaError(f"{self.path}: expected to write a video, found no MP4 encoder")

    def __enter__(self) -> VideoWriter:
        """Returns the writer."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Finishes the file."""
        if self._writer is not None:
            self._writer.release()


def _files_of(given: Path) -> list[Path]:
    if not given.is_dir():
        return [given]
    known = IMAGE_SUFFIXES + VIDEO_SUFFIXES
    return sorted(p for p in given.rglob("*") if p.is_file() and p.suffix.lower() in known)


def _unique(name: str, names: set[str]) -> str:
    unique, number = name, 2
    while unique in names:
        plain = Path(name)
        unique = plain.with_name(f"{plain.stem}_{number}{plain.suffix}").as_posix()
        number += 1
    names.add(unique)
    return unique
