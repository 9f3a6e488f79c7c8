# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""log.jsonl: the losses of each step of a run, one JSON object a line."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from vit_perception.input.file import InputError, read_file
from vit_perception.output.failure import writing
from vit_perception.output.write import write
from vit_perception.training.failure import TrainingError
from vit_perception.wording import shown_path

LOG = "log.jsonl"
"""Name of the file in the folder of a run."""

_MAX_BYTES = 4 * 2**30
# What a file system leaves behind the end of a file after a loss of power.
_BLANK = b"\0 \t\r"
_LARGE = 1e300

_log = logging.getLogger(__name__)


class Row(NamedTuple):
    """A step: its number, from 1, its losses by name, and its line without the end."""

    step: int
    losses: dict[str, float]
    line: bytes


def read_log(path: Path) -> list[Row]:
    """Returns the rows of a log in rising order of steps.

    A line that a killed or unpowered machine left damaged is passed over.

    Returns:
        Rows with equal names of losses, all finite; none if there is no file.

    Raises:
        TrainingError: the file cannot be read, or it has lines and none of them is a row.
    """
    if not os.path.lexists(path):
        return []
    try:
        lines = read_file(path, _MAX_BYTES).split(b"\n")
    except InputError as error:
        raise TrainingError(str(error)) from None
    rows: list[Row] = []
    for line in lines:
        row = _row(line)
        if row is not None and (
            not rows or (row.step > rows[-1].step and row.losses.keys() == rows[0].losses.keys())
        ):
            rows.append(row)
    # The last line is empty or half a row.
    if not rows and any(line.strip(_BLANK) for line in lines[:-1]):
        raise TrainingError(
            f"{shown_path(path)}: expected the log of a training run, found other content"
        )
    return rows


def cut_log(path: Path, steps: int) -> None:
    """Leaves the rows up to a step, as those after it are written again; tells what is missing.

    Raises:
        TrainingError: see `read_log`.
        OutputError: the file cannot be written.
    """
    kept = [row for row in read_log(path) if row.step <= steps]
    if len(kept) < steps:
        _log.warning(
            "%s: expected a row for each of %d steps, found %d; the others are lost",
            *(shown_path(path), steps, len(kept)),
        )
    if kept or os.path.lexists(path):
        write(path, b"".join(row.line + b"\n" for row in kept))


class StepLog:
    """Appends rows to a log inside a `with` block.

    Raises:
        OutputError: the file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with writing(path):
            # Without a buffer, whose content a full disk would keep from being closed.
            self._file = path.open("ab", buffering=0)

    def __enter__(self) -> StepLog:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def append(self, step: int, losses: Mapping[str, float]) -> None:
        """Writes a row, or nothing of it.

        Raises:
            OutputError: it cannot be written.
        """
        rest = memoryview(json.dumps({"step": step, **losses}).encode() + b"\n")
        before = os.fstat(self._file.fileno()).st_size
        with writing(self._path):
            try:
                while rest:
                    rest = rest[self._file.write(rest) :]
            except OSError:
                with suppress(OSError):
                    self._file.truncate(before)
                raise

    def to_disk(self) -> None:
        """Waits until the rows are on the disk: a checkpoint must not be ahead of its log."""
        with writing(self._path):
            os.fsync(self._file.fileno())


def _row(line: bytes) -> Row | None:
    try:
        found = json.loads(line.strip(_BLANK))
        step = found.pop("step")
        if type(step) is int and step > 0 and all(map(_is_finite, found.values())):
            return Row(step, found, line.strip(_BLANK))
    # Any bytes may be here; RecursionError: thousands of brackets.
    except (ValueError, LookupError, AttributeError, TypeError, RecursionError):
        pass
    return None


def _is_finite(value: object) -> bool:
    # A comparison also takes an integer of thousands of digits, and is false for NaN.
    return type(value) in (int, float) and -_LARGE < value < _LARGE  # type: ignore[operator]
