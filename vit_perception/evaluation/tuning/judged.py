# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Detections after non-maximum suppression, each judged once, for all thresholds at once.

A weaker detection changes neither what a stronger one suppresses nor which object it finds. So
detections are judged without thresholds, and thresholds only count them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from vit_perception.evaluation.figures.matches import match_frames
from vit_perception.evaluation.rows.looked_at import FrameRows, LookedAt
from vit_perception.evaluation.samples.sample import FrameTruth
from vit_perception.evaluation.tuning.metric import Counts
from vit_perception.perceiver.nms import suppressed


@dataclass(frozen=True, eq=False)
class Judged:
    """D detections in P pictures, asked for N names.

    Attributes:
        scores: float32 [D].
        labels: int64 [D], index into the names.
        pictures: int64 [D], ascending; within a picture best first.
        true: bool [D], whether it finds an object.
        ignored: bool [D], whether nothing is judged where it lies.
        objects: int64 [P, N].
    """

    scores: NDArray[np.float32]
    labels: NDArray[np.int64]
    pictures: NDArray[np.int64]
    true: NDArray[np.bool_]
    ignored: NDArray[np.bool_]
    objects: NDArray[np.int64]

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """int64 [P + 1], where the detections of each picture begin, and the last end."""
        return np.searchsorted(self.pictures, np.arange(len(self.objects) + 1)).astype(np.int64)

    @cached_property
    def largest(self) -> int:
        """Detections in the picture that has the most."""
        return int(np.diff(self.starts).max(initial=0))

    @cached_property
    def total_objects(self) -> int:
        """Objects in all pictures."""
        return int(self.objects.sum())

    def published(self, thresholds: NDArray[np.float32], most: int) -> NDArray[np.bool_]:
        """Returns bool [D], what a robot would publish.

        Args:
            thresholds: float32 [N], least score of each name.
            most: detections of a picture; the best are kept.
        """
        kept = np.asarray(self.scores >= thresholds[self.labels])
        if self.largest <= most:
            return kept
        rank = np.concatenate([np.zeros(1, np.int64), np.cumsum(kept)])
        first = rank[self.starts[:-1]][self.pictures]
        return np.asarray(kept & (rank[1:] - first <= most))

    def counts(self, thresholds: NDArray[np.float32], most: int) -> Counts:
        """Returns the counts of what is published, see there."""
        kept = self.published(thresholds, most)
        true = int(np.count_nonzero(kept & self.true))
        false = int(np.count_nonzero(kept & ~self.true & ~self.ignored))
        return Counts(true, false, self.total_objects)

    def by_picture(self, thresholds: NDArray[np.float32], most: int) -> NDArray[np.int64]:
        """Returns int64 [P, 3]: true and false detections of what is published, and objects."""
        kept = self.published(thresholds, most)
        counted = [
            np.bincount(self.pictures[chosen], minlength=len(self.objects))
            for chosen in (kept & self.true, kept & ~self.true & ~self.ignored)
        ]
        return np.stack([*counted, self.objects.sum(axis=1)], axis=1).astype(np.int64)


def judge(
    frames: Sequence[LookedAt],
    names: Sequence[str],
    iou_threshold: float,
    thresholds: NDArray[np.float32],
    *,
    agnostic: bool = False,
) -> Judged:
    """Suppresses and judges the rows of pictures with truth.

    A detection on a region of many things, or on a thing whose name is not among the names, is
    ignored if it finds no object.

    Args:
        frames: each with the rows of one run, before suppression.
        names: that were asked for.
        iou_threshold: of the suppression.
        thresholds: float32 [N], least score of each name that takes part. Higher ones may be
            counted later, unless names suppress each other and have thresholds that differ.
        agnostic: whether boxes of different names suppress each other.
    """
    kept = [_kept(frame.rows[0], iou_threshold, thresholds, agnostic) for frame in frames]
    matches = match_frames([_truth(frame) for frame in frames], kept, names)
    return Judged(
        scores=matches.scores,
        labels=matches.labels,
        pictures=matches.pictures,
        true=matches.true,
        ignored=matches.ignored,
        objects=matches.objects,
    )


def _kept(
    rows: FrameRows,
    iou_threshold: float,
    thresholds: NDArray[np.float32],
    agnostic: bool,
) -> FrameRows:
    """Returns what is not suppressed, best first, as the perceiver does it."""
    rows = _chosen(rows, np.flatnonzero(rows.scores >= thresholds[rows.labels]))
    groups = np.zeros_like(rows.labels) if agnostic else rows.labels
    return _chosen(rows, suppressed(rows.boxes, rows.scores, groups, iou_threshold))


def _chosen(rows: FrameRows, which: NDArray[np.int64]) -> FrameRows:
    return FrameRows(rows.boxes[which], rows.scores[which], rows.labels[which], None)


def _truth(frame: LookedAt) -> FrameTruth:
    assert frame.truth is not None
    return frame.truth
