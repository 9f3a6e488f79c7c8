# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Which detection finds which thing, at an overlap of one half.

Detections of a name choose things of that name, the best detection first, by COCO's rules. A
weaker detection never changes what a stronger one finds. So all are matched once, and any least
score only cuts off the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vit_perception.evaluation.figures.flat import Rows, Things, flat_rows, flat_things, inside
from vit_perception.evaluation.figures.library_form import (
    categories,
    entries,
    images,
    sides,
    table,
)
from vit_perception.evaluation.rows.looked_at import FrameRows
from vit_perception.evaluation.samples.sample import FrameTruth

OVERLAP = 0.5
"""Intersection over union with a thing from which on a detection finds it."""
NOTHING = -1
"""In place of the index of a thing that was found."""
# The library gives matches as lists of Python; so many pictures at once take 20 MB.
_PICTURES_AT_ONCE = 256


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """D detections of one run in P pictures, asked for N names, and the objects to find.

    Attributes:
        pictures: int64 [D], ascending.
        labels: int64 [D], index into the names.
        scores: float32 [D].
        ranks: int64 [D], place in the picture, best first, from 0.
        true: bool [D], it finds an object.
        ignored: bool [D], it lies on a region on which nothing is judged, or beyond the limit of
            detections. The others are false.
        things: int64 [D], index of the object it finds among all things, or NOTHING.
        objects: int64 [P, N], how many there are to find.
    """

    pictures: NDArray[np.int64]
    labels: NDArray[np.int64]
    scores: NDArray[np.float32]
    ranks: NDArray[np.int64]
    true: NDArray[np.bool_]
    ignored: NDArray[np.bool_]
    things: NDArray[np.int64]
    objects: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.scores)

    @property
    def false(self) -> NDArray[np.bool_]:
        """Those that find nothing where that counts, bool [D]."""
        return np.asarray(~self.true & ~self.ignored)


def match_frames(
    truths: Sequence[FrameTruth], rows: Sequence[FrameRows], names: Sequence[str]
) -> Matches:
    """Matches the detections of some pictures; see `match`.

    Args:
        truths: one entry per picture.
        rows: one entry per picture, of one run.
        names: that were asked for.
    """
    return match(flat_things(truths, names), flat_rows(rows), len(truths), len(names))


def match(things: Things, rows: Rows, pictures: int, names: int) -> Matches:
    """Matches detections with the objects among the things.

    Nothing is judged on a crowd of the same name, and on a thing whose name was not asked for.

    Args:
        things: what is true.
        rows: what was found.
        pictures: P, how many there are; those without things or detections count too.
        names: N, how many were asked for.
    """
    objects = np.zeros((pictures, names), np.int64)
    judged = things.judged()
    np.add.at(objects, (things.pictures[judged], things.labels[judged]), 1)
    found = np.full(len(rows), NOTHING, np.int64)
    ignored = np.zeros(len(rows), np.bool_)
    for first in range(0, pictures, _PICTURES_AT_ONCE):
        last = min(pictures, first + _PICTURES_AT_ONCE)
        these, those = inside(rows.pictures, first, last), inside(things.pictures, first, last)
        if len(these) and len(those):
            numbers, ignored[these] = _matched(
                things.chosen(those), rows.chosen(these), (first, last), names
            )
            found[these] = np.where(numbers == NOTHING, NOTHING, numbers + those[0])
    return Matches(
        pictures=rows.pictures,
        labels=rows.labels,
        scores=rows.scores,
        ranks=rows.ranks,
        true=found != NOTHING,
        ignored=ignored,
        things=found,
        objects=objects,
    )


def _matched(
    things: Things, rows: Rows, pictures: tuple[int, int], names: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Returns the thing that each detection finds, and what is ignored."""
    from hotcoco import COCO, COCOeval

    entered = entries(things, rows, things.judged())
    truth = COCO.from_arrays(
        images(*pictures),
        categories(names),
        things.pictures[entered.things] + 1,
        entered.labels + 1,
        sides(things.boxes[entered.things]),
        iscrowd=entered.regions,
    )
    evaluation = COCOeval(truth, truth.load_res(table(rows)), "bbox")
    parameters = evaluation.params
    parameters.iou_thrs = [OVERLAP]
    parameters.area_rng, parameters.area_rng_lbl = parameters.area_rng[:1], ["all"]
    parameters.max_dets = [int(rows.ranks.max()) + 1]
    evaluation.evaluate()
    found = np.full(len(rows), NOTHING, np.int64)
    ignored = np.zeros(len(rows), np.bool_)
    # The library counts annotations and detections from 1; 0 is no match.
    numbers = np.concatenate([[NOTHING], entered.things])
    for one in evaluation.eval_imgs:
        if one is not None and one["dtIds"]:
            which = np.array(one["dtIds"], np.int64) - 1
            ignored[which] = one["dtIgnore"][0]
            found[which] = numbers[one["dtMatches"][0]]
    found[ignored] = NOTHING
    return found, ignored
