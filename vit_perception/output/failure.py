# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A file that cannot be written, told in one line."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vit_perception.wording import one_line, shown_path

# NAME_MAX is 255 bytes; what is added to a name takes at most 40.
_NAME_BYTES = 200

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What the system says of a full disk, of a full share of it, and of a limit on files."""


class OutputError(ValueError):
    """A file or folder cannot be written; one line naming it, expected and found."""


def unwritable(path: Path, error: OSError) -> OutputError:
    """Returns the error for a path that the system does not let us write."""
    return OutputError(
        f"{shown_path(path)}: expected to write here, found {error.strerror or one_line(error)}"
    )


def hidden_name(target: Path, ending: str) -> Path:
    """Returns `.NAME.ending` beside `target`; a very long NAME is cut."""
    name = os.fsdecode(os.fsencode(target.name)[:_NAME_BYTES])
    return target.with_name(f".{name}.{ending}")


@contextmanager
def writing(path: Path, *own: Path) -> Iterator[None]:
    """Turns the system's errors about `path` into OutputError.

    Args:
        path: what the user asked for.
        own: the names under which it is written; errors about other files pass through.
    """
    try:
        yield
    except OSError as error:
        # A full disk is found on an open file, whose name the error lacks.
        if error.filename is None or _is_about(error.filename, (path, *own)):
            raise unwritable(path, error) from error
        raise


@contextmanager
def copying(path: Path) -> Iterator[None]:
    """Turns a full disk into OutputError about `path`; shutil names the file that it reads."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise unwritable(path, error) from error
        raise


def _is_about(name: object, paths: tuple[Path, ...]) -> bool:
    if not isinstance(name, (str, bytes)):
        return False
    found = Path(os.fsdecode(name))
    return any(
        found == path
        or path in found.parents
        or found in path.parents
        or (path.name != "" and str(found).startswith(str(hidden_name(path, ""))))
        for path in paths
    )
