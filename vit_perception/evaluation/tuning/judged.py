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

from vit_perception.evaluation.figures.counts import by_picture
from vit_perception.evaluation.figures.matches import Matches, match_frames
from vit_perception.evaluation.rows.looked_at import FrameRows, LookedAt
from vit_perception.evaluation.samples.sample import FrameTruth
from vit_perception.evaluation.tuning.metric import Counts
from vit_perception.perceiver.nms import suppressed


@dataclass(frozen=True, eq=False)
class Judged:
    """D detections in P pictures, asked for N names.

    Attributes:
        matches: of the detections; within a picture best first.
    """

    matches: Matches

    @cached_property
    def objects(self) -> int:
        """Objects in all pictures."""
        return int(self.matches.objects.sum())

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """int64 [P + 1], where the detections of each picture begin, and the last end."""
        bounds = np.arange(len(self.matches.objects) + 1)
        return np.searchsorted(self.matches.pictures, bounds).astype(np.int64)

    def published(self, thresholds: NDArray[np.float32], most: int) -> NDArray[np.bool_]:
        """Returns bool [D], what a robot would publish.

        Args:
            thresholds: float32 [N], least score of each name.
            most: detections of a picture; the best are kept.
        """
        kept = np.asarray(self.matches.scores >= thresholds[self.matches.labels])
        return best_of_pictures(kept, self.starts, most)

    def counts(self, thresholds: NDArray[np.float32], most: int) -> Counts:
        """Returns the counts of what is published, see there."""
        kept = self.published(thresholds, most)
        true = int(np.count_nonzero(kept & self.matches.true))
        false = int(np.count_nonzero(kept & self.matches.false))
        return Counts(true, false, self.objects)

    def by_picture(self, thresholds: NDArray[np.float32], most: int) -> NDArray[np.int64]:
        """Returns int64 [P, 3]: true and false detections of what is published, and objects."""
        table = by_picture(self.matches, self.published(thresholds, most))
        table[:, 2] = self.matches.objects.sum(axis=1)
        return table


def best_of_pictures(
    kept: NDArray[np.bool_], starts: NDArray[np.int64], most: int
) -> NDArray[np.bool_]:
    """Returns which of the kept detections are the best of their picture, bool [D].

    Args:
        kept: bool [D]; the detections of a picture are best first.
        starts: int64 [P + 1], where those of each picture begin, and the last end.
        most: detections of a picture.
    """
    sizes = np.diff(starts)
    if sizes.max(initial=0) <= most:
        return kept
    rank = np.concatenate([np.zeros(1, np.int64), np.cumsum(kept)])
    return np.asarray(kept & (rank[1:] - np.repeat(rank[starts[:-1]], sizes) <= most))


def judge(
    frames: Sequence[LookedAt],
    names: Sequence[str],
    iou_threshold: float,
    thresholds: NDArray[np.float32],
    *,
    agnostic: bool = False,
    most: int | None = None,
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
        most: detections of a picture that are judged, the best; None: all.
    """
    kept = [_kept(frame.rows[0], iou_threshold, thresholds, agnostic, most) for frame in frames]
    return Judged(match_frames([_truth(frame) for frame in frames], kept, names))


def _kept(
    rows: FrameRows,
    iou_threshold: float,
    thresholds: NDArray[np.float32],
    agnostic: bool,
    most: int | None,
) -> FrameRows:
    """Returns what is not suppressed, best first, as the perceiver does it."""
    rows = _chosen(rows, np.flatnonzero(rows.scores >= thresholds[rows.labels]))
    groups = np.zeros_like(rows.labels) if agnostic else rows.labels
    return _chosen(rows, suppressed(rows.boxes, rows.scores, groups, iou_threshold)[:most])


def _chosen(rows: FrameRows, which: NDArray[np.int64]) -> FrameRows:
    return FrameRows(rows.boxes[which], rows.scores[which], rows.labels[which], None)


def _truth(frame: LookedAt) -> FrameTruth:
    assert frame.truth is not None
    return frame.truth
