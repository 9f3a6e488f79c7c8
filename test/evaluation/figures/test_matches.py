# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from test.evaluation.figures.frames import NAMES, random_frames, rows, truth, truths_of
from vit_perception.evaluation.figures.matches import NOTHING, Matches, match_frames
from vit_perception.evaluation.rows.looked_at import FrameRows

pytest.importorskip("hotcoco")

A, B, NEAR_A, FAR = (0, 0, 40, 40), (60, 0, 100, 40), (0, 0, 40, 50), (200, 200, 240, 240)


def kinds(matches: Matches) -> list[str]:
    """What each detection is."""
    return [
        "true" if true else "ignored" if ignored else "false"
        for true, ignored in zip(matches.true, matches.ignored, strict=True)
    ]


def test_the_best_detection_of_a_thing_is_true_and_the_others_are_false() -> None:
    found = rows(("mug", 0.9, NEAR_A), ("mug", 0.8, A), ("bowl", 0.7, A), ("mug", 0.6, FAR))
    matches = match_frames([truth(("mug", A), ("spoon", B))], [found], NAMES)
    assert kinds(matches) == ["true", "false", "false", "false"]
    assert matches.things.tolist() == [0, NOTHING, NOTHING, NOTHING]
    assert matches.objects.tolist() == [[1, 0, 1]]
    assert matches.ranks.tolist() == [0, 1, 2, 3]
    assert matches.false.tolist() == [False, True, True, True]


def test_nothing_is_judged_on_crowds_of_the_same_name_and_on_things_of_other_names() -> None:
    true = truth(("mug", A), ("cushion", B), crowds=[0])
    found = rows(("mug", 0.9, A), ("bowl", 0.8, A), ("mug", 0.7, B), ("bowl", 0.6, B))
    matches = match_frames([true], [found], NAMES)
    assert kinds(matches) == ["ignored", "false", "ignored", "ignored"]
    assert matches.things.tolist() == [NOTHING] * 4
    assert matches.objects.sum() == 0


def test_pictures_do_not_mix() -> None:
    truths = [truth(("mug", A)), truth(), truth(("bowl", A), ("mug", B))]
    found = [rows(), rows(("mug", 0.9, A)), rows(("mug", 0.4, B), ("bowl", 0.9, A))]
    matches = match_frames(truths, found, NAMES)
    assert matches.pictures.tolist() == [1, 2, 2]
    assert kinds(matches) == ["false", "true", "true"]
    assert matches.things.tolist() == [NOTHING, 1, 2]
    assert matches.objects.tolist() == [[1, 0, 0], [0, 0, 0], [1, 1, 0]]


def test_no_pictures_no_things_and_no_detections_are_no_trouble() -> None:
    assert len(match_frames([], [], NAMES)) == 0
    assert kinds(match_frames([truth()], [rows(("mug", 0.5, A))], NAMES)) == ["false"]
    matches = match_frames([truth(("mug", A))], [rows()], NAMES)
    assert (len(matches), matches.objects.tolist()) == (0, [[1, 0, 0]])


@pytest.mark.parametrize("least", [0.2, 0.5, 0.75])
def test_a_least_score_only_cuts_off_the_rest(least: float) -> None:
    """Matched after the cut, all detections find what they found before it."""
    frames = random_frames(1, 60)
    names = [f"n{index}" for index in range(3)]
    truths = truths_of(frames)
    everything = [frame.rows[0] for frame in frames]
    whole = match_frames(truths, everything, names)
    count = [int(np.count_nonzero(each.scores >= least)) for each in everything]
    cut = match_frames(
        truths,
        [
            FrameRows(each.boxes[:n], each.scores[:n], each.labels[:n], None)
            for each, n in zip(everything, count, strict=True)
        ],
        names,
    )
    kept = whole.scores >= least
    assert 50 < np.count_nonzero(kept) < len(whole)
    for field in ("pictures", "labels", "scores", "ranks", "true", "ignored", "things"):
        np.testing.assert_array_equal(getattr(whole, field)[kept], getattr(cut, field))


def test_pictures_are_matched_some_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = random_frames(2, 50)
    truths = truths_of(frames)
    given = (truths, [frame.rows[0] for frame in frames], ["n0", "n1", "n2"])
    at_once = match_frames(*given)
    monkeypatch.setattr("vit_perception.evaluation.figures.matches._PICTURES_AT_ONCE", 7)
    in_parts = match_frames(*given)
    assert {"true", "false", "ignored"} == set(kinds(at_once))
    for field in ("true", "ignored", "things"):
        np.testing.assert_array_equal(getattr(at_once, field), getattr(in_parts, field))
