# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Writes videos."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from vit_perception.images.media import MediaError
from vit_perception.images.opencv_name import opencv_name
from vit_perception.output.write import new_file
from vit_perception.wording import shown_path

# Written to learn why a video is incomplete: OpenCV does not say it. More than its buffers hold.
_PROBE = bytes(2**20)
# The standard's 13 bits, made even.
_MAX_SIDE = 8190


class VideoWriter:
    """An MP4 file (MPEG-4 part 2, which every player opens), begun with the first frame.

    It gets its name at the end, when it can be read and has all frames. If the block raises,
    nothing stays.

    Attributes:
        path: of the file.
        rate: frames per second.
        count: frames written so far.

    Raises:
        OutputError: on the first frame or at the end: the file cannot be written.
        MediaError: OpenCV has no MP4 encoder, or it leaves out frames.
    """

    def __init__(self, path: Path, rate: float) -> None:
        """Takes the name of the file and its frames per second."""
        self.path = path
        self.rate = rate
        self.count = 0
        # 1 while a frame is written: Ctrl-C may come when it is, and before it is counted.
        self._in_hand = 0
        self._stack = ExitStack()
        self._partial = path
        self._writer: Any = None
        self._size = (0, 0)

    def write(self, image: npt.NDArray[np.uint8]) -> None:
        """Appends uint8 [H, W, 3] RGB; scales pictures of another size or above 8190 px."""
        if self._writer is None:
            self._open(image)
        height, width = image.shape[:2]
        if (width, height) != self._size:
            image = np.asarray(cv2.resize(image, self._size), np.uint8)
        image = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2BGR), np.uint8)
        self._in_hand = 1
        self._writer.write(image)
        self.count, self._in_hand = self.count + 1, 0

    def _open(self, image: npt.NDArray[np.uint8]) -> None:
        self._size = _size_for(*image.shape[:2])
        code = cv2.VideoWriter.fourcc(*"mp4v")
        with ExitStack() as stack:
            self._partial = stack.enter_context(new_file(self.path))
            with opencv_name(self._partial) as name:
                writer = cv2.VideoWriter(name, code, _rate_for(self.rate), self._size)
            if not writer.isOpened():
                self._probe()
                raise MediaError(
                    f"{shown_path(self.path)}: expected to write a video, found no MP4 encoder"
                )
            self._writer = writer
            self._stack = stack.pop_all()

    def __enter__(self) -> VideoWriter:
        """Returns the writer."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Finishes the file and looks at it, or removes it."""
        writer, self._writer = self._writer, None
        if writer is None:
            return
        writer.release()
        if kind is not None:
            self._stack.__exit__(kind, error, trace)
            return
        with self._stack:
            self._check()

    def _check(self) -> None:
        """Refuses an incomplete file: OpenCV ignores all errors of writing."""
        found = _frames_in(self._partial)
        # Without a frame there is nothing to read: interrupted within the first.
        if found and found in (self.count, self.count + self._in_hand):
            self.count = found
            return
        self._probe()
        raise MediaError(
            f"{shown_path(self.path)}: expected to write a video of {self.count} frames, found "
            f"{found} when reading it"
        )

    def _probe(self) -> None:
        """Raises the system's error if the file cannot be written."""
        with self._partial.open("ab") as file:
            file.write(_PROBE)


def _size_for(height: int, width: int) -> tuple[int, int]:
    """Returns width and height of the video: even, and as large as MPEG-4 part 2 has them."""
    scale = min(1.0, _MAX_SIDE / max(height, width))
    return max(2, int(width * scale) & ~1), max(2, int(height * scale) & ~1)


def _rate_for(rate: float) -> float:
    """Returns a rate that OpenCV can write as a fraction with terms of at most 16 bits."""
    places = 3 if rate < 65 else 2 if rate < 650 else 1
    return max(0.01, round(rate, places))


def _frames_in(path: Path) -> int:
    """Returns how many frames an MP4 file has; 0 if it cannot be read to its end."""
    with opencv_name(path) as name:
        video = cv2.VideoCapture(name)
    try:
        count = int(video.get(cv2.CAP_PROP_FRAME_COUNT))
        video.set(cv2.CAP_PROP_POS_FRAMES, count - 1)
        return count if video.grab() else 0
    finally:
        video.release()
