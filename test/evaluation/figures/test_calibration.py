# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from test.evaluation.figures.frames import NAMES, random_frames, rows, truth, truths_of
from vit_perception.evaluation.figures.calibration import BINS, calibration
from vit_perception.evaluation.figures.matches import match_frames

pytest.importorskip("hotcoco")

A, B, FAR = (0, 0, 40, 40), (60, 0, 100, 40), (200, 200, 240, 240)


def test_scores_and_shares_worked_out_by_hand() -> None:
    true = truth(("mug", A), ("mug", B), ("cushion", FAR))
    # In the bin from 0.8 on one of two is right; the bowl on the cushion is not judged.
    found = rows(("mug", 0.85, A), ("bowl", 0.87, A), ("mug", 0.25, B), ("bowl", 0.99, FAR))
    table = calibration(match_frames([true], [found], NAMES))
    bins = table["bins"]
    assert [one["count"] for one in bins] == [0, 0, 1, 0, 0, 0, 0, 0, 2, 0]
    assert [one["low"] for one in bins] == pytest.approx(np.arange(10) / 10)
    assert [one["high"] for one in bins] == pytest.approx(np.arange(1, 11) / 10)
    assert bins[8]["score"] == pytest.approx(0.86)
    assert (bins[8]["right"], bins[2]["right"]) == (0.5, 1)
    assert (bins[0]["score"], bins[0]["right"]) == (None, None)
    assert table["ece"] == pytest.approx((2 * 0.36 + 0.75) / 3)
    assert table["mce"] == pytest.approx(0.75)


def test_many_are_as_counted_one_by_one() -> None:
    frames = random_frames(1, 60)
    truths = truths_of(frames)
    matches = match_frames(truths, [one.rows[0] for one in frames], ("n0", "n1", "n2"))
    table = calibration(matches)
    judged = ~matches.ignored
    scores, true = matches.scores[judged].astype(np.float64), matches.true[judged]
    place = np.minimum((scores * BINS).astype(int), BINS - 1)
    gaps = []
    for index, one in enumerate(table["bins"]):
        inside = place == index
        assert one["count"] == np.count_nonzero(inside) > 0
        assert one["score"] == pytest.approx(scores[inside].mean())
        assert one["right"] == pytest.approx(true[inside].mean())
        gaps.append((abs(one["score"] - one["right"]), one["count"]))
    assert table["ece"] == pytest.approx(sum(gap * n for gap, n in gaps) / len(scores))
    assert table["mce"] == pytest.approx(max(gap for gap, _ in gaps))


def test_nothing_found_has_no_error() -> None:
    table = calibration(match_frames([truth(("mug", A))], [rows()], NAMES))
    assert (table["ece"], table["mce"], len(table["bins"])) == (None, None, BINS)
