# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Files that are read are not written."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from vit_perception.output.failure import OutputError
from vit_perception.wording import shown_path


def refuse_inputs(outputs: Iterable[Path], inputs: Iterable[Path]) -> None:
    """Refuses outputs that are inputs, by whatever name: links and hard links too.

    Raises:
        OutputError: names the output and the input.
    """
    written = {key: path for path in outputs if (key := _identity(path)) is not None}
    if not written:
        return
    for path in inputs:
        target = written.get(_identity(path) or (-1, -1))
        if target is not None:
            raise OutputError(
                f"{shown_path(target)}: expected a file to write, found the input "
                f"{shown_path(path)}"
            )


def refuse_inside(output: Path, folder: Path) -> None:
    """Refuses an output that is a folder of input, or lies in one.

    Raises:
        OutputError: names both.
    """
    inside = _identity(folder)
    # Parents are compared as files: the output need not exist, and may be named by a link.
    place = Path(os.path.realpath(output))
    if inside is not None and any(_identity(each) == inside for each in (place, *place.parents)):
        raise OutputError(
            f"{shown_path(output)}: expected a place outside the input {shown_path(folder)}, "
            f"found one inside"
        )


def _identity(path: Path) -> tuple[int, int] | None:
    """Returns device and inode of what a path leads to; None where there is nothing."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino
