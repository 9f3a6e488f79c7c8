# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What is wrong with each false detection, by TIDE's definitions (arXiv 2008.08115).

hotcoco has them too; it takes 600 bytes for a detection, 200 MB for a long recording. A test
compares both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vit_perception.evaluation.figures.flat import Rows, Things
from vit_perception.evaluation.figures.library_form import overlaps_of
from vit_perception.evaluation.figures.matches import NOTHING, OVERLAP, Matches

Kind = Literal["classification", "localization", "both", "duplicate", "background"]
KINDS: tuple[Kind, ...] = (
    "classification",
    "localization",
    "both",
    "duplicate",
    "background",
)
"""On a thing of another name; beside one of its name; beside one of another name; on one that a
better box has found; on nothing."""
BESIDE = 0.1
"""Intersection over union with a thing from which on a box is not on the background."""
_CLASSIFICATION, _LOCALIZATION, _BOTH, _DUPLICATE, _BACKGROUND = range(len(KINDS))
NO_ERROR = -1


@dataclass(frozen=True, slots=True, eq=False)
class Errors:
    """The errors of one run.

    Attributes:
        kinds: int64 [D], index into KINDS, or NO_ERROR of a detection that is true or ignored.
        mended: int64 [D], the object that a detection would find if it had another name or
            place, or NOTHING.
    """

    kinds: NDArray[np.int64]
    mended: NDArray[np.int64]


def errors_of(things: Things, rows: Rows, matches: Matches) -> Errors:
    """Returns what is wrong with each detection.

    Args:
        things: what is true.
        rows: what was found.
        matches: the same.
    """
    kinds = np.where(matches.false, _BACKGROUND, NO_ERROR)
    mended = np.full(len(rows), NOTHING, np.int64)
    objects, false = np.flatnonzero(things.judged()), np.flatnonzero(matches.false)
    pictures = np.arange(len(matches.objects) + 1)
    begins = np.searchsorted(things.pictures[objects], pictures).tolist()
    starts = np.searchsorted(rows.pictures[false], pictures).tolist()
    for picture in range(len(matches.objects)):
        there = objects[begins[picture] : begins[picture + 1]]
        here = false[starts[picture] : starts[picture + 1]]
        if len(there) and len(here):
            kinds[here], best = _errors(
                overlaps_of(rows.boxes[here], things.boxes[there]),
                rows.labels[here, None] == things.labels[there],
            )
            mended[here] = np.where(best == NOTHING, NOTHING, there[best])
    return Errors(kinds, mended)


def _errors(
    overlaps: NDArray[np.float64], same: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Returns the kinds of false detections of a picture and what they would find, or NOTHING.

    Args:
        overlaps: float64 [D, G], with its objects.
        same: bool [D, G], whether the names are the same.
    """
    own, other = np.where(same, overlaps, 0), np.where(same, 0, overlaps)
    own_best, other_best = own.max(axis=1), other.max(axis=1)
    kinds = np.select(
        [
            (own_best >= BESIDE) & (own_best <= OVERLAP),
            other_best >= OVERLAP,
            # A better detection has found it; else this one would have.
            own_best > OVERLAP,
            overlaps.max(axis=1) <= BESIDE,
        ],
        [_LOCALIZATION, _CLASSIFICATION, _DUPLICATE, _BACKGROUND],
        _BOTH,
    )
    mended = np.select(
        [kinds == _LOCALIZATION, kinds == _CLASSIFICATION],
        [own.argmax(axis=1), other.argmax(axis=1)],
        NOTHING,
    )
    return kinds, mended
