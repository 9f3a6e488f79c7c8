# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Finds pictures and videos in files and folders, and accounts for everything else."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vit_perception.images.media import JPEG_SUFFIXES, MediaError
from vit_perception.images.picture_file import kind_of
from vit_perception.wording import one_line, shown_path

IMAGE_SUFFIXES = (*JPEG_SUFFIXES, ".png", ".webp", ".bmp", ".dib", ".tif", ".tiff", ".gif")
VIDEO_SUFFIXES = (
    *(".mp4", ".avi", ".mkv", ".mov", ".webm", ".m4v", ".mpg", ".mpeg"),
    *(".wmv", ".flv", ".3gp", ".ogv", ".mts", ".m2ts"),
)
READ = "JPEG, PNG, WebP, BMP, TIFF, GIF or a video"
# Pictures and videos of these kinds are named, other files only counted.
_UNREAD_SUFFIXES = (
    *(".heic", ".heif", ".avif", ".jp2", ".j2k", ".jxl", ".svg", ".psd", ".xcf", ".ico", ".pcx"),
    *(".tga", ".exr", ".hdr", ".pnm", ".pbm", ".pgm", ".ppm", ".pfm", ".raw", ".dng", ".nef"),
    *(".cr2", ".cr3", ".arw", ".orf", ".rw2", ".raf", ".h264", ".h265", ".hevc", ".av1", ".mjpeg"),
)
# BMP's two letters may begin a text, and TIFF's four a camera's raw file.
_SURE_KINDS = ("jpeg", "png", "webp", "gif")
ANNOTATED = "annotated"
"""The folder of a run's annotated copies."""
RUN = "run.json"
"""The file beside that folder that tells of the run."""


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


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file or folder that is not used, and a line that says why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found.

    Attributes:
        files: pictures and videos.
        left_out: pictures, videos and folders that are not used.
        others: number of files of other kinds by suffix.
    """

    files: tuple[MediaFile, ...]
    left_out: tuple[LeftOut, ...]
    others: Mapping[str, int]


def find_media(paths: Sequence[Path | str], output: Path | None = None) -> Found:
    """Lists files in the order given; folders are searched, sorted by name.

    A file given by name may have any suffix. In folders a file is taken for its suffix, or for
    its first bytes. Links to folders are followed, each folder once.

    Args:
        paths: files and folders.
        output: folder of this run's results, whose annotated copies are left out. So are those
            of earlier runs, but where they are given by name.

    Raises:
        MediaError: a path does not exist, or nothing was found.
    """
    search = _Search(output)
    for given in map(Path, paths):
        search.take(given)
    if not search.files:
        listed = ", ".join(shown_path(str(path)) for path in paths)
        raise MediaError(
            f"{listed}: expected pictures or videos ({' '.join(IMAGE_SUFFIXES + VIDEO_SUFFIXES)}),"
            f" found {_in_short(search)}"
        )
    return Found(tuple(search.files), tuple(search.left_out), dict(search.others))


def listed_suffixes(others: Mapping[str, int]) -> str:
    """Returns "3 .txt, 1 without a suffix"."""
    return ", ".join(
        f"{count} {shown_path(suffix) if suffix else 'without a suffix'}"
        for suffix, count in sorted(others.items())
    )


class _Search:
    """Collects files; each file and each folder is taken once."""

    def __init__(self, output: Path | None) -> None:
        self.files: list[MediaFile] = []
        self.left_out: list[LeftOut] = []
        self.others: Counter[str] = Counter()
        self._own = (output / ANNOTATED).resolve() if output is not None else None
        self._names: set[str] = set()
        self._paths: dict[Path, Path] = {}
        self._folders: set[Path] = set()

    def take(self, given: Path) -> None:
        """Takes a file or folder that was given by name."""
        try:
            exists, is_folder = given.exists(), given.is_dir()
        except OSError as error:
            raise MediaError(
                f"{shown_path(given)}: expected a picture, video or folder, found {_reason(error)}"
            ) from error
        if not exists:
            raise MediaError(
                f"{shown_path(given)}: expected a picture, video or folder, found nothing"
            )
        if self._own is not None and given.resolve().is_relative_to(self._own):
            where = "the annotated copies of this run"
            self._leave(given, given.name, f"a place outside {where}", "one inside")
        elif is_folder:
            for path in sorted(self._below(given)):
                self._take_found(path, path.relative_to(given).as_posix())
        else:
            self._take_file(given, given.name)

    def _below(self, given: Path) -> list[Path]:
        """Returns everything below a folder that is no folder; links come after folders."""
        found: list[Path] = []
        folders, links = [given], list[Path]()
        while folders or links:
            folder = folders.pop() if folders else links.pop(0)
            name = folder.relative_to(given).as_posix() + "/"
            try:
                if not self._enters(folder, name, given):
                    continue
                entries = sorted(folder.iterdir())
            except (OSError, RuntimeError) as error:
                self._leave(folder, name, "a folder to search", _reason(error))
                continue
            for entry in entries:
                if not _is_folder(entry):
                    found.append(entry)
                else:
                    (links if entry.is_symlink() else folders).append(entry)
        return found

    def _enters(self, folder: Path, name: str, given: Path) -> bool:
        """Returns whether a folder is to be searched; says why not, but where it was already."""
        place = folder.resolve()
        if folder != given:
            left_out = ""
            if folder.is_symlink() and folder.parent.resolve().is_relative_to(place):
                left_out = "a link to a folder above it"
            elif folder.is_symlink() and place in self._folders:
                left_out = "a link to one searched already"
            elif place == self._own or _holds_copies(place):
                left_out = "the annotated copies of a run"
            if left_out:
                self._leave(folder, name, "a folder to search", left_out)
                return False
        if place in self._folders:
            return False
        self._folders.add(place)
        return True

    def _take_found(self, path: Path, name: str) -> None:
        """Takes a file of a folder if it is a picture or video."""
        suffix = path.suffix.lower()
        try:
            if not path.is_file():
                what = "a link to nothing" if path.is_symlink() else "no regular file"
                self._leave(path, name, "a file", what)
            elif suffix in IMAGE_SUFFIXES + VIDEO_SUFFIXES:
                self._take_file(path, name)
            elif suffix in _UNREAD_SUFFIXES:
                self._leave(path, name, READ, suffix)
            elif _is_picture(path):
                self._take_file(path, name)
            else:
                self.others[suffix] += 1
        except OSError as error:
            self._leave(path, name, READ, _reason(error))

    def _take_file(self, path: Path, name: str) -> None:
        if not path.is_file():
            self._leave(path, name, "a file", "no regular file")
            return
        absolute = Path(os.path.abspath(path))
        first = self._paths.setdefault(path.resolve(), absolute)
        if first is absolute:
            self.files.append(MediaFile(path, unique_name(name, self._names)))
        elif first != absolute:
            self._leave(path, name, "a file not read yet", f"the same as {shown_path(first)}")

    def _leave(self, path: Path, name: str, expected: str, found: str) -> None:
        reason = f"{shown_path(path)}: expected {expected}, found {found}"
        self.left_out.append(LeftOut(name, reason))


def unique_name(name: str, names: set[str]) -> str:
    """Returns the name, or with a number one that is not among `names`, and adds it to them."""
    unique, number = name, 2
    while unique in names:
        plain = Path(name)
        unique = plain.with_name(f"{plain.stem}_{number}{plain.suffix}").as_posix()
        number += 1
    names.add(unique)
    return unique


def _holds_copies(folder: Path) -> bool:
    return folder.name == ANNOTATED and (folder.parent / RUN).is_file()


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        # Why it cannot be read is said where it is taken for a file.
        return False


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or one_line(error)


def _is_picture(path: Path) -> bool:
    with path.open("rb") as file:
        start = file.read(16)
    kind = kind_of(start)
    return kind in _SURE_KINDS and (kind != "webp" or start[8:12] == b"WEBP")


def _in_short(search: _Search) -> str:
    parts = [each.reason for each in search.left_out[:3]]
    if len(search.left_out) > 3:
        parts.append(f"{len(search.left_out) - 3} more like these")
    if search.others:
        parts.append(f"files of other kinds ({listed_suffixes(search.others)})")
    return "; ".join(parts) or "none"
