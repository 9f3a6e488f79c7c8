# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from vit_perception.boxes import box_iou
from vit_perception.masks import Masks
from vit_perception.tracking.association import best_pairs, near_iou, shapes_of


@pytest.mark.parametrize("seed", range(8))
def test_pairs_have_the_greatest_sum(seed: int) -> None:
    rng = np.random.default_rng(seed)
    similarity = rng.random((4, 5)).astype(np.float32)
    rows, columns = best_pairs(similarity, 0.4)
    assert (similarity[rows, columns] >= 0.4).all()
    worth = np.where(similarity >= 0.4, similarity, 0)
    best = max(
        sum(worth[row, column] for row, column in enumerate(order))
        for order in permutations(range(5), 4)
    )
    assert worth[rows, columns].sum() == pytest.approx(best)


def test_what_cannot_be_a_pair_is_none() -> None:
    rows, columns = best_pairs(np.array([[0.05, 0.0], [0.0, 0.0]], np.float32), 0.1)
    assert rows.tolist() == columns.tolist() == []
    rows, columns = best_pairs(np.zeros((0, 3), np.float32), 0.1)
    assert len(rows) == len(columns) == 0


def test_without_room_it_is_the_overlap_of_boxes() -> None:
    rng = np.random.default_rng(1)
    corners = rng.uniform(0, 50, (9, 2, 2))
    boxes = np.sort(corners, axis=1).reshape(-1, 4).astype(np.float32)
    first, second = boxes[:4], boxes[4:]
    plain = near_iou(first, second, np.zeros(4, np.float32))
    np.testing.assert_allclose(plain, box_iou(first, second), atol=1e-6)
    room = np.array([0, 3, 5, 9], np.float32)
    outward = np.array([-1, -1, 1, 1], np.float32)
    for row in range(4):
        grown = [each + room[row] * outward for each in (first[row : row + 1], second)]
        np.testing.assert_allclose(
            near_iou(first, second, room)[row], box_iou(*grown)[0], atol=1e-6
        )


def disc(x: int, y: int, radius: int) -> tuple[tuple[int, int], np.ndarray]:
    down, right = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    return (x - radius, y - radius), right**2 + down**2 <= radius**2


@pytest.mark.parametrize(("radius", "tolerance"), [(10, 1e-6), (90, 0.02)])
def test_masks_overlap_as_their_pixels_do(radius: int, tolerance: float) -> None:
    (first, crop), (second, other) = disc(100, 100, radius), disc(100 + radius // 2, 104, radius)
    masks = Masks(np.array([first, second]), (crop, other), height=300, width=300)
    dense = masks.dense()
    expected = (dense[0] & dense[1]).sum() / (dense[0] | dense[1]).sum()
    one, two = shapes_of(masks)
    assert one.iou(two) == pytest.approx(expected, abs=tolerance)
    assert one.iou(two) == two.iou(one)
    assert one.moved(radius // 2, 4.2).iou(two) == pytest.approx(1, abs=tolerance)
    assert one.moved(5 * radius, 0).iou(two) == 0


def test_an_empty_mask_overlaps_nothing() -> None:
    crops = (np.zeros((3, 3), np.bool_), np.ones((3, 3), np.bool_), np.ones((0, 0), np.bool_))
    nothing, square, point = shapes_of(Masks(np.zeros((3, 2), np.int64), crops, 9, 9))
    assert nothing.iou(square) == nothing.iou(nothing) == point.iou(square) == 0
