# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A folder for files that libraries want to write and read again."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from vit_perception.output.failure import OutputError, unwritable, writing
from vit_perception.output.partial import partial_folder
from vit_perception.wording import one_line


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Yields a new empty folder for temporary files; it is removed at the end.

    What a killed process left is removed by the next one.

    Raises:
        OutputError: there is no place for temporary files, or it is full.
    """
    try:
        place = Path(tempfile.gettempdir())
    except OSError as error:
        raise OutputError(
            f"temporary files: expected a folder to write in (TMPDIR), found {one_line(error)}"
        ) from error
    with ExitStack() as stack:
        with writing(place):
            folder = stack.enter_context(partial_folder(place / "vit_perception"))
            folder.chmod(0o700)
        try:
            yield folder
        except OSError as error:
            # A full disk is found on an open file, whose name the error lacks.
            if error.filename is None or folder in Path(os.fsdecode(error.filename)).parents:
                raise unwritable(place, error) from error
            raise
