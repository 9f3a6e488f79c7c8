# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What of a picture is right."""

from __future__ import annotations

from vit_perception.evaluation.report.judged_picture import judged_pictures

from ..figures.frames import NAMES, looked_at, rows, run, truth

MUG, BOWL, ELSEWHERE = (10, 10, 50, 50), (100, 10, 160, 60), (300, 300, 340, 360)


def test_right_false_and_missed_things_are_told_apart() -> None:
    found = rows(("mug", 0.9, MUG), ("spoon", 0.8, BOWL), ("bowl", 0.4, BOWL))
    frame = looked_at(0, truth(("bowl", BOWL), ("mug", MUG)), found)
    (judged,) = judged_pictures([frame], 0, run(), NAMES)
    # The bowl with score 0.4 is below the threshold of 0.5.
    assert judged.rows.scores.tolist() == [found.scores[0], found.scores[1]]
    assert judged.right.tolist() == [True, False]
    assert judged.unjudged.tolist() == [False, False]
    assert judged.counts.tolist() == [True, True]
    assert judged.missed.tolist() == [True, False]


def test_nothing_is_judged_on_regions_and_on_names_that_were_not_asked_for() -> None:
    found = rows(("mug", 0.9, MUG), ("spoon", 0.8, BOWL), ("spoon", 0.7, ELSEWHERE))
    true = truth(("mug", MUG), ("plate", BOWL), crowds=[0])
    (judged,) = judged_pictures([looked_at(0, true, found)], 0, run(), NAMES)
    assert judged.unjudged.tolist() == [True, True, False]
    assert judged.counts.tolist() == judged.missed.tolist() == [False, False]


def test_pictures_of_which_nothing_is_known_are_not_judged() -> None:
    found = rows(("mug", 0.9, MUG))
    frames = [
        looked_at(0, truth(("mug", MUG), ("bowl", BOWL)), found),
        looked_at(1, None, found),
        looked_at(2, truth(), found),
        looked_at(3, truth(("spoon", ELSEWHERE), ("mug", MUG)), found),
    ]
    judged = judged_pictures(frames, 0, run(), NAMES)
    assert [each.right.tolist() for each in judged] == [[True], [False], [False], [True]]
    assert [each.unjudged.tolist() for each in judged] == [[False], [True], [False], [False]]
    # Things are counted from the first picture on; each picture gets its own.
    assert [each.missed.tolist() for each in judged] == [[False, True], [], [], [True, False]]


def test_each_run_is_judged_by_its_own_rows() -> None:
    frame = looked_at(0, truth(("mug", MUG)), rows(), rows(("mug", 0.9, MUG)))
    (first,), (second,) = (judged_pictures([frame], place, run(), NAMES) for place in (0, 1))
    assert first.missed.tolist() == [True] and second.missed.tolist() == [False]
