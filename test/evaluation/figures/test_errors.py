# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Kinds of errors, one by one, and against hotcoco's own analysis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from test.evaluation.figures.frames import (
    NAMES,
    Box,
    random_frames,
    rows,
    run,
    truth,
    truths_of,
    untied,
)
from vit_perception.evaluation.figures.counts import published
from vit_perception.evaluation.figures.errors import LOST, errors
from vit_perception.evaluation.figures.flat import Rows, Things, flat_rows, flat_things
from vit_perception.evaluation.figures.kinds import KINDS, NO_ERROR, Errors, errors_of
from vit_perception.evaluation.figures.library_form import categories, images, sides, table
from vit_perception.evaluation.figures.matches import NOTHING, Matches, match
from vit_perception.evaluation.rows.looked_at import FrameRows
from vit_perception.evaluation.samples.sample import FrameTruth

hotcoco = pytest.importorskip("hotcoco")

A, B, FAR = (0, 0, 40, 40), (60, 0, 100, 40), (200, 200, 240, 240)
BESIDE_A = (0, 20, 40, 60)
"""Overlaps A by a third."""
THEIRS = {
    "classification": "Cls",
    "localization": "Loc",
    "both": "Both",
    "duplicate": "Dupe",
    "background": "Bkg",
    "missed": "Miss",
    "false": "FP",
    "missed_all": "FN",
}


def judged(
    truths: Sequence[FrameTruth], found: Sequence[FrameRows], names: Sequence[str] = NAMES
) -> tuple[Things, Rows, Matches, Errors]:
    """Errors, and what they are made of."""
    things, detections = flat_things(truths, names), flat_rows(found)
    matches = match(things, detections, len(truths), len(names))
    return things, detections, matches, errors_of(things, detections, matches)


def analysed(
    true: FrameTruth, *found: tuple[str, float, Box]
) -> tuple[list[str], dict[str, int], dict[str, Any]]:
    """Kind of each detection, counts from a score of 0.5 on, and AP50 lost to each kind."""
    things, _, matches, wrong = judged([true], [rows(*found)])
    figures = errors(things, matches, wrong, published(matches, run()))
    assert list(figures["ap50_lost"]) == list(LOST)
    kinds = ["" if kind == NO_ERROR else KINDS[kind] for kind in wrong.kinds]
    lost = {kind: round(value, 6) for kind, value in figures["ap50_lost"].items() if value}
    return kinds, {kind: n for kind, n in figures["counts"].items() if n}, lost


def test_a_wrong_name_costs_what_the_right_one_would_bring() -> None:
    kinds, counts, lost = analysed(truth(("mug", A)), ("bowl", 0.9, A))
    assert (kinds, counts) == (["classification"], {"classification": 1})
    assert lost == {"classification": 1, "missed_all": 1}


def test_a_box_beside_its_thing_costs_what_the_right_place_would_bring() -> None:
    kinds, counts, lost = analysed(truth(("mug", A)), ("mug", 0.9, BESIDE_A))
    assert (kinds, counts) == (["localization"], {"localization": 1})
    assert lost["localization"] == 1
    assert "missed" not in lost


def test_a_second_box_costs_the_precision_before_the_next_thing() -> None:
    true = truth(("mug", A), ("mug", B))
    kinds, counts, lost = analysed(true, ("mug", 0.9, A), ("mug", 0.8, A), ("mug", 0.7, B))
    assert kinds == ["", "duplicate", ""]
    assert counts == {"duplicate": 1}
    # Precision 1 up to a recall of one half, and 2/3 from there on, at 50 of 101 places.
    assert lost == {"duplicate": round(50 / 3 / 101, 6), "false": round(50 / 3 / 101, 6)}


def test_a_box_on_nothing_costs_the_precision_of_what_comes_after_it() -> None:
    kinds, counts, lost = analysed(truth(("mug", A)), ("mug", 0.9, FAR), ("mug", 0.8, A))
    assert (kinds, counts) == (["background", ""], {"background": 1})
    assert lost == {"background": 0.5, "false": 0.5}


