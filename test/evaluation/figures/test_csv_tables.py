# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import csv
from io import StringIO

import pytest

from test.evaluation.figures.frames import looked_at, rows, run, truth
from vit_perception.evaluation.figures.csv_tables import errors_csv, frames_csv, names_csv
from vit_perception.evaluation.figures.gather import gather
from vit_perception.evaluation.figures.measure import figures

pytest.importorskip("hotcoco")

ASKED = ("mug", '=HYPERLINK("x")', "two\nlines, and more")
A, B = (0, 0, 40, 40), (60, 0, 100, 40)


@pytest.fixture
def gathered() -> object:
    """Two runs, two pictures; the file of one is called like a formula."""
    good, bad = rows(("mug", 0.9, A)), rows(("mug", 0.9, B))
    true = truth(("mug", A), (ASKED[1], B))
    second = looked_at(1, truth(), rows(), rows(), sequence="-1+2")
    frames = [looked_at(0, true, good, bad, stamp=5), second]
    return gather(ASKED, [run("a", ASKED), run("b", ASKED)], frames)


def read(text: str) -> list[dict[str, str]]:
    """The rows."""
    assert text.endswith("\n") and "\r" not in text
    return list(csv.DictReader(StringIO(text)))


def test_names_have_a_row_for_every_run_and_cannot_be_formulas(gathered: object) -> None:
    table = read(names_csv(figures(gathered)))  # type: ignore[arg-type]
    assert [row["run"] for row in table] == ["a"] * 3 + ["b"] * 3
    assert [row["name"] for row in table[:3]] == [f"'{ASKED[1]}", "mug", ASKED[2]]
    assert table[1]["AP50"] == table[1]["f1"] == "1.0"
    assert table[2] | {"threshold": ""} == dict.fromkeys(table[2], "") | {
        "run": "a",
        "name": ASKED[2],
        "objects": "0",
    }


def test_errors_have_a_row_for_every_run_and_kind(gathered: object) -> None:
    table = read(errors_csv(figures(gathered)))  # type: ignore[arg-type]
    assert len(table) == 2 * 8
    assert table[5] == {"run": "a", "kind": "missed", "count": "1", "ap50_lost": "0.5"}
    assert table[6] == {"run": "a", "kind": "false", "count": "", "ap50_lost": "0.0"}
    assert table[8] == {"run": "b", "kind": "classification", "count": "1", "ap50_lost": "0.5"}


def test_frames_have_a_row_for_every_run_and_picture(gathered: object) -> None:
    table = read(frames_csv(gathered))  # type: ignore[arg-type]
    assert [(row["run"], row["sequence"]) for row in table] == [
        *(("a", "morning"), ("a", "'-1+2"), ("b", "morning"), ("b", "'-1+2")),
    ]
    assert list(table[0].values()) == ["a", "morning", "0", "", "5", "1", "0", "1", "0.666667"]
    assert list(table[2].values())[5:] == ["0", "1", "2", "0.0"]
    assert table[1]["f1"] == ""
