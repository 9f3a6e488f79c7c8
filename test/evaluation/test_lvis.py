# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Known answers, computed by hand from LVIS's definitions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from vit_perception.evaluation.dataset import EvaluationError
from vit_perception.evaluation.lvis import FIGURES, evaluate_lvis
from vit_perception.evaluation.tables import format_lvis

from .lvis_pictures import IDS, Answer, answering, document, load, write

pytest.importorskip("hotcoco")

A, B, C = (0, 0, 40, 40), (60, 0, 100, 40), (0, 60, 40, 100)
NOTHING = (100, 60, 140, 100)


def measured(
    folder: Path,
    content: dict[str, Any],
    answers: Mapping[int, Sequence[Answer]],
    **limits: int,
) -> dict[str, Any]:
    """Metrics of a detector that gives these answers."""
    data = load(write(folder, content))
    return evaluate_lvis(data, answering(tuple(IDS), answers), **limits)


def test_everything_right_is_one(tmp_path: Path) -> None:
    content = document({1: [("mug", A), ("spoon", B)], 2: [("hat", C)]}, {1: ["hat"]})
    answers = {1: [("mug", 0.9, A), ("spoon", 0.4, B)], 2: [("hat", 0.3, C)]}
    metrics = measured(tmp_path, content, answers)
    for kind in ("AP", "fixed_AP"):
        assert metrics[kind] == pytest.approx(dict.fromkeys(FIGURES, 1.0))
    assert metrics["pictures"] == 2
    assert (metrics["objects"], metrics["detections"]) == (3, 3)
    assert (metrics["categories"], metrics["names"]) == (3, 3)
    assert metrics["measured"] == {"r": 1, "c": 1, "f": 1}


def test_precision_is_read_at_101_recalls(tmp_path: Path) -> None:
    # Right, wrong, right: precision 1 up to recall 0.5, then 2/3; 51 and 50 of the 101 points.
    content = document({1: [("mug", A), ("mug", B)]})
    answers = {1: [("mug", 0.9, A), ("mug", 0.8, NOTHING), ("mug", 0.7, B)]}
    metrics = measured(tmp_path, content, answers)
    expected = (51 * 1 + 50 * 2 / 3) / 101
    for kind in ("AP", "fixed_AP"):
        assert metrics[kind]["AP"] == pytest.approx(expected)
        assert metrics[kind]["AP75"] == pytest.approx(expected)


def test_looser_boxes_count_at_the_overlaps_they_reach(tmp_path: Path) -> None:
    # 40x40 of 40x50 px: IoU 0.8, found at 0.50 to 0.80: seven of ten. 32x32 of 40x40: 0.64.
    content = document({1: [("mug", A), ("spoon", B)]})
    answers = {1: [("mug", 0.9, (0, 0, 40, 50)), ("spoon", 0.9, (60, 0, 92, 32))]}
    figures = measured(tmp_path, content, answers)["AP"]
    assert figures["AP"] == pytest.approx((0.7 + 0.3) / 2)
    assert (figures["AP50"], figures["AP75"]) == pytest.approx((1, 0.5))


def test_figures_of_frequencies_are_means_over_their_categories(tmp_path: Path) -> None:
    content = document({1: [("mug", A), ("spoon", B)], 2: [("spoon", A)], 3: []}, {3: ["hat"]})
    answers = {1: [("mug", 0.9, NOTHING), ("mug", 0.8, A), ("spoon", 0.9, B)]}
    metrics = measured(tmp_path, content, answers)
    figures = metrics["AP"]
    # One of two spoons is found: precision 1 at the recalls up to 0.5, else 0.
    assert figures["APr"] == pytest.approx(0.5)
    assert figures["APc"] == pytest.approx(51 / 101)
    assert figures["APf"] is None
    assert figures["AP"] == pytest.approx((0.5 + 51 / 101) / 2)
    assert metrics["measured"] == {"r": 1, "c": 1, "f": 0}
    table = format_lvis(metrics | {"bundle": "toy", "precision": "fp32"})
    head, rows, reading = table.split("\n\n")
    assert head.startswith("lvis.json: 3 pictures, 3 objects, 3 names of 3 categories")
    assert [line.split()[-1] for line in rows.splitlines()] == ["APf", "-", "-"]
    assert rows.splitlines()[2].startswith("Fixed AP")
    assert "1 rare, 1 common and 0 frequent" in reading


def test_what_is_not_known_of_a_picture_is_not_judged(tmp_path: Path) -> None:
    # The surest mug lies in a picture of which nothing is known of mugs.
    objects = {1: [("mug", A)], 2: [("hat", A)]}
    answers = {1: [("mug", 0.5, A)], 2: [("mug", 0.9, B), ("hat", 0.5, A)]}
    metrics = measured(tmp_path / "unknown", document(objects), answers)
    assert metrics["AP"]["APr"] == metrics["fixed_AP"]["APr"] == pytest.approx(1)
    # Where mugs are known to be absent, the same box is false and halves the precision.
    metrics = measured(tmp_path / "absent", document(objects, {2: ["mug"]}), answers)
    assert metrics["AP"]["APr"] == metrics["fixed_AP"]["APr"] == pytest.approx(0.5)


