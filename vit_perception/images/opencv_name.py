# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The name of a video file as OpenCV takes it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import cv2

_LONG_SUFFIX = 8


@contextmanager
def opencv_name(path: Path) -> Iterator[str]:
    """Yields a name by which OpenCV opens exactly this file; it is needed only for opening.

    OpenCV crashes on names that are not UTF-8, takes `%` for the number in a series of pictures,
    and FFmpeg takes what stands before a colon for a protocol: such a file gets a link.

    Raises:
        OSError: there is no place for a temporary link.
    """
    _silence()
    name = os.path.abspath(path)
    if _is_plain(name):
        yield name
        return
    with tempfile.TemporaryDirectory(prefix="vit_perception_") as folder:
        is_usual = path.suffix.isascii() and path.suffix[1:].isalnum()
        suffix = path.suffix if is_usual and len(path.suffix) <= _LONG_SUFFIX else ""
        link = Path(folder) / f"video{suffix}"
        link.symlink_to(name)
        yield str(link)


def _is_plain(name: str) -> bool:
    return name.isprintable() and "%" not in name and ":" not in name


def _silence() -> None:
    """Switches off messages of OpenCV and FFmpeg, which do not name the file; our errors do."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    if "OPENCV_LOG_LEVEL" not in os.environ:
        with suppress(AttributeError):  # of old OpenCVs
            cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
