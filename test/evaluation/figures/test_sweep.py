# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from test.evaluation.figures.frames import NAMES, random_frames, rows, run, truth, truths_of
from vit_perception.evaluation.figures.counts import by_name, published, rates
from vit_perception.evaluation.figures.matches import match_frames
from vit_perception.evaluation.figures.sweep import THRESHOLDS, Sweep

pytest.importorskip("hotcoco")

ASKED = ("n0", "n1", "n2")
A, B = (0, 0, 40, 40), (60, 0, 100, 40)


def test_each_row_is_what_a_robot_with_this_threshold_would_publish() -> None:
    frames = random_frames(1, 40)
    truths = truths_of(frames)
    matches = match_frames(truths, [one.rows[0] for one in frames], ASKED)
    sweep = Sweep(matches, 8)
    rows = sweep.rows()
    assert [row["threshold"] for row in rows] == list(THRESHOLDS)
    for index in (0, 19, 49, 74, 98):
        kept = published(matches, run(names=ASKED, threshold=THRESHOLDS[index], max_detections=8))
        counts = by_name(matches, kept)
        assert rows[index] == {
            "threshold": THRESHOLDS[index],
            **rates(*counts.sum(axis=0).tolist()),
        }
        for name in range(3):
            assert sweep.rows(name)[index] == {
                "threshold": THRESHOLDS[index],
                **rates(*counts[name].tolist()),
            }


def test_a_score_on_the_threshold_reaches_it() -> None:
    found = rows(*(("mug", float(np.float32(t)), A) for t in (0.3, 0.07, 0.99)))
    sweep = Sweep(match_frames([truth(("mug", A))], [found], NAMES), 50)
    counted = {row["threshold"]: row["precision"] for row in sweep.rows()}
    assert (counted[0.07], counted[0.08]) == (1 / 3, 1 / 2)
    assert (counted[0.3], counted[0.31], counted[0.99]) == (1 / 2, 1, 1)


def test_the_best_is_the_lowest_of_equal_ones_and_none_if_nothing_is_right() -> None:
    found = rows(("mug", 0.8, A), ("mug", 0.4, B), ("bowl", 0.3, B))
    true = truth(("mug", A), ("spoon", B))
    sweep = Sweep(match_frames([true], [found], NAMES), 50)
    best = sweep.best(0)
    assert best == {"threshold": 0.41, "precision": 1, "recall": 1, "f1": 1}
    # There is no bowl; a spoon is there and never found.
    for name in (1, 2):
        assert sweep.best(name) == dict.fromkeys(("threshold", "precision", "recall", "f1"))
