# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from vit_perception.evaluation.rows.looked_at import LookedAt
from vit_perception.evaluation.tuning.judged import judge
from vit_perception.evaluation.tuning.metric import Metric
from vit_perception.evaluation.tuning.verdict import Published, compare, unchanged

from .seen import seen

pytest.importorskip("hotcoco")

F1 = Metric("f1")
BOX, BESIDE = (10, 10, 30, 30), (60, 60, 80, 80)
NAMES = ("mug",)


def pictures(found: list[tuple[float, float]]) -> list[LookedAt]:
    """Each of a mug: the score of its detection, and of one beside it."""
    return [
        seen(number, [("mug", BOX)], [(0, true, BOX), (0, false, BESIDE)])
        for number, (true, false) in enumerate(found)
    ]


def published(frames: list[LookedAt], threshold: float) -> Published:
    judged = judge(frames, NAMES, 0.5, np.zeros(1, np.float32))
    return Published(judged, np.array([threshold], np.float32), 100)


def test_better_where_all_pictures_agree() -> None:
    frames = pictures([(0.4, 0.1)] * 8)
    verdict = compare(F1, published(frames, 0.5), published(frames, 0.3), np.arange(8))
    assert verdict.better
    assert (verdict.before, verdict.after, verdict.low, verdict.high) == (0, 1, 1, 1)
    assert verdict.sentence == (
        "Better: F1 on the held-out pictures is 1.000 in place of 0.000, +1.000 "
        "(95 % interval +1.000 to +1.000)."
    )


def test_worse_where_all_pictures_agree() -> None:
    frames = pictures([(0.4, 0.1)] * 8)
    verdict = compare(F1, published(frames, 0.3), published(frames, 0.5), np.arange(8))
    assert not verdict.better
    assert verdict.sentence.startswith("Worse: ")


def test_no_word_where_the_interval_holds_nothing() -> None:
    frames = pictures([(0.4, 0.35), (0.4, 0.1)] * 4)
    verdict = compare(F1, published(frames, 0.5), published(frames, 0.3), np.arange(8))
    assert verdict.better  # a found mug outweighs what lies beside it
    frames = pictures([(0.4, 0.1), (0.9, 0.4), (0.9, 0.4)] * 3)
    verdict = compare(F1, published(frames, 0.5), published(frames, 0.3), np.arange(9))
    assert verdict.low is not None
    assert verdict.high is not None
    assert verdict.low < 0 < verdict.high
    assert not verdict.better
    assert verdict.sentence.startswith("Cannot tell: ")


def test_the_interval_is_of_blocks() -> None:
    frames = pictures([(0.4, 0.1)] * 20)
    pair = published(frames, 0.5), published(frames, 0.3)
    alike = compare(F1, *pair, np.zeros(20, np.int64))
    assert not alike.better
    assert (alike.low, alike.high) == (None, None)
    assert "they make 1 block of pictures that look alike, and fewer than 6" in alike.sentence
    assert compare(F1, *pair, np.arange(20) // 3).better


def test_recall_once_the_precision_is_reached() -> None:
    metric = Metric.parse("recall@precision=0.8")
    frames = pictures([(0.4, 0.1)] * 8)
    verdict = compare(metric, published(frames, 0.4), published(frames, 0.05), np.arange(8))
    assert not verdict.better
    assert "the precision is 0.500, 0.8 was asked for" in verdict.sentence
    verdict = compare(metric, published(frames, 0.05), published(frames, 0.4), np.arange(8))
    assert verdict.better
    assert (verdict.figure, verdict.before, verdict.after) == ("precision", 0.5, 1)
    frames = pictures([(0.9, 0.1), (0.4, 0.1)] * 4)
    verdict = compare(metric, published(frames, 0.5), published(frames, 0.3), np.arange(8))
    assert verdict.better
    assert (verdict.figure, verdict.before, verdict.after) == ("recall", 0.5, 1)


def test_average_precision_of_both() -> None:
    worse, better = pictures([(0.4, 0.5)] * 8), pictures([(0.6, 0.5)] * 8)
    pair = published(worse, 0.0), published(better, 0.0)
    verdict = compare(Metric("ap"), *pair, np.arange(8))
    assert verdict.better
    assert verdict.figure == "AP50"
    assert verdict.after == pytest.approx(1)
    assert verdict.before == pytest.approx(0.5, abs=0.05)


def test_nothing_found_is_said() -> None:
    verdict = unchanged(F1, published(pictures([(0.9, 0.1)] * 8), 0.5))
    assert not verdict.better
    assert verdict.sentence.startswith("No better: ")
    assert verdict.sentence.endswith("their F1 on the held-out pictures is 1.000.")
