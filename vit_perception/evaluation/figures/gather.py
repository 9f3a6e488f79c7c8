# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Goes once through the pictures that were looked at and keeps what the figures need.

Boxes are kept as arrays of numbers; masks are compared with the truth on the way and not kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vit_perception.evaluation.errors import EvaluationError
from vit_perception.evaluation.figures.averages import Averages
from vit_perception.evaluation.figures.flat import (
    Rows,
    Things,
    flat_rows,
    flat_things,
    joined_rows,
    joined_things,
)
from vit_perception.evaluation.figures.masks import MaskComparison
from vit_perception.evaluation.figures.matches import Matches, match
from vit_perception.evaluation.rows.looked_at import LookedAt
from vit_perception.evaluation.rows.run import Run
from vit_perception.wording import shown

_PICTURES_AT_ONCE = 64


@dataclass(frozen=True, slots=True, eq=False)
class Pictures:
    """P pictures of which the truth is known, in the order they were looked at.

    Attributes:
        keys: of the sequences, in the order of their first pictures.
        sequences: int64 [P], index into `keys`.
        numbers: int64 [P], place in the sequence.
        stamps: int64 [P], ns; 0 without.
        names: P names of files; "" without.
    """

    keys: tuple[str, ...]
    sequences: NDArray[np.int64]
    numbers: NDArray[np.int64]
    stamps: NDArray[np.int64]
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True, slots=True, eq=False)
class Gathered:
    """What the figures are computed from.

    Attributes:
        names: that were asked for.
        runs: R runs.
        pictures: P pictures.
        things: what is true in them.
        rows: R, what each run found.
        matches: R, which of it is true.
        masks: R, averages of the masks; None without masks.
    """

    names: tuple[str, ...]
    runs: tuple[Run, ...]
    pictures: Pictures
    things: Things
    rows: tuple[Rows, ...]
    matches: tuple[Matches, ...]
    masks: tuple[Averages | None, ...]


def gather(names: Sequence[str], runs: Sequence[Run], frames: Iterable[LookedAt]) -> Gathered:
    """Reads all pictures once; those without truth are skipped.

    Args:
        names: that were asked for.
        runs: what took part.
        frames: with the rows of all runs.

    Raises:
        EvaluationError: the rows of a picture do not belong to these names and runs.
    """
    collected = _Collected(tuple(names), tuple(runs))
    for frame in frames:
        collected.add(frame)
    return collected.gathered()


class _Collected:
    def __init__(self, names: tuple[str, ...], runs: tuple[Run, ...]) -> None:
        self._names, self._runs = names, runs
        self._keys: dict[str, int] = {}
        self._places: list[tuple[int, int, int]] = []
        self._files: list[str] = []
        self._waiting: list[LookedAt] = []
        self._things: list[Things] = []
        self._rows: list[list[Rows]] = [[] for _ in runs]
        self._masks = [MaskComparison(len(names)) for _ in runs]

    def add(self, frame: LookedAt) -> None:
        """Keeps a picture; with its masks only until some of them are compared at once."""
        if frame.truth is None:
            return
        _check(frame, len(self._names), len(self._runs))
        self._waiting.append(frame)
        if len(self._waiting) == _PICTURES_AT_ONCE:
            self._settle()

    def gathered(self) -> Gathered:
        """Returns all that was added."""
        self._settle()
        things = joined_things(self._things)
        rows = tuple(joined_rows(each) for each in self._rows)
        sequences, numbers, stamps = np.array(self._places, np.int64).reshape(-1, 3).T.copy()
        return Gathered(
            names=self._names,
            runs=self._runs,
            pictures=Pictures(tuple(self._keys), sequences, numbers, stamps, tuple(self._files)),
            things=things,
            rows=rows,
            matches=tuple(
                match(things, each, len(self._files), len(self._names)) for each in rows
            ),
            masks=tuple(each.averages() for each in self._masks),
        )

    def _settle(self) -> None:
        """Turns the pictures that wait into arrays."""
        first = len(self._files)
        last = first + len(self._waiting)
        truths = [frame.truth for frame in self._waiting if frame.truth is not None]
        things = flat_things(truths, self._names, first)
        self._things.append(things)
        for index, (kept, masks) in enumerate(zip(self._rows, self._masks, strict=True)):
            found = [frame.rows[index] for frame in self._waiting]
            rows = flat_rows(found, first)
            kept.append(rows)
            masks.add(truths, found, (things, rows), (first, last))
        for frame in self._waiting:
            sequence = self._keys.setdefault(frame.sequence, len(self._keys))
            self._places.append((sequence, frame.number, frame.stamp))
            self._files.append(frame.name)
        self._waiting = []


def _check(frame: LookedAt, names: int, runs: int) -> None:
    where = f"{shown(frame.sequence)}, picture {frame.number}"
    if len(frame.rows) != runs:
        raise EvaluationError(
            f"{where}: expected results of {runs} runs, found those of {len(frame.rows)}"
        )
    for rows in frame.rows:
        if len(rows) and not 0 <= rows.labels.min() <= rows.labels.max() < names:
            raise EvaluationError(
                f"{where}: expected labels of {names} names, "
                f"found {rows.labels.min()} to {rows.labels.max()}"
            )
