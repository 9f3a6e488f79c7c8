# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The name under which a file or folder is written until it is complete.

It is `.NAME.RANDOM.partial` with NAME's suffix, beside NAME, and its writer holds a lock on it.
What a killed process left has no holder: the next writer in that folder removes it.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

from vit_perception.output.failure import hidden_name

_PARTIAL = re.compile(r"\..+\.[0-9a-f]{8}\.partial(\.[^.]{1,7})?", re.DOTALL)
_swept: set[Path] = set()


def partial_file(target: Path) -> AbstractContextManager[Path]:
    """Makes a new empty file beside `target`; what is left of it at the end is removed.

    Raises:
        OSError: the folder is absent or cannot be written.
    """
    return _partial(target, _make_file, lambda path: path.unlink(missing_ok=True))


def partial_folder(target: Path) -> AbstractContextManager[Path]:
    """Makes a new empty folder beside `target`; what is left of it at the end is removed.

    Raises:
        OSError: the folder above is absent or cannot be written.
    """
    return _partial(target, _make_folder, lambda path: shutil.rmtree(path, ignore_errors=True))


@contextmanager
def _partial(
    target: Path, make: Callable[[Path], int], remove: Callable[[Path], None]
) -> Iterator[Path]:
    """Yields the new name.

    Args:
        target: see `partial_file`.
        make: makes a file or folder; returns its descriptor.
        remove: removes it, or nothing.
    """
    _sweep(target.parent)
    path, hold = _new_name(target), -1
    # A signal may raise KeyboardInterrupt as soon as the name is there.
    try:
        while True:
            hold = make(path)
            if _hold(hold, path):
                break
            path, hold = _new_name(target), -1
        yield path
    finally:
        remove(path)
        if hold >= 0:
            os.close(hold)


def _make_file(path: Path) -> int:
    return os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666)


def _make_folder(path: Path) -> int:
    path.mkdir()
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY)


def _hold(hold: int, path: Path) -> bool:
    """Locks a new file or folder; False if another process took it for a left one meanwhile."""
    with suppress(OSError):  # NFS has no locks on folders; they are not swept there
        fcntl.flock(hold, fcntl.LOCK_EX)
    if path.exists():
        return True
    os.close(hold)
    return False


def _sweep(folder: Path) -> None:
    """Removes what killed writers left in a folder; once a process, as folders may be large."""
    folder = folder.absolute()
    if folder in _swept:
        return
    _swept.add(folder)
    with suppress(OSError):
        for path in folder.iterdir():
            if _PARTIAL.fullmatch(path.name):
                _remove_if_left(path)


def _remove_if_left(path: Path) -> None:
    with suppress(OSError):
        hold = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
        try:
            fcntl.flock(hold, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
        finally:
            os.close(hold)


def _new_name(target: Path) -> Path:
    # Some libraries choose a format by the suffix.
    suffix = target.suffix if len(target.suffix) <= 8 else ""
    return hidden_name(target, f"{secrets.token_hex(4)}.partial{suffix}")
