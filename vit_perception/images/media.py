# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures and videos in files: reading both and writing pictures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import cv2
import numpy as np
import numpy.typing as npt

from vit_perception.frame import Frame
from vit_perception.images.compressed import encode_jpeg
from vit_perception.images.opencv_name import opencv_name
from vit_perception.images.picture_file import count_pictures, decode_picture
from vit_perception.images.raw import DEFAULT_MAX_PIXELS, ImageError
from vit_perception.input.file import InputError, open_file, read_file
from vit_perception.output.write import write
from vit_perception.wording import shown, shown_path

JPEG_SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".jif")
"""Suffixes of JPEG files."""
MAX_PICTURE_BYTES = 2**30
"""Twice what the largest picture takes that is read, at eight bytes a pixel."""

_START = 16
# The size behind RIFF may look like text.
_TEXT_LIKE = (b"RIFF", b"YUV4MPEG2")


class MediaError(ValueError):
    """A picture or video file cannot be used; names the file and what was found."""


def read_picture(path: Path) -> Frame:
    """Reads a picture file, turned upright as its orientation tag says; see `decode_picture`.

    Raises:
        MediaError: the file is unreadable or no picture.
    """
    try:
        return Frame(decode_picture(_content(path)))
    except ImageError as error:
        raise MediaError(f"{shown_path(path)}: expected a picture, found {error}") from error


def pictures_in(path: Path) -> int:
    """Returns the number of pictures in a file, of which `read_picture` reads the first.

    Raises:
        MediaError: the file is unreadable.
    """
    content = _content(path)
    return count_pictures(content)


def _content(path: Path) -> bytes:
    try:
        return read_file(path, MAX_PICTURE_BYTES)
    except InputError as error:
        raise MediaError(str(error)) from error


def copy_suffix(path: Path) -> str:
    """Returns what to append to a picture's name so that `write_picture` takes it; often ""."""
    suffix = path.suffix.lower()
    if suffix == ".png" or suffix in JPEG_SUFFIXES:
        return ""
    return ".jpg" if suffix == ".webp" else ".png"


def write_picture(path: Path, image: npt.NDArray[np.uint8]) -> None:
    """Writes uint8 [H, W, 3] RGB as PNG or JPEG, by suffix; makes missing folders.

    Raises:
        MediaError: another suffix, or too large for its format.
        OutputError: the file cannot be written.
    """
    suffix = path.suffix.lower()
    if suffix == ".png":
        done, encoded = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        if not done:
            raise MediaError(
                f"{shown_path(path)}: expected to write a PNG, found an encoder that refuses"
            )
        data = encoded.tobytes()
    elif suffix in JPEG_SUFFIXES:
        try:
            data = encode_jpeg(image, quality=92)
        except ImageError as error:
            raise MediaError(
                f"{shown_path(path)}: expected to write a JPEG, found {error}"
            ) from error
    else:
        raise MediaError(
            f"{shown_path(path)}: expected .png or .jpg to write, found {shown(suffix)}"
        )
    write(path, data)


class VideoReader:
    """The frames of a video file, in order, turned as its metadata say.

    Attributes:
        rate: frames per second as the file says; 25 if it does not.
        count: number of frames as the file says; 0 if it does not.

    Raises:
        MediaError: on opening, if OpenCV cannot read a video from the file.
    """

    def __init__(self, path: Path) -> None:
        """Opens the file."""
        self.path = path
        _check_video(path)
        with opencv_name(path) as name:
            self._capture = cv2.VideoCapture(name)
        # Not every build does so by itself.
        self._capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)
        # 4.6.0, which Ubuntu 24.04 has, takes clockwise for anticlockwise: opencv/opencv#22088.
        self._upside_down = cv2.__version__.startswith("4.6.") and self._capture.get(
            cv2.CAP_PROP_ORIENTATION_META
        ) in (90, 270)
        if not self._capture.isOpened():
            raise MediaError(
                f"{shown_path(path)}: expected a video, found nothing that OpenCV can decode"
            )
        width = int(self._capture.get(cv2.CAP_PROP_FRAME_WIDTH))
        height = int(self._capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
        self._check_size(width, height)
        rate = float(self._capture.get(cv2.CAP_PROP_FPS))
        self.rate = rate if 0 < rate < 1000 else 25.0
        count = float(self._capture.get(cv2.CAP_PROP_FRAME_COUNT))
        self.count = int(count) if 0 < count < 2**63 else 0

    def __iter__(self) -> Iterator[Frame]:
        """Yields the frames; their stamps are nanoseconds from 0.

        Raises:
            MediaError: a frame is too large.
        """
        index = 0
        while True:
            more, image = self._capture.read()
            if not more:
                return
            self._check_size(image.shape[1], image.shape[0])
            if self._upside_down:
                image = cv2.rotate(image, cv2.ROTATE_180)
            stamp = round(index * 1e9 / self.rate)
            yield Frame(np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8), stamp)
            index += 1

    def _check_size(self, width: int, height: int) -> None:
        if width * height > DEFAULT_MAX_PIXELS:
            raise MediaError(
                f"{shown_path(self.path)}: expected at most {DEFAULT_MAX_PIXELS} pixels, found "
                f"{width}x{height}"
            )

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


def _check_video(path: Path) -> None:
    """Refuses pipes and devices, which may never end, and what FFmpeg takes for a playlist.

    A playlist names other files, which FFmpeg would open.
    """
    try:
        with open_file(path) as file:
            start = file.read(_START)
    except InputError as error:
        raise MediaError(str(error)) from error
    is_text = start and all(byte in b"\t\n\r" or 32 <= byte < 127 for byte in start)
    if is_text and not start.startswith(_TEXT_LIKE):
        raise MediaError(
            f"{shown_path(path)}: expected a video, found a text beginning with {shown(start)}"
        )
