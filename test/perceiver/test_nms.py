# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from vit_perception.perceiver import nms
from vit_perception.perceiver.nms import suppressed


def boxes_of(*rows: tuple[float, float, float, float]) -> NDArray[np.float32]:
    return np.array(rows, np.float32).reshape(-1, 4)


def test_the_better_of_two_overlapping_boxes_stays() -> None:
    boxes = boxes_of((0, 0, 10, 10), (1, 0, 11, 10), (50, 50, 60, 60))
    scores = np.array([0.5, 0.9, 0.2], np.float32)
    groups = np.zeros(3, np.int64)
    np.testing.assert_array_equal(suppressed(boxes, scores, groups, 0.5), [1, 2])


def test_groups_do_not_meet() -> None:
    boxes = boxes_of((0, 0, 10, 10), (0, 0, 10, 10), (0, 0, 10, 10))
    scores = np.array([0.5, 0.9, 0.7], np.float32)
    groups = np.array([0, 0, 4000])
    np.testing.assert_array_equal(suppressed(boxes, scores, groups, 0.5), [1, 2])


def test_overlap_of_exactly_the_threshold_is_allowed() -> None:
    boxes = boxes_of((0, 0, 10, 10), (0, 0, 10, 5))
    scores = np.array([0.9, 0.5], np.float32)
    groups = np.zeros(2, np.int64)
    assert len(suppressed(boxes, scores, groups, 0.5)) == 2
    assert len(suppressed(boxes, scores, groups, 0.49)) == 1


def test_equal_scores_keep_their_order_and_nothing_stays_nothing() -> None:
    boxes = boxes_of(*((5 * row, 0, 5 * row + 1, 1) for row in range(100)))
    scores = np.where(np.arange(100) % 3, 0.5, 0.6).astype(np.float32)
    kept = suppressed(boxes, scores, np.arange(100), 0.5).tolist()
    assert kept == [*range(0, 100, 3), *(row for row in range(100) if row % 3)]
    empty = suppressed(boxes[:0], scores[:0], np.zeros(0, np.int64), 0.5)
    assert (empty.shape, empty.dtype) == ((0,), np.int64)


@pytest.mark.parametrize("iou_threshold", [0.0, 1.0])
def test_both_ends_of_the_threshold_work(iou_threshold: float) -> None:
    boxes = boxes_of((0, 0, 10, 10), (0, 0, 10, 10), (9, 9, 19, 19))
    scores = np.array([0.9, 0.8, 0.7], np.float32)
    kept = suppressed(boxes, scores, np.zeros(3, np.int64), iou_threshold)
    assert len(kept) == (1 if iou_threshold == 0 else 3)


@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.sampled_from([0.3, 0.5, 0.7]))
def test_equals_the_definition(seed: int, count: int, iou_threshold: float) -> None:
    rng = np.random.default_rng(seed)
    corners = rng.integers(0, 40, (count, 2)).astype(np.float32)
    boxes = np.concatenate([corners, corners + rng.integers(1, 20, (count, 2))], axis=1)
    boxes = boxes.astype(np.float32)
    scores = rng.permutation(np.linspace(0.01, 1, count)).astype(np.float32)
    groups = rng.integers(0, 3, count)
    expected = by_definition(boxes, scores, groups, iou_threshold)
    assert suppressed(boxes, scores, groups, iou_threshold).tolist() == expected


@pytest.mark.parametrize("seed", range(10))
def test_many_boxes_go_group_by_group_with_the_same_result(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(seed)
    corners = rng.integers(0, 40, (80, 2)).astype(np.float32)
    boxes = np.concatenate([corners, corners + rng.integers(1, 20, (80, 2))], axis=1)
    boxes = boxes.astype(np.float32)
    scores = rng.integers(1, 20, 80).astype(np.float32) / 20  # many tie
    groups = rng.integers(0, 4, 80) * 1000
    expected = by_definition(boxes, scores, groups, 0.5)
    assert suppressed(boxes, scores, groups, 0.5).tolist() == expected
    monkeypatch.setattr(nms, "_FEW", 0)
    assert suppressed(boxes, scores, groups, 0.5).tolist() == expected


def by_definition(
    boxes: NDArray[np.float32],
    scores: NDArray[np.float32],
    groups: NDArray[np.int64],
    iou_threshold: float,
) -> list[int]:
    kept: list[int] = []
    for row in np.argsort(-scores, kind="stable"):
        rivals = [other for other in kept if groups[other] == groups[row]]
        if all(overlap(boxes[row], boxes[other]) <= iou_threshold + 1e-9 for other in rivals):
            kept.append(int(row))
    return kept


def overlap(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    size = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    shared = float(np.prod(np.maximum(size, 0).astype(np.float64)))
    areas = float(np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]))
    return shared / (areas - shared)
