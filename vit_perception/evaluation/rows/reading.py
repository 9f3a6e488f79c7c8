# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Where a measurement keeps its files, and all that it found, read in order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from vit_perception.evaluation.errors import EvaluationError
from vit_perception.evaluation.rows.looked_at import LookedAt
from vit_perception.evaluation.rows.shards import read_shard
from vit_perception.wording import shown_path

BLOCK = 64
"""Pictures whose results stand in one file: those of the numbers 0 to 63, 64 to 127 and so on."""


def shard_path(folder: Path, key: str, block: int) -> Path:
    """Returns the file of a block of a sequence."""
    return folder / "rows" / key / f"{block * BLOCK:08d}.npz"


def space_path(folder: Path, key: str, block: int) -> Path:
    """Returns the file with the errors in space of a block, beside that of its rows."""
    return shard_path(folder, key, block).with_suffix(".json")


def times_path(folder: Path, key: str, block: int) -> Path:
    """Returns the file with the times of a block."""
    return folder / "times" / key / f"{block * BLOCK:08d}.json"


def read_all(folder: Path, keys: Iterable[str]) -> Iterator[LookedAt]:
    """Yields all pictures of some sequences in order; one block is in memory at a time.

    Args:
        folder: of the measurement.
        keys: of the sequences, in the order of the plan; one without files has no pictures.

    Raises:
        EvaluationError: a file cannot be read.
    """
    for key in keys:
        for path in sorted((folder / "rows" / key).glob("[0-9]*.npz")):
            yield from read_shard(path)


def read_picture(folder: Path, key: str, number: int) -> LookedAt:
    """Returns one picture of a sequence.

    Args:
        folder: of the measurement.
        key: of the sequence.
        number: its place in it.

    Raises:
        EvaluationError: it was not looked at, or the file cannot be read.
    """
    path = shard_path(folder, key, number // BLOCK)
    for each in read_shard(path):
        if each.number == number:
            return each
    raise EvaluationError(f"{shown_path(path)}: expected picture {number}, found none")


def times_of(folder: Path, keys: Iterable[str]) -> Iterator[Path]:
    """Yields the files with times of some sequences in order."""
    for key in keys:
        yield from sorted((folder / "times" / key).glob("[0-9]*.json"))


def spaces_of(folder: Path, keys: Iterable[str]) -> Iterator[Path]:
    """Yields the files with errors in space of some sequences in order; many have none."""
    for key in keys:
        yield from sorted((folder / "rows" / key).glob("[0-9]*.json"))