def test_boxes_beside_objects_that_are_not_all_marked_are_not_judged(tmp_path: Path) -> None:
    objects = {1: [("mug", A)]}
    answers = {1: [("mug", 0.9, NOTHING), ("mug", 0.5, A)]}
    metrics = measured(tmp_path / "all", document(objects), answers)
    assert metrics["AP"]["APr"] == pytest.approx(0.5)
    content = document(objects, incomplete={1: ["mug"]})
    metrics = measured(tmp_path / "some", content, answers)
    assert metrics["AP"]["APr"] == metrics["fixed_AP"]["APr"] == pytest.approx(1)
    # A marked one that is missed is missed nevertheless.
    metrics = measured(tmp_path / "missed", content, {1: [("mug", 0.9, NOTHING)]})
    assert metrics["AP"]["APr"] == 0


def test_a_limit_per_picture_changes_ap_but_not_fixed_ap(tmp_path: Path) -> None:
    """Card 01: a hand-made set for Fixed AP."""
    # 300 surer hats, of which nothing is known, and then the mug.
    hats = [("hat", 0.9 - 0.001 * number, NOTHING) for number in range(300)]
    answers = {1: [*hats, ("mug", 0.1, A)]}
    metrics = measured(tmp_path / "limited", document({1: [("mug", A)]}), answers)
    assert metrics["AP"]["AP"] == 0
    assert metrics["fixed_AP"]["AP"] == pytest.approx(1)
    wider = measured(tmp_path / "wide", document({1: [("mug", A)]}), answers, per_picture=301)
    assert wider["AP"]["AP"] == pytest.approx(1)
    assert wider["fixed_AP"] == metrics["fixed_AP"]


def test_a_limit_per_category_changes_fixed_ap_but_not_ap(tmp_path: Path) -> None:
    # Of three mugs in three pictures the best two count.
    content = document({picture: [("mug", A)] for picture in (1, 2, 3)})
    answers = {picture: [("mug", 0.2 * picture, A)] for picture in (1, 2, 3)}
    metrics = measured(tmp_path / "three", content, answers, per_category=2)
    assert metrics["AP"]["AP"] == pytest.approx(1)
    assert metrics["fixed_AP"]["AP"] == pytest.approx(67 / 101)  # recalls 0 to 0.66
    assert measured(tmp_path / "all", content, answers, per_category=3)["fixed_AP"]["AP"] == 1


def test_what_is_not_judged_takes_its_place_among_the_best(tmp_path: Path) -> None:
    content = document({1: [("mug", A)], 2: [("hat", A)]})
    answers = {1: [("mug", 0.5, A)], 2: [("mug", 0.9, B), ("hat", 0.8, A)]}
    metrics = measured(tmp_path / "one", content, answers, per_category=1)
    assert metrics["fixed_AP"]["APr"] == 0
    assert metrics["fixed_AP"]["APf"] == metrics["AP"]["APr"] == pytest.approx(1)


def test_categories_that_share_a_name_are_found_together(tmp_path: Path) -> None:
    content = document({1: [("mug", A), ("spoon", B)]}, {1: ["hat"]})
    for entry, synonym in zip(content["categories"], ("bow_(weapon)", "Bow", "hat"), strict=True):
        entry["synonyms"] = [synonym]
    data = load(write(tmp_path, content))
    assert data.asked() == {"bow": (IDS["mug"], IDS["spoon"]), "hat": (IDS["hat"],)}
    answers = {1: [("bow", 0.9, A), ("bow", 0.8, B)]}
    metrics = evaluate_lvis(data, answering(("bow", "hat"), answers))
    assert (metrics["names"], metrics["categories"]) == (2, 3)
    # Each box is right for one category and wrong for the other, which for spoons comes first.
    assert metrics["AP"]["APr"] == pytest.approx(1)
    assert metrics["AP"]["APc"] == pytest.approx(0.5)
    # Of a limit per picture each takes two places.
    limited = evaluate_lvis(data, answering(("bow", "hat"), answers), per_picture=2)
    assert (limited["AP"]["APr"], limited["AP"]["APc"]) == pytest.approx((1, 0))


def test_a_set_without_objects_has_no_figures(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    data = load(write(tmp_path, document({1: [], 2: []}, {1: ["mug"]})))
    predict = answering(tuple(IDS), {1: [("mug", 0.9, A)]})
    metrics = evaluate_lvis(data, predict, lambda done, total: told.append((done, total)))
    assert told == [(1, 2), (2, 2)]
    assert metrics["AP"] == metrics["fixed_AP"] == dict.fromkeys(FIGURES)


def test_nothing_found_is_zero(tmp_path: Path) -> None:
    metrics = measured(tmp_path, document({1: [("mug", A)]}), {})
    assert metrics["AP"]["AP"] == metrics["fixed_AP"]["AP"] == 0
    assert metrics["AP"]["APf"] is None


def test_a_name_that_was_not_asked_for_is_refused(tmp_path: Path) -> None:
    data = load(write(tmp_path, document({1: [("mug", A)]})))
    with pytest.raises(EvaluationError, match="expected names of the dataset, found 'cup'"):
        evaluate_lvis(data, answering(("cup",), {1: [("cup", 0.9, A)]}))
