# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""One writer at a time for a folder."""

from __future__ import annotations

import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vit_perception.output.failure import OutputError, hidden_name, writing
from vit_perception.wording import shown_path

PATIENCE = 3.0
"""Seconds to wait for a writer that is about to end, such as the workers of a killed one."""
_PAUSE = 0.05
# A link might lead to a file of the user, and a pipe might block.
_FLAGS = os.O_NOFOLLOW | os.O_NONBLOCK


@contextmanager
def sole_writer_in(folder: Path) -> Iterator[None]:
    """Makes a folder if it is absent, and holds it while its files are written in place.

    Raises:
        OutputError: another process writes there, the folder cannot be made, or it was moved or
            deleted meanwhile.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    lock = folder / ".lock"
    with _held(lock, folder) as hold:
        yield
        # What was written earlier has gone, and later files have made a new folder.
        if not _is_in_place(hold, lock):
            raise OutputError(
                f"{shown_path(folder)}: expected the folder to stay until the end, found it or "
                f"its {lock.name} moved or deleted: files may be missing"
            )


@contextmanager
def sole_writer_of(target: Path) -> Iterator[None]:
    """Holds the name of a file or folder that will be renamed into its place.

    Raises:
        OutputError: another process writes it, or the folder above cannot be made.
    """
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
    with _held(hidden_name(target, "lock"), target):
        yield


@contextmanager
def _held(lock: Path, target: Path) -> Iterator[int]:
    hold = _taken(lock, target)
    try:
        yield hold
    finally:
        # Removed while it is held: who waits for this file finds it gone and makes a new one.
        if _is_in_place(hold, lock):
            with suppress(OSError):
                lock.unlink()
        os.close(hold)


def _taken(lock: Path, target: Path) -> int:
    deadline = time.monotonic() + PATIENCE
    while True:
        hold, is_ours = _opened(lock, target)
        try:
            if not _is_mine(hold, lock, target):
                holder = os.pread(hold, 20, 0).decode("ascii", "replace").strip()
            elif is_ours:
                _sign(hold, lock, target)
                return hold
            else:  # left by a killed process of another user
                with writing(target, lock):
                    lock.unlink()
                holder = ""
        except BaseException:
            os.close(hold)
            raise
        os.close(hold)
        if time.monotonic() > deadline:
            found = f"process {holder} writing" if holder.isdigit() else "another process writing"
            raise OutputError(f"{shown_path(target)}: expected one writer, found {found} there")
        time.sleep(_PAUSE)


def _opened(lock: Path, target: Path) -> tuple[int, bool]:
    """Opens a lock, which is made if it is absent; returns whether it can be signed too.

    Raises:
        OutputError: no writer made what is there, or the system refuses.
    """
    with suppress(OSError):
        if not stat.S_ISREG(os.lstat(lock).st_mode):
            raise _no_lock(lock, "no regular file")
    with writing(target, lock):
        try:
            hold, is_ours = os.open(lock, os.O_CREAT | os.O_RDWR | _FLAGS, 0o666), True
        except PermissionError as error:
            try:
                hold, is_ours = os.open(lock, os.O_RDONLY | _FLAGS), False
            except OSError:  # it is absent, and so may the right to make it be
                raise error from None
    content = os.pread(hold, 20, 0).strip(b"\0") if stat.S_ISREG(os.fstat(hold).st_mode) else b""
    if content and not content.isdigit():
        os.close(hold)
        raise _no_lock(lock, "another file")
    return hold, is_ours


def _no_lock(lock: Path, found: str) -> OutputError:
    return OutputError(
        f"{shown_path(lock)}: expected nothing or a file that an earlier run left, found {found}"
    )


def _sign(hold: int, lock: Path, target: Path) -> None:
    """Writes who holds a lock, for those who wait; it is removed if the disk is full."""
    try:
        with writing(target, lock):
            os.ftruncate(hold, 0)
            os.write(hold, str(os.getpid()).encode())
    except BaseException:
        with suppress(OSError):
            lock.unlink()
        raise


def _is_mine(hold: int, lock: Path, target: Path) -> bool:
    """Takes the lock if it is free; False too if its file was removed meanwhile."""
    try:
        fcntl.flock(hold, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        with suppress(OSError):
            lock.unlink()  # nobody can hold it
        raise OutputError(
            f"{shown_path(target)}: expected a file system with locks, found {error.strerror}"
        ) from error
    return _is_in_place(hold, lock)


def _is_in_place(hold: int, lock: Path) -> bool:
    with suppress(OSError):
        return os.path.samestat(os.fstat(hold), os.stat(lock, follow_symlinks=False))
    return False
