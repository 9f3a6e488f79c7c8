# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Things and detections of many pictures as a few arrays, the form that is kept and counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vit_perception.evaluation.rows.looked_at import FrameRows
from vit_perception.evaluation.samples.sample import FrameTruth

OTHER = -1
"""Label of a thing whose name was not asked for."""


@dataclass(frozen=True, slots=True, eq=False)
class Things:
    """T things, picture by picture.

    Attributes:
        pictures: int64 [T], ascending.
        boxes: float32 [T, 4], x1 y1 x2 y2 px.
        labels: int64 [T], index into the names that were asked for, or OTHER.
        areas: float32 [T], px².
        crowds: bool [T], regions of many things.
        parts: T words; "" without.
    """

    pictures: NDArray[np.int64]
    boxes: NDArray[np.float32]
    labels: NDArray[np.int64]
    areas: NDArray[np.float32]
    crowds: NDArray[np.bool_]
    parts: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)

    def judged(self) -> NDArray[np.bool_]:
        """Returns bool [T]: the objects, single things whose names were asked for."""
        return np.asarray(~self.crowds & (self.labels != OTHER))

    def chosen(self, which: NDArray[np.int64]) -> Things:
        """Returns some of the things; `which` is ascending."""
        return Things(
            self.pictures[which],
            self.boxes[which],
            self.labels[which],
            self.areas[which],
            self.crowds[which],
            tuple(self.parts[index] for index in which.tolist()),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """D detections of one run, picture by picture, in a picture best first.

    Attributes:
        pictures: int64 [D], ascending.
        boxes: float32 [D, 4], x1 y1 x2 y2 px.
        scores: float32 [D].
        labels: int64 [D], index into the names that were asked for.
        ranks: int64 [D], place in the picture, from 0.
    """

    pictures: NDArray[np.int64]
    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    labels: NDArray[np.int64]
    ranks: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.scores)

    def chosen(self, which: NDArray[np.int64]) -> Rows:
        """Returns some of the detections; `which` is ascending."""
        return Rows(
            self.pictures[which],
            self.boxes[which],
            self.scores[which],
            self.labels[which],
            self.ranks[which],
        )


def flat_things(truths: Sequence[FrameTruth], names: Sequence[str], first: int = 0) -> Things:
    """Returns the things of pictures; the index of a picture is its place in `truths`.

    Args:
        truths: one entry per picture.
        names: that were asked for.
        first: index of the first picture.
    """
    at = {name: index for index, name in enumerate(names)}
    labels = [at.get(name, OTHER) for truth in truths for name in truth.names]
    return Things(
        pictures=_places(truths, first),
        boxes=_joined([truth.boxes for truth in truths], np.zeros((0, 4), np.float32)),
        labels=np.array(labels, np.int64),
        areas=_joined([truth.areas for truth in truths], np.zeros(0, np.float32)),
        crowds=_joined([truth.crowds for truth in truths], np.zeros(0, np.bool_)),
        parts=tuple(part for truth in truths for part in truth.parts),
    )


def flat_rows(rows: Sequence[FrameRows], first: int = 0) -> Rows:
    """Returns the detections of pictures; the index of a picture is its place in `rows`.

    Args:
        rows: one entry per picture.
        first: index of the first picture.
    """
    ranks: list[NDArray[Any]] = [np.arange(len(each)) for each in rows]
    return Rows(
        pictures=_places(rows, first),
        boxes=_joined([each.boxes for each in rows], np.zeros((0, 4), np.float32)),
        scores=_joined([each.scores for each in rows], np.zeros(0, np.float32)),
        labels=_joined([each.labels for each in rows], np.zeros(0, np.int64)),
        ranks=_joined(ranks, np.zeros(0, np.int64)),
    )


def joined_things(pieces: Sequence[Things]) -> Things:
    """Returns the things of several groups of pictures, in order."""
    empty = flat_things([], [])
    return Things(
        _joined([each.pictures for each in pieces], empty.pictures),
        _joined([each.boxes for each in pieces], empty.boxes),
        _joined([each.labels for each in pieces], empty.labels),
        _joined([each.areas for each in pieces], empty.areas),
        _joined([each.crowds for each in pieces], empty.crowds),
        tuple(chain.from_iterable(each.parts for each in pieces)),
    )


def joined_rows(pieces: Sequence[Rows]) -> Rows:
    """Returns the detections of several groups of pictures, in order."""
    empty = flat_rows([])
    return Rows(
        _joined([each.pictures for each in pieces], empty.pictures),
        _joined([each.boxes for each in pieces], empty.boxes),
        _joined([each.scores for each in pieces], empty.scores),
        _joined([each.labels for each in pieces], empty.labels),
        _joined([each.ranks for each in pieces], empty.ranks),
    )


def inside(pictures: NDArray[np.int64], first: int, last: int) -> NDArray[np.int64]:
    """Returns the indices of what lies in the pictures from `first` to before `last`."""
    begin, end = np.searchsorted(pictures, (first, last)).tolist()
    return np.arange(begin, end, dtype=np.int64)


def _places(each: Sequence[FrameTruth] | Sequence[FrameRows], first: int) -> NDArray[np.int64]:
    counts = np.array([len(one) for one in each], np.int64)
    return np.repeat(np.arange(first, first + len(each)), counts).astype(np.int64)


def _joined(arrays: Sequence[NDArray[Any]], empty: NDArray[Any]) -> NDArray[Any]:
    return np.concatenate([empty, *arrays])
