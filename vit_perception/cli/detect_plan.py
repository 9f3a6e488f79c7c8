# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Where `detect` writes what, decided before anything is written."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from vit_perception.images.media import copy_suffix
from vit_perception.images.search import ANNOTATED, RUN, MediaFile
from vit_perception.input.json_file import read_large_json
from vit_perception.output.failure import OutputError
from vit_perception.output.input_files import refuse_inputs
from vit_perception.output.write import try_writing
from vit_perception.wording import shown_path

DETECTIONS = "detections.json"

_NAME_BYTES = 255
_MAX_RUN_BYTES = 2**30
_KEYS = {"finished", "frames", "bundle", "vocabulary"}


class Job(NamedTuple):
    """A file to look at, and the name of its annotated copy below the folder `annotated`."""

    file: MediaFile
    copy: str

    @property
    def is_renamed(self) -> bool:
        """Whether the copy has another name because its own is taken or too long."""
        return self.copy != _plain_name(self.file)


def plan(files: Iterable[MediaFile]) -> tuple[Job, ...]:
    """Returns a job for each file; no two have one copy, on any file system."""
    names = _Names()
    return tuple(Job(file, names.take(_plain_name(file))) for file in files)


def check(jobs: Sequence[Job], out: Path) -> frozenset[str]:
    """Refuses to write over what no run of `detect` has written; changes nothing.

    Returns:
        The copies of earlier runs in `annotated`, this run's among them or not.

    Raises:
        OutputError: an output is an input or another's file, or cannot be written.
        InputError: run.json cannot be read.
    """
    annotated = out / ANNOTATED
    copies = [annotated / job.copy for job in jobs]
    refuse_inputs([out / DETECTIONS, out / RUN, *copies], [job.file.path for job in jobs])
    earlier = _earlier_copies(out)
    for job, copy in zip(jobs, copies, strict=True):
        _refuse_place(copy, annotated, is_ours=job.copy in earlier)
    for path in (out / DETECTIONS, out / RUN, *copies[:1]):
        try_writing(path)
    return earlier


def _earlier_copies(out: Path) -> frozenset[str]:
    run, annotated = out / RUN, out / ANNOTATED
    if not run.exists():
        for path, is_taken in (
            (annotated, annotated.is_dir() and any(annotated.iterdir())),
            (out / DETECTIONS, (out / DETECTIONS).exists()),
        ):
            if is_taken:
                raise OutputError(
                    f"{shown_path(path)}: expected what an earlier run wrote, with {RUN} beside "
                    f"it, found none; choose another folder"
                )
        return frozenset()
    about: Any = read_large_json(run, _MAX_RUN_BYTES)
    if not isinstance(about, dict) or not about.keys() >= _KEYS:
        raise OutputError(
            f"{shown_path(run)}: expected the file of an earlier run, found another; choose "
            f"another folder"
        )
    if "copies" not in about:  # of version 0.2
        return frozenset(
            path.relative_to(annotated).as_posix()
            for path in annotated.rglob("*")
            if path.is_file() and not path.is_symlink()
        )
    copies, before = about["copies"], about.get("earlier_copies", [])
    if not isinstance(copies, dict) or not isinstance(before, list):
        raise OutputError(f"{shown_path(run)}: expected copies, found other values")
    return frozenset(name for name in (*copies.values(), *before) if isinstance(name, str))


def _refuse_place(copy: Path, annotated: Path, *, is_ours: bool) -> None:
    """Refuses a copy whose place is taken, by a file, or by one where a folder is needed."""
    for folder in copy.parents:
        if folder == annotated:
            break
        if os.path.lexists(folder) and not folder.is_dir():
            raise OutputError(f"{shown_path(folder)}: expected a folder, found a file")
    if not os.path.lexists(copy):
        return
    found = "a link" if copy.is_symlink() else "a folder" if copy.is_dir() else "another file"
    if not is_ours or found != "another file":
        raise OutputError(
            f"{shown_path(copy)}: expected nothing or a copy that an earlier run wrote, found "
            f"{found}"
        )


def _plain_name(file: MediaFile) -> str:
    if file.is_video:
        return file.name + ("" if file.path.suffix == ".mp4" else ".mp4")
    return file.name + copy_suffix(file.path)


class _Names:
    """Gives out names that differ in more than case and the form of their accents."""

    def __init__(self) -> None:
        self._files: set[str] = set()
        self._folders: set[str] = set()

    def take(self, name: str) -> str:
        *above, last = PurePosixPath(name).parts
        folder = PurePosixPath()
        for part in above:
            folder = _free(folder, part, self._files)
            self._folders.add(_key(folder))
        path = _free(folder, last, self._files, self._folders)
        self._files.add(_key(path))
        return str(path)


def _free(folder: PurePosixPath, part: str, *taken: set[str]) -> PurePosixPath:
    number = 1
    while any(_key(path := folder / _numbered(part, number)) in names for names in taken):
        number += 1
    return path


def _numbered(part: str, number: int) -> str:
    """Returns "a.png", then "a_2.png"; a name that is too long for a file is cut."""
    plain = PurePosixPath(part)
    ending = plain.suffix if number == 1 else f"_{number}{plain.suffix}"
    stem = plain.stem
    while stem and len(os.fsencode(stem + ending)) > _NAME_BYTES:
        stem = stem[:-1]
    return stem + ending


def _key(path: PurePosixPath) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", str(path)).casefold())
