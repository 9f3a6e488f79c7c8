# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Agreement of two runs, and the frames in which they differ."""

from __future__ import annotations

import json
from typing import Any

import pytest

from vit_perception.evaluation.agreement.comparison import Comparison
from vit_perception.evaluation.rows.looked_at import LookedAt

from .looked import NAMES, PERIOD, START, Found, looked, rows, run

SCENE: Found = [
    ("mug", 0.9, (10, 10, 30, 30)),
    ("bowl", 0.8, (40, 10, 60, 30)),
    ("spoon", 0.2, (0, 50, 80, 60)),
]


def compared(frames: list[LookedAt]) -> dict[str, Any]:
    comparison = Comparison(NAMES, (run("a"), run("b")))
    for frame in frames:
        comparison.add(frame)
    return comparison.result()


def test_the_same_run_agrees_with_itself() -> None:
    found = rows(SCENE, masks=True)
    result = compared([looked(number, found, found) for number in range(45)])
    assert result["agreement"] == {"value": 1.0, "interval": None, "blocks": 3}
    assert result["boxes"] == {
        "a": 90,
        "b": 90,
        "both": 90,
        "share_a": 1.0,
        "share_b": 1.0,
        "iou": 1.0,
    }
    assert result["naming"] == {"same": 90, "share": 1.0, "renamed": []}
    assert result["masks"] == {"pairs": 90, "iou": 1.0, "iou_p10": 1.0}
    assert result["scores"] == {"change": 0.0, "absolute": 0.0, "absolute_p95": 0.0}
    assert result["differ_most"] == []
    assert [each["name"] for each in result["per_name"]] == ["bowl", "mug"]


def test_of_a_long_recording_it_is_sure() -> None:
    found = rows(SCENE)
    result = compared([looked(number, found, found) for number in range(200)])
    assert result["agreement"] == {"value": 1.0, "interval": [1.0, 1.0], "blocks": 10}


def test_only_what_a_robot_publishes_counts() -> None:
    surer = [*SCENE[:2], ("spoon", 0.6, (0, 50, 80, 60))]
    result = compared([looked(0, SCENE, surer)])
    assert (result["boxes"]["a"], result["boxes"]["b"], result["boxes"]["both"]) == (2, 3, 2)
    assert result["agreement"]["value"] == pytest.approx(4 / 5)
    (differing,) = result["differ_most"]
    assert differing["changed"] == ["spoon 0.60 only of b"]


def test_other_names_and_scores_are_told() -> None:
    renamed: Found = [("bowl", 0.7, (10, 10, 30, 30)), ("bowl", 0.7, (40, 10, 60, 30))]
    result = compared([looked(0, SCENE, renamed), looked(1, SCENE, [])])
    assert result["boxes"]["share_a"] == pytest.approx(2 / 4)
    assert result["boxes"]["share_b"] == 1
    assert result["naming"] == {
        "same": 1,
        "share": 0.5,
        "renamed": [{"a": "mug", "b": "bowl", "count": 1}],
    }
    assert result["agreement"]["value"] == pytest.approx(2 / 6)
    assert result["scores"]["change"] == pytest.approx(-0.1)
    assert result["scores"]["absolute"] == pytest.approx(0.1)
    assert result["masks"] is None
    by_name = {each["name"]: each for each in result["per_name"]}
    assert (by_name["mug"]["a"], by_name["mug"]["b"], by_name["mug"]["both"]) == (2, 0, 0)
    assert by_name["mug"]["agreement"] == 0
    assert by_name["bowl"]["agreement"] == pytest.approx(2 / 4)
    assert result["differ_most"][0]["changed"] == [
        "mug 0.90 only of a",
        "bowl 0.80 only of a",
    ]
    assert result["differ_most"][1]["changed"] == ["mug 0.90 of a is bowl 0.70 of b"]


def test_masks_are_compared_where_both_have_them() -> None:
    one = rows([("mug", 0.9, (10, 10, 30, 30))], masks=True)
    other = rows([("mug", 0.9, (10, 10, 30, 25))], masks=True)
    result = compared([looked(0, one, other), looked(1, one, one)])
    assert result["masks"]["iou"] == pytest.approx((0.75 + 1) / 2)
    assert result["per_name"][0]["mask_iou"] == pytest.approx((0.75 + 1) / 2)


def test_nothing_at_all_is_no_agreement() -> None:
    result = compared([looked(0, [], [])])
    assert result["agreement"]["value"] is None
    assert result["boxes"]["share_a"] is None
    assert compared([])["frames"] == 0


def test_frames_that_differ_most_lie_apart() -> None:
    frames = []
    for number in range(20 * 12):
        less = SCENE if number % 20 in (3, 4) else SCENE[:2]
        surer = [(name, 0.9, box) for name, _, box in less]
        frames.append(looked(number, SCENE, [] if number == 47 else surer))
    result = compared(frames)
    numbers = [each["number"] for each in result["differ_most"]]
    assert numbers[0] == 47  # 2 things are missed in it
    assert numbers[1:] == [3, 23, 63, 83, 103, 123, 143, 163, 183]


def test_neighbours_are_told_where_there_are_no_others() -> None:
    result = compared([looked(number, SCENE, SCENE[: number % 3]) for number in range(12)])
    numbers = [each["number"] for each in result["differ_most"]]
    assert numbers == [0, 3, 6, 9, 1, 4, 7, 10]


def test_flicker_is_told_of_each_run() -> None:
    frames = [looked(number, SCENE, SCENE[number % 2 :]) for number in range(9)]
    first, second = compared(frames)["flicker"]
    assert (first["gap_frames"], second["gap_frames"]) == (0, 4)


def test_less_agreement_is_found_with_its_interval() -> None:
    frames = [
        looked(number, SCENE, SCENE[number % 4 == 0 :], stamp=START + number * PERIOD)
        for number in range(400)
    ]
    agreement = compared(frames)["agreement"]
    assert agreement["value"] == pytest.approx(2 * 700 / 1500)
    low, high = agreement["interval"]
    assert low <= agreement["value"] <= high < 1


def test_figures_are_json_and_the_same_each_time() -> None:
    frames = [looked(number, SCENE, SCENE[number % 3 :]) for number in range(50)]
    assert json.dumps(compared(frames)) == json.dumps(compared(frames))
