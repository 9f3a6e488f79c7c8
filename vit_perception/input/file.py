# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Regular files. Others may block for ever (pipes) or never end (devices such as /dev/zero)."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from vit_perception.wording import one_line, shown_path

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


class InputError(ValueError):
    """A file cannot be read; one line naming it, what was expected and what was found."""


@contextmanager
def open_file(path: Path) -> Iterator[BinaryIO]:
    """Opens a regular file for reading; links to one are followed.

    Raises:
        InputError: it cannot be opened or read, or is a folder, pipe, socket or device.
    """
    try:
        check_file(path)
        with open(path, "rb", opener=_at_once) as file:
            _check_kind(path, os.fstat(file.fileno()).st_mode)
            yield file
    except OSError as error:
        raise _unreadable(path, error) from error


def check_file(path: Path) -> None:
    """Refuses what is no regular file, before a library opens it by its name.

    Raises:
        InputError: it is absent, or a folder, pipe, socket or device.
    """
    try:
        _check_kind(path, os.stat(path).st_mode)
    # ValueError: a name with a null character, or one that is not valid Unicode.
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise _unreadable(path, error) from error


def read_file(path: Path, most: int) -> bytes:
    """Returns the content of a regular file of at most `most` bytes.

    Raises:
        InputError: see `open_file`, or the file is larger.
    """
    with open_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        data = file.read(size + 1) if size <= most else b""
        if len(data) > size:  # it grows, or its file system does not know the size
            data += file.read(most + 1 - len(data))
    if max(size, len(data)) > most:
        raise InputError(f"{shown_path(path)}: expected at most {most} bytes, found more")
    return data


def _at_once(path: str, flags: int) -> int:
    """Opens a file; does not wait if a pipe has taken its place."""
    return os.open(path, flags | os.O_NONBLOCK)


def read_text(path: Path, most: int) -> str:
    """Returns the text of a file in UTF-8, with or without a byte order mark.

    Raises:
        InputError: see `read_file`, or other bytes than UTF-8.
    """
    return decoded(read_file(path, most), shown_path(path))


def decoded(data: bytes, file: str) -> str:
    """Returns the text of bytes in UTF-8, with or without a byte order mark.

    Args:
        data: the bytes.
        file: the file's name as errors show it.

    Raises:
        InputError: other bytes than UTF-8.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{file}: expected UTF-8, found byte 0x{data[error.start]:02x} at {error.start}"
        ) from None


def is_encodable(text: str) -> bool:
    """Returns whether a text can be written in UTF-8: escapes may give half a character."""
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def _check_kind(path: Path, mode: int) -> None:
    if not stat.S_ISREG(mode):
        found = next((name for test, name in _KINDS if test(mode)), "something else")
        raise InputError(f"{shown_path(path)}: expected a file, found {found}")


def _unreadable(path: Path, error: OSError | ValueError) -> InputError:
    reason = getattr(error, "strerror", None) or one_line(error)
    return InputError(f"{shown_path(path)}: expected a readable file, found {reason}")
