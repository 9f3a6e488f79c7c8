# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A tally counts the same as the judged detections that it was made of."""

from __future__ import annotations

import numpy as np
import pytest

from vit_perception.evaluation.tuning.judged import judge
from vit_perception.evaluation.tuning.tally import joined, tally

from .seen import crowded, seen

pytest.importorskip("hotcoco")

NAMES = ("mug", "bowl", "can")
NOTHING = np.zeros(len(NAMES), np.float32)
SCORES = (0.1, 0.2, 0.25, 0.5, 0.7, 0.9)


@pytest.mark.parametrize("most", [3, 100])
@pytest.mark.parametrize("seed", range(4))
def test_it_counts_what_the_judged_ones_count(seed: int, most: int) -> None:
    judged = judge(crowded(seed, NAMES), NAMES, 0.5, NOTHING)
    counted = tally(judged, SCORES)
    for places in ((0, 0, 0), (5, 5, 5), (0, 3, 5), (4, 1, 2)):
        thresholds = np.array([SCORES[place] for place in places], np.float32)
        expected = judged.counts(thresholds, most)
        assert counted.counts(np.array(places), most) == expected


def test_scores_are_compared_as_the_graph_does() -> None:
    box = (10, 10, 30, 30)
    counted = tally(judge([seen(0, [("mug", box)], [(0, 0.7, box)])], NAMES, 0.5, NOTHING), SCORES)
    true = [counted.counts(np.full(3, place), 100).true for place in range(len(SCORES))]
    assert true == [1, 1, 1, 1, 1, 0]


def test_parts_make_a_whole() -> None:
    frames = crowded(1, NAMES, pictures=11)
    whole = tally(judge(frames, NAMES, 0.5, NOTHING), SCORES)
    parts = [tally(judge(frames[k : k + 4], NAMES, 0.5, NOTHING), SCORES) for k in (0, 4, 8)]
    for found in (joined(parts), joined([whole])):
        for name in ("labels", "reached", "true", "false", "starts", "objects"):
            given, expected = getattr(found, name), getattr(whole, name)
            np.testing.assert_array_equal(given, expected)
            assert given.dtype == expected.dtype


def test_many_thresholds_and_names_are_kept_apart() -> None:
    names = tuple(map(str, range(300)))
    scores = tuple((np.arange(1, 300) / 300).tolist())
    box = (10, 10, 30, 30)
    frames = [seen(0, [("299", box)], [(299, 0.99, box), (43, 0.5, box)])]
    counted = tally(judge(frames, names, 0.5, np.zeros(300, np.float32)), scores)
    found = counted.counts(np.full(300, 298), 100)
    assert (found.true, found.false, found.objects) == (0, 0, 1)
    found = counted.counts(np.full(300, 200), 100)
    assert (found.true, found.false) == (1, 0)
    assert counted.tables()[1][43, 100] == 1


def test_a_detection_takes_few_bytes() -> None:
    counted = tally(judge(crowded(0, NAMES), NAMES, 0.5, NOTHING), SCORES)
    arrays = (counted.labels, counted.reached, counted.true, counted.false)
    assert sum(each.itemsize for each in arrays) == 5
