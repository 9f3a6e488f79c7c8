# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The standard streams: whatever their encoding, and where what is written has no place left."""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress
from io import TextIOWrapper

from vit_perception.wording import printable

NO_PLACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF)
"""What the system answers where nothing more can be written."""


def occupy_closed_streams() -> None:
    """Leads streams that were closed before the start nowhere.

    Otherwise the next file that is opened takes the number of a stream, and libraries in C and
    the processes that are started write their complaints into it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # The lowest free number is this one: those below are taken.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)


def show_any_text() -> None:
    """Lets the streams escape what their encoding lacks, where they would raise an error."""
    for stream, errors in (
        (sys.stdin, "surrogateescape"),
        (sys.stdout, "backslashreplace"),
        (sys.stderr, "backslashreplace"),
    ):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors=errors)


def say(command: str, line: str) -> None:
    """Prints a line on stderr that is no result of a subcommand, such as what it leaves out."""
    print(f"vit-perception {command}: {printable(line)}", file=sys.stderr)


def flush_output() -> str:
    """Writes out what was printed; returns one line if that fails.

    A reader who has closed its pipe does not want more, which is no failure.
    """
    if sys.stdout is None:
        return ""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        abandon_output()
    except OSError as error:
        abandon_output()
        return f"standard output: expected to write, found {error.strerror}"
    return ""


def abandon_output() -> None:
    """Leads what is still to be printed nowhere: the flush at exit must not fail again."""
    with suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
