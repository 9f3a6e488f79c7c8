# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from test.evaluation.figures.frames import random_frames, run, truths_of
from vit_perception.evaluation.figures.coco_comparison import CocoComparison
from vit_perception.evaluation.figures.flat import flat_rows, flat_things
from vit_perception.evaluation.figures.measure import measure

pytest.importorskip("hotcoco")

ASKED = ("n0", "n1", "n2")


def test_pictures_are_compared_some_at_a_time_and_in_groups(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    frames = random_frames(1, 60)
    things = flat_things(truths_of(frames), ASKED)
    found = flat_rows([frame.rows[0] for frame in frames])
    at_once = CocoComparison(3)
    at_once.add(things, found, (0, 60))
    monkeypatch.setattr("vit_perception.evaluation.figures.coco_comparison._PICTURES_AT_ONCE", 7)
    groups = [CocoComparison(3), CocoComparison(3)]
    groups[0].add(things, found, (0, 25))
    groups[1].add(things, found, (25, 60))
    together, whole = CocoComparison.together(groups), at_once.averages()
    np.testing.assert_array_equal(together.precision, whole.precision)
    np.testing.assert_array_equal(together.recall, whole.recall)
    assert groups[0].averages().ap() != whole.ap()


def test_each_sequence_has_the_figures_it_has_alone() -> None:
    frames = random_frames(2, 60, sequences=("a", "b", "c"))
    figures = measure(ASKED, [run(names=ASKED)], frames)["runs"][0]["sequences"]
    assert list(figures) == ["a", "b", "c"]
    for key, one in figures.items():
        alone = measure(
            ASKED, [run(names=ASKED)], [frame for frame in frames if frame.sequence == key]
        )
        assert one == {
            "objects": alone["objects"],
            "pictures": 20,
            "AP": alone["runs"][0]["boxes"]["AP"],
            "AP50": alone["runs"][0]["boxes"]["AP50"],
            "f1": alone["runs"][0]["published"]["f1"],
        }
