# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Detections that are judged once count the same as those that thresholds leave."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from vit_perception.boxes import box_iou
from vit_perception.evaluation.rows.looked_at import LookedAt
from vit_perception.evaluation.tuning.judged import judge
from vit_perception.evaluation.tuning.metric import Counts
from vit_perception.perceiver.nms import suppressed

from .seen import Row, Thing, crowded, seen

pytest.importorskip("hotcoco")

NAMES = ("mug", "bowl", "can")
NOTHING = np.zeros(len(NAMES), np.float32)


def expected(
    frames: list[LookedAt], thresholds: NDArray[np.float32], iou: float, agnostic: bool, most: int
) -> Counts:
    """Thresholds, suppression and matches of each picture, one after the other, as published."""
    true = false = objects = 0
    for frame in frames:
        rows, truth = frame.rows[0], frame.truth
        assert truth is not None
        strong = np.flatnonzero(rows.scores >= thresholds[rows.labels])
        groups = np.zeros(len(strong), np.int64) if agnostic else rows.labels[strong]
        kept = strong[suppressed(rows.boxes[strong], rows.scores[strong], groups, iou)][:most]
        overlaps = box_iou(rows.boxes[kept], truth.boxes)
        inside = _inside(rows.boxes[kept], truth.boxes)
        free = [True] * len(truth)
        objects += sum(
            name in NAMES and not crowd
            for name, crowd in zip(truth.names, truth.crowds, strict=True)
        )
        for number, row in enumerate(kept):
            name = NAMES[rows.labels[row]]
            own = [
                index
                for index in range(len(truth))
                if truth.names[index] == name and not truth.crowds[index] and free[index]
            ]
            best = max(own, key=lambda index: overlaps[number, index], default=None)
            if best is not None and overlaps[number, best] >= 0.5:
                true, free[best] = true + 1, False
                continue
            regions = [
                index
                for index in range(len(truth))
                if (truth.names[index] == name and truth.crowds[index])
                or (truth.names[index] not in NAMES and not truth.crowds[index])
            ]
            false += not any(inside[number, index] >= 0.5 for index in regions)
    return Counts(true, false, objects)


def _inside(boxes: NDArray[np.float32], regions: NDArray[np.float32]) -> NDArray[np.float64]:
    """Share of each box that lies in each region."""
    low = np.maximum(boxes[:, None, :2], regions[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], regions[None, :, 2:])
    sides = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    return np.asarray((high - low).clip(0).prod(axis=2) / sides[:, None])


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("most", [5, 100])
def test_thresholds_of_names_count_as_if_they_came_first(seed: int, most: int) -> None:
    frames = crowded(seed, NAMES)
    for iou in (0.3, 0.6):
        judged = judge(frames, NAMES, iou, NOTHING)
        for thresholds in ((0.0, 0.0, 0.0), (0.3, 0.3, 0.3), (0.2, 0.7, 0.9), (1.0, 0.0, 0.5)):
            least = np.array(thresholds, np.float32)
            assert judged.counts(least, most) == expected(frames, least, iou, False, most)


@pytest.mark.parametrize("seed", range(4))
def test_names_that_suppress_each_other(seed: int) -> None:
    frames = crowded(seed, NAMES)
    common = np.full(3, 0.4, np.float32)
    judged = judge(frames, NAMES, 0.3, NOTHING, agnostic=True)
    assert judged.counts(common, 100) == expected(frames, common, 0.3, True, 100)
    apart = np.array((0.2, 0.8, 0.5), np.float32)
    judged = judge(frames, NAMES, 0.3, apart, agnostic=True)
    assert judged.counts(apart, 100) == expected(frames, apart, 0.3, True, 100)


def test_counts_of_pictures_add_up() -> None:
    frames = crowded(3, NAMES, pictures=300, rows=10)
    judged = judge(frames, NAMES, 0.5, NOTHING)
    least = np.array((0.2, 0.7, 0.4), np.float32)
    table = judged.by_picture(least, 100)
    assert table.shape == (300, 3)
    assert Counts(*table.sum(axis=0).tolist()) == judged.counts(least, 100)
    alone = judge(frames[280:281], NAMES, 0.5, NOTHING).by_picture(least, 100)
    np.testing.assert_array_equal(table[280], alone[0])


def test_nothing_is_judged_on_things_nobody_asked_for() -> None:
    box, other = (10, 10, 30, 30), (50, 50, 80, 80)
    things: list[Thing] = [("mug", box), ("lamp", other)]
    rows: list[Row] = [(0, 0.9, box), (1, 0.8, other), (1, 0.7, (0, 60, 20, 80))]
    judged = judge([seen(0, things, rows)], NAMES, 0.5, NOTHING)
    assert judged.counts(NOTHING, 100) == Counts(true=1, false=1, objects=1)
    assert judged.matches.ignored.tolist() == [False, True, False]


def test_pictures_without_rows_or_truth_count() -> None:
    box = (10, 10, 30, 30)
    frames = [seen(0, [("mug", box)], []), seen(1, [], [(0, 0.5, box)]), seen(2, [], [])]
    judged = judge(frames, NAMES, 0.5, NOTHING)
    assert judged.by_picture(NOTHING, 100).tolist() == [[0, 0, 1], [0, 1, 0], [0, 0, 0]]
    assert judge([], NAMES, 0.5, NOTHING).counts(NOTHING, 100) == Counts(0, 0, 0)


def test_a_score_equal_to_its_threshold_is_published() -> None:
    box = (10, 10, 30, 30)
    judged = judge([seen(0, [("mug", box)], [(0, 0.3, box)])], NAMES, 0.5, NOTHING)
    assert judged.counts(np.full(3, 0.3, np.float32), 100).true == 1
    assert judged.counts(np.full(3, 0.31, np.float32), 100).true == 0
