# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest

from test.evaluation.figures.frames import NAMES, looked_at, rows, run, truth
from vit_perception.evaluation.figures.measure import measure
from vit_perception.evaluation.rows.looked_at import LookedAt

pytest.importorskip("hotcoco")

A, B, FAR = (0, 0, 40, 40), (60, 0, 100, 40), (200, 200, 240, 240)


def worst(frames: list[LookedAt]) -> list[dict[str, Any]]:
    """Of the only run."""
    table: list[dict[str, Any]] = measure(NAMES, [run()], frames)["runs"][0]["worst"]
    return table


def test_the_lowest_f1_comes_first_and_then_more_errors() -> None:
    true = truth(("mug", A), ("spoon", B))
    frames = [
        looked_at(0, true, rows(("mug", 0.9, A), ("spoon", 0.9, B)), stamp=0),
        looked_at(1, true, rows(("mug", 0.9, A)), stamp=0),
        looked_at(2, truth(("mug", A)), rows(("mug", 0.4, A)), stamp=0),
        looked_at(3, true, rows(("bowl", 0.9, FAR)), stamp=0),
        looked_at(4, truth(), rows(), stamp=0),
    ]
    table = worst(frames)
    assert [one["number"] for one in table] == [3, 2, 1]
    assert table[0] == {
        "sequence": "morning",
        "number": 3,
        "name": "",
        "stamp": 0,
        "true": 0,
        "false": 1,
        "missed": 2,
        "f1": 0.0,
        "wrong": ["nothing as bowl", "mug missed", "spoon missed"],
    }
    assert (table[2]["f1"], table[2]["wrong"]) == (0.666667, ["spoon missed"])


@pytest.mark.parametrize(
    ("found", "lines"),
    [
        (rows(("mug", 0.9, A)), ["mug missed", "spoon missed"]),
        (rows(("mug", 0.9, A), ("mug", 0.8, A), ("mug", 0.7, B), ("spoon", 0.6, FAR)), None),
        (rows(("mug", 0.9, (0, 20, 40, 60)), ("mug", 0.8, B)), None),
        (rows(("bowl", 0.9, A), ("bowl", 0.8, FAR), ("mug", 0.4, A)), None),
        (
            rows(
                *(("mug", 0.9, A), ("bowl", 0.8, A), ("bowl", 0.7, (400, 0, 440, 40))),
                *(("bowl", 0.3, B), ("bowl", 0.2, B)),
            ),
            None,
        ),
    ],
)
def test_what_is_wrong_is_said_in_words(found: Any, lines: list[str] | None) -> None:
    true = truth(("mug", A), ("mug", B), ("spoon", FAR))
    expected = {
        1: ["mug missed", "spoon missed"],
        4: ["mug twice"],
        2: ["mug misplaced", "mug missed", "spoon missed"],
        3: ["mug as bowl", "spoon as bowl", "mug missed"],
        5: ["mug also as bowl", "nothing as bowl", "mug missed", "spoon missed"],
    }
    assert worst([looked_at(0, true, found)])[0]["wrong"] == (lines or expected[len(found)])


def test_equal_errors_are_counted() -> None:
    true = truth(("mug", A), ("mug", B))
    assert worst([looked_at(0, true, rows())])[0]["wrong"] == ["mug missed (2)"]


def test_what_is_not_judged_is_not_wrong() -> None:
    true = truth(("mug", A), ("cushion", B), ("spoon", FAR), crowds=[0])
    found = rows(("mug", 0.9, A), ("spoon", 0.9, B))
    assert worst([looked_at(0, true, found)])[0]["wrong"] == ["spoon missed"]


def test_the_ten_worst_are_of_different_moments_where_there_are_enough() -> None:
    true = truth(("mug", A))
    frames = [looked_at(number, true, rows()) for number in range(300)]
    assert [one["number"] for one in worst(frames)] == list(range(0, 200, 20))
    assert [one["number"] for one in worst(frames[:40])] == [*range(9), 20]