def test_a_box_of_the_wrong_name_in_the_wrong_place_is_both() -> None:
    true = truth(("mug", A), ("bowl", B))
    kinds, counts, lost = analysed(
        true, ("bowl", 0.9, BESIDE_A), ("bowl", 0.8, B), ("mug", 0.7, A)
    )
    assert (kinds, counts) == (["both", "", ""], {"both": 1})
    assert lost == {"both": 0.25, "false": 0.25}


def test_a_missed_thing_costs_its_recall() -> None:
    kinds, counts, lost = analysed(truth(("mug", A), ("mug", B)), ("mug", 0.9, A))
    assert (kinds, counts) == ([""], {"missed": 1})
    assert lost == {"missed": round(50 / 101, 6), "missed_all": round(50 / 101, 6)}


def test_a_name_that_is_never_found_costs_its_share() -> None:
    true = truth(("mug", A), ("bowl", B))
    _, counts, lost = analysed(true, ("mug", 0.9, A), ("bowl", 0.8, FAR))
    assert counts == {"background": 1, "missed": 1}
    assert lost == {"missed": 0.5, "missed_all": 0.5}


def test_counts_are_of_what_is_published_and_costs_of_everything() -> None:
    true = truth(("mug", A), ("bowl", B), ("cushion", FAR))
    found = (("bowl", 0.4, A), ("spoon", 0.9, FAR), ("bowl", 0.3, B))
    kinds, counts, lost = analysed(true, *found)
    assert kinds == ["", "classification", ""]
    assert counts == {"missed": 2}
    # The mug would be found by the bowl's name; the bowl would not come after a false one.
    assert lost["classification"] == 0.75


def test_of_several_boxes_that_could_be_mended_the_best_is() -> None:
    true = truth(("mug", A))
    _, _, wrong_first = analysed(true, ("bowl", 0.9, A), ("mug", 0.6, BESIDE_A))
    assert wrong_first == {"classification": 1, "missed_all": 1}
    _, _, beside_first = analysed(true, ("bowl", 0.5, A), ("mug", 0.6, BESIDE_A))
    assert beside_first == {"localization": 1, "missed_all": 1}


def test_without_objects_there_is_nothing_to_lose() -> None:
    things, _, matches, wrong = judged([truth()], [rows(("mug", 0.9, A))])
    figures = errors(things, matches, wrong, published(matches, run()))
    assert figures["ap50_lost"] == dict.fromkeys(LOST)
    assert figures["counts"]["background"] == 1


@pytest.mark.parametrize("seed", range(4))
def test_hotcoco_finds_the_same(seed: int) -> None:
    """Where no scores are equal; equal ones it orders in another way once they are mended."""
    asked = ("n0", "n1", "n2")
    frames = untied(random_frames(seed, 80))
    found = [frame.rows[0] for frame in frames]
    things, detections, matches, wrong = judged(truths_of(frames), found, asked)
    for kept in (published(matches, run(names=asked)), np.ones(len(matches), np.bool_)):
        figures = errors(things, matches, wrong, kept)
        theirs = tide(things, detections.chosen(np.flatnonzero(kept & ~matches.ignored)))
        assert figures["counts"] == {
            kind: theirs["counts"][THEIRS[kind]] for kind in figures["counts"]
        }
        assert min(figures["counts"].values()) > 0
    expected = {kind: theirs["delta_ap"][THEIRS[kind]] for kind in LOST}
    assert figures["ap50_lost"] == pytest.approx(expected, abs=1e-12)
    assert np.count_nonzero(wrong.mended != NOTHING) > 20


def tide(things: Things, found: Rows) -> Any:
    """Of the objects and detections that are judged, and without regions."""
    objects = things.chosen(np.flatnonzero(things.judged()))
    data = hotcoco.COCO.from_arrays(
        images(0, 80),
        categories(3),
        objects.pictures + 1,
        objects.labels + 1,
        sides(objects.boxes),
    )
    evaluation = hotcoco.COCOeval(data, data.load_res(table(found)), "bbox")
    evaluation.evaluate()
    return evaluation.tide_errors(0.5, 0.1)
