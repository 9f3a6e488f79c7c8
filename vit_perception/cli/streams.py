# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The standard streams: whatever their encoding, and where what is written has no place left."""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress
from io import TextIOWrapper

NO_PLACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""What the system answers where nothing more can be written."""


def show_any_text() -> None:
    """Lets the streams escape what their encoding lacks, where they would raise an error."""
    for stream, errors in (
        (sys.stdin, "surrogateescape"),
        (sys.stdout, "backslashreplace"),
        (sys.stderr, "backslashreplace"),
    ):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors=errors)


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
