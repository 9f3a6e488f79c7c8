# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from vit_perception.evaluation.figures.matches import Matches
from vit_perception.evaluation.tuning.choice import Choice, best_common, best_of_names
from vit_perception.evaluation.tuning.judged import Judged, judge
from vit_perception.evaluation.tuning.metric import Metric
from vit_perception.evaluation.tuning.tally import tally

from .seen import crowded

pytest.importorskip("hotcoco")

NAMES = ("mug", "bowl", "can")
SCORES = tuple(np.round(np.linspace(0.1, 0.9, 9), 2).tolist())
METRICS = [Metric.parse(text) for text in ("f1", "recall@precision=0.6")]


def judged_of(scores: list[float], true: list[bool], objects: int) -> Judged:
    """Detections of one name in one picture."""
    count = len(scores)
    nothing = np.zeros(count, np.int64)
    return Judged(
        Matches(
            pictures=nothing,
            labels=nothing,
            scores=np.array(scores, np.float32),
            ranks=np.arange(count),
            true=np.array(true),
            ignored=np.zeros(count, np.bool_),
            things=nothing,
            objects=np.array([[objects]]),
        )
    )


def value(judged: Judged, metric: Metric, thresholds: list[float]) -> float:
    return metric.of(judged.counts(np.array(thresholds, np.float32), 1000))


@pytest.mark.parametrize("metric", METRICS, ids=str)
@pytest.mark.parametrize("seed", range(5))
def test_the_best_common_threshold_is_the_best_of_all(seed: int, metric: Metric) -> None:
    judged = judge(crowded(seed, NAMES), NAMES, 0.5, np.zeros(3, np.float32))
    found = best_common(tally(judged, SCORES), metric)
    best = max(value(judged, metric, [score] * 3) for score in SCORES)
    assert value(judged, metric, [found] * 3) == best


@pytest.mark.parametrize("seed", range(5))
def test_the_best_thresholds_of_names_are_the_best_of_all(seed: int) -> None:
    judged = judge(crowded(seed, NAMES), NAMES, 0.5, np.zeros(3, np.float32))
    common, own = best_of_names(tally(judged, SCORES), Metric("f1"), (0, 2))
    best = max(value(judged, Metric("f1"), list(each)) for each in product(SCORES, repeat=3))
    assert value(judged, Metric("f1"), [own[0], common, own[2]]) == pytest.approx(best, abs=0.002)


@pytest.mark.parametrize("seed", range(5))
def test_thresholds_of_names_reach_the_precision_with_more_recall(seed: int) -> None:
    metric = METRICS[1]
    judged = judge(crowded(seed, NAMES), NAMES, 0.5, np.zeros(3, np.float32))
    common, own = best_of_names(tally(judged, SCORES), metric, (0, 1, 2))
    alone = best_common(tally(judged, SCORES), metric)
    found = value(judged, metric, [own[0], own[1], own[2]])
    assert found >= value(judged, metric, [alone] * 3) - 0.05
    assert common in SCORES


def test_the_middle_of_equal_thresholds_is_taken() -> None:
    judged = judged_of([0.85, 0.25], [True, False], 1)
    assert best_common(tally(judged, SCORES), Metric("f1")) == 0.5
    assert best_of_names(tally(judged, SCORES), Metric("f1"), (0,))[1] == {0: 0.5}


def test_a_threshold_is_compared_as_the_graph_does() -> None:
    judged = judged_of([0.3, 0.2], [True, False], 1)
    assert best_common(tally(judged, (0.2, 0.3, 0.4)), Metric("f1")) == 0.3


def test_thresholds_of_a_choice() -> None:
    choice = Choice(0.25, 0.5, {"can": 0.4, "mug": 0.25, "bowl": 0.1})
    assert list(choice.own.items()) == [("bowl", 0.1), ("can", 0.4)]
    np.testing.assert_array_equal(choice.thresholds(NAMES), np.array([0.25, 0.1, 0.4], np.float32))
    assert choice == Choice(0.25, 0.5, {"bowl": 0.1, "can": 0.4})
    assert choice != Choice(0.25, 0.5)
