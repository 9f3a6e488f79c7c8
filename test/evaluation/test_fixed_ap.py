# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from vit_perception.evaluation.fixed_ap import BestPerCategory
from vit_perception.evaluation.results import Found


def found(picture: int, categories: list[int], scores: list[float]) -> Found:
    """Detections, best first."""
    order = np.argsort(-np.array(scores), kind="stable")
    return Found(
        picture,
        np.zeros((len(scores), 4), np.float32),
        np.array(scores, np.float32)[order],
        np.array(categories, np.int64)[order],
    )


@pytest.mark.parametrize("limit", [1, 3, 20, 1000])
def test_equals_sorting_everything(limit: int) -> None:
    rng = np.random.default_rng(limit)
    ids = [5, 2, 9, 40]  # nothing is ever found of the last
    scores = iter(rng.permutation(np.linspace(0.001, 1, 2000)))
    pictures = []
    for number in range(40):
        count = int(rng.integers(0, 50))
        categories = rng.choice(ids[:3], count, p=(0.7, 0.2, 0.1)).tolist()
        pictures.append(found(number, categories, [next(scores) for _ in range(count)]))
    best = BestPerCategory(ids, limit)
    for one in pictures:
        best.add(one)
    chosen = best.chosen(pictures)
    assert [one.picture for one in chosen] == list(range(40))
    for category in ids[:3]:
        every = np.concatenate([one.scores[one.categories == category] for one in pictures])
        kept = np.concatenate([one.scores[one.categories == category] for one in chosen])
        np.testing.assert_array_equal(np.sort(kept)[::-1], np.sort(every)[::-1][:limit])


def test_ties_for_the_last_place_all_count() -> None:
    pictures = [found(number, [1, 1], [0.9 - 0.1 * number, 0.5]) for number in range(3)]
    best = BestPerCategory([1], 4)
    for one in pictures:
        best.add(one)
    assert [len(one) for one in best.chosen(pictures)] == [2, 2, 2]


def test_room_that_is_left_keeps_everything() -> None:
    pictures = [found(1, [1, 1, 1], [0.3, 0.2, 0.001])]
    best = BestPerCategory([1], 10)
    best.add(pictures[0])
    assert len(best.chosen(pictures)[0]) == 3
