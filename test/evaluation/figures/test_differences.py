# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from test.evaluation.figures.frames import NAMES, looked_at, random_frames, rows, run, truth
from vit_perception.evaluation.figures.measure import measure
from vit_perception.evaluation.rows.looked_at import LookedAt

pytest.importorskip("hotcoco")

ASKED = ("n0", "n1", "n2")
A, B, FAR = (0, 0, 40, 40), (60, 0, 100, 40), (200, 200, 240, 240)


def compared(frames: list[LookedAt], names: tuple[str, ...] = ASKED) -> dict[str, Any]:
    """How the second run differs from the first."""
    table = measure(names, [run("a", names), run("b", names)], frames)
    difference: dict[str, Any] = table["differences"][0]
    return difference


def test_the_same_results_differ_by_nothing() -> None:
    difference = compared(random_frames(1, 300, noise=(0, 0)))
    nothing = {"difference": 0.0, "low": 0.0, "high": 0.0}
    assert (difference["a"], difference["b"]) == ("a", "b")
    assert difference["AP50"] == difference["f1"] == nothing
    assert (difference["verdict"], difference["frames"]) == ("cannot tell", [])


def test_shaken_boxes_are_worse_and_the_other_way_round_better() -> None:
    worse = compared(random_frames(1, 300, noise=(0, 8)))
    assert worse["verdict"] == "worse"
    assert worse["AP50"]["low"] < worse["AP50"]["difference"] < worse["AP50"]["high"] < 0
    better = compared(random_frames(1, 300, noise=(8, 0)))
    assert better["verdict"] == "better"
    assert better["AP50"]["low"] > 0


def test_scores_by_chance_are_worse() -> None:
    rng = np.random.default_rng(0)
    frames = []
    for frame in random_frames(1, 300, noise=(0, 0)):
        first, second = frame.rows
        order = rng.permutation(len(second))
        mixed = replace(second, boxes=second.boxes[order], labels=second.labels[order])
        frames.append(replace(frame, rows=(first, mixed)))
    assert compared(frames)["verdict"] == "worse"


def test_a_difference_by_chance_cannot_be_told() -> None:
    """Each run is shaken in its own way, by the same amount."""
    difference = compared(random_frames(1, 300, noise=(4, 4)))
    assert difference["AP50"]["low"] < 0 < difference["AP50"]["high"]
    assert difference["verdict"] == "cannot tell"


def test_a_short_recording_tells_nothing() -> None:
    difference = compared(random_frames(1, 60, noise=(0, 8), sequences=("one",)))
    assert difference["AP50"]["difference"] < -0.05
    assert (difference["AP50"]["low"], difference["verdict"]) == (None, "cannot tell")


def test_every_later_run_is_compared_with_the_first() -> None:
    frames = random_frames(2, 100, noise=(0, 2, 8))
    table = measure(ASKED, [run(key, ASKED) for key in "abc"], frames)
    assert [(one["a"], one["b"]) for one in table["differences"]] == [("a", "b"), ("a", "c")]
    assert measure(ASKED, [run("a", ASKED)], random_frames(2, 10))["differences"] == []


def test_pictures_that_changed_most_come_first_with_what_changed() -> None:
    true = truth(("mug", A), ("spoon", B))
    good = rows(("mug", 0.9, A), ("spoon", 0.8, B))
    frames = [
        looked_at(0, true, good, good),
        looked_at(1, true, good, rows(("bowl", 0.9, A), ("spoon", 0.8, B)), sequence="b"),
        looked_at(0, true, good, rows(("mug", 0.9, FAR)), sequence="c"),
        looked_at(0, truth(), rows(("mug", 0.9, FAR)), rows(), sequence="d", stamp=0),
    ]
    shown = compared(frames, NAMES)["frames"]
    assert [(one["sequence"], one["number"]) for one in shown] == [("c", 0), ("d", 0), ("b", 1)]
    assert shown[0]["changed"] == [
        "new: nothing as mug",
        "new: mug missed",
        "new: spoon missed",
    ]
    assert (shown[0]["f1_a"], shown[0]["f1_b"]) == (1.0, 0.0)
    assert (shown[1]["f1_a"], shown[1]["f1_b"], shown[1]["stamp"]) == (0.0, None, 0)
    assert shown[1]["changed"] == ["no longer: nothing as mug"]
    assert shown[2]["changed"] == ["new: mug as bowl"]


def test_pictures_of_one_moment_do_not_fill_the_list() -> None:
    """Each block shows its largest change before any shows another."""
    true, good, bad = truth(("mug", A)), rows(("mug", 0.9, A)), rows()
    half = rows(("mug", 0.9, A), ("mug", 0.8, FAR))
    frames = [looked_at(number, true, good, bad) for number in range(40)]
    frames += [looked_at(400 + number, true, good, half) for number in range(20)]
    shown = compared(frames, NAMES)["frames"]
    assert len(shown) == 20
    assert [one["number"] for one in shown] == [*range(18), 20, 400]
