# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Writes files and folders beside their place and renames them when they are complete."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vit_perception.output.exchange import put_in_place, recover
from vit_perception.output.failure import OutputError, writing
from vit_perception.output.lock import sole_writer_of
from vit_perception.output.partial import partial_file, partial_folder
from vit_perception.wording import one_line, shown_path


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """Yields the name of an empty file to write; it becomes `path` if the block does not raise.

    Missing folders are made. The new name has the suffix of `path`.

    Raises:
        OutputError: `path` is no regular file, or it cannot be written.
    """
    target = _real(path)
    with writing(path, target):
        if target.exists() and not target.is_file():
            raise OutputError(f"{shown_path(path)}: expected a file, found something else")
        target.parent.mkdir(parents=True, exist_ok=True)
        with partial_file(target) as partial, writing(path, partial):
            yield partial
            partial.replace(target)


def write(path: Path, data: bytes) -> None:
    """Writes a file as a whole, or straight into a device or pipe; makes missing folders.

    Raises:
        OutputError: it cannot be written.
    """
    if _is_device(path):
        with writing(path):
            path.write_bytes(data)
        return
    write_file(path, data)


def write_file(path: Path, data: bytes) -> None:
    """Writes a regular file as a whole; makes missing folders.

    Raises:
        OutputError: it cannot be written, or a device or pipe is there, which might block.
    """
    with new_file(path) as partial:
        partial.write_bytes(data)


def try_writing(path: Path) -> None:
    """Refuses a file that could not be written, before the work that makes its content.

    Raises:
        OutputError: it cannot be written.
    """
    if _is_device(path):
        return
    target = _real(path)
    with writing(path, target):
        if target.is_dir():
            raise OutputError(f"{shown_path(path)}: expected a file, found a folder")
        tried = next(each for each in target.parents if each.exists()) / target.name
        with writing(path, tried), partial_file(tried):
            pass


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yields an empty folder to fill; it takes the place of `path` if the block does not raise.

    The block has the destination for itself. Where the system can exchange two folders in one
    step, `path` is the old or the new folder at every moment.

    Raises:
        OutputError: another process writes it, or it cannot be written.
    """
    target = _replaceable(path)
    with sole_writer_of(target), writing(path, target):
        recover(target)
        with partial_folder(target) as scratch, writing(path, scratch):
            new = scratch / "new"
            new.mkdir()
            yield new
            _to_disk(new)
            put_in_place(new, target)


def try_new_folder(path: Path) -> None:
    """Refuses a folder that `new_folder` could not write, before the work that makes its content.

    Raises:
        OutputError: it cannot be written.
    """
    target = _replaceable(path)
    with writing(path, target):
        place = next(each for each in target.parents if each.exists())
        with writing(path, place), partial_folder(place / target.name):
            pass
        # Its entry for the folder above changes when it gives way to the new one.
        if target.exists() and not os.access(target, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(target))


def _replaceable(path: Path) -> Path:
    target = _real(path)
    if Path.cwd().is_relative_to(target):
        raise OutputError(
            f"{shown_path(path)}: expected a folder to replace, found the current one"
        )
    if os.path.ismount(target):
        raise OutputError(
            f"{shown_path(path)}: expected a folder to replace, found a file system of its own"
        )
    return target


def _is_device(path: Path) -> bool:
    with writing(path):
        return path.exists() and not path.is_file() and not path.is_dir()


def _real(path: Path) -> Path:
    """Returns what a link points to: that is replaced, not the link."""
    try:
        return path.resolve()
    except (OSError, RuntimeError) as error:
        raise OutputError(
            f"{shown_path(path)}: expected a path to write, found {one_line(error)}"
        ) from error


def _to_disk(folder: Path) -> None:
    """Waits until the content is on the disk, before the old folder gives way to it."""
    for path in (*folder.rglob("*"), folder):
        hold = os.open(path, os.O_RDONLY)
        try:
            os.fsync(hold)
        finally:
            os.close(hold)
