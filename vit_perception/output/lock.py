# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""One writer at a time for a folder."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vit_perception.output.failure import OutputError, hidden_name, writing
from vit_perception.wording import shown_path

PATIENCE = 3.0
"""Seconds to wait for a writer that is about to end, such as the workers of a killed one."""
_PAUSE = 0.05


@contextmanager
def sole_writer_in(folder: Path) -> Iterator[None]:
    """Makes a folder if it is absent, and holds it while its files are written in place.

    Raises:
        OutputError: another process writes there, or the folder cannot be made.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with _held(folder / ".lock", folder):
        yield


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
def _held(lock: Path, target: Path) -> Iterator[None]:
    hold = _taken(lock, target)
    try:
        yield
    finally:
        # Removed while it is held: who waits for this file finds it gone and makes a new one.
        with suppress(OSError):
            lock.unlink()
        os.close(hold)


def _taken(lock: Path, target: Path) -> int:
    deadline = time.monotonic() + PATIENCE
    while True:
        with writing(target, lock):
            hold = os.open(lock, os.O_CREAT | os.O_RDWR, 0o666)
        try:
            if _is_mine(hold, lock):
                _sign(hold, lock, target)
                return hold
            holder = os.read(hold, 20).decode("ascii", "replace").strip()
        except BaseException:
            os.close(hold)
            raise
        os.close(hold)
        if time.monotonic() > deadline:
            found = f"process {holder} writing" if holder.isdigit() else "another process writing"
            raise OutputError(f"{shown_path(target)}: expected one writer, found {found} there")
        time.sleep(_PAUSE)


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


def _is_mine(hold: int, lock: Path) -> bool:
    """Takes the lock if it is free; False too if its file was removed meanwhile."""
    try:
        fcntl.flock(hold, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    with suppress(OSError):
        return os.path.samestat(os.fstat(hold), os.stat(lock))
    return False
