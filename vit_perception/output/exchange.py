# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Puts a complete folder in the place of another."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
from contextlib import suppress
from pathlib import Path

from vit_perception.output.failure import hidden_name

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
# Answers of kernels and file systems that cannot exchange.
_UNABLE = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)


def put_in_place(new: Path, target: Path) -> None:
    """Renames `new` to `target`; a folder that was there is at the name of `new` afterwards.

    Raises:
        OSError: nothing has changed.
    """
    if not target.exists():
        new.rename(target)
    elif not _exchange(new, target):
        _rename_twice(new, target)


def recover(target: Path) -> None:
    """Ends what a killed `put_in_place` began; the caller is sole writer of `target`."""
    aside = _aside(target)
    if not aside.is_dir():
        return
    if target.exists():
        shutil.rmtree(aside, ignore_errors=True)
    else:
        with suppress(OSError):
            aside.rename(target)


def _exchange(new: Path, target: Path) -> bool:
    """Exchanges two folders in one step; returns False where the system cannot."""
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if renameat2 is None:  # a C library without it
        return False
    names = os.fsencode(new), os.fsencode(target)
    if renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in _UNABLE:
        return False
    raise OSError(code, os.strerror(code), str(target))


def _rename_twice(new: Path, target: Path) -> None:
    aside = _aside(target)
    target.rename(aside)
    try:
        new.rename(target)
    except BaseException:
        if not target.exists():
            aside.rename(target)
        raise
    aside.rename(new)


def _aside(target: Path) -> Path:
    return hidden_name(target, "previous")
