# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Kinds of errors and what each of them costs: TIDE (Bolya et al., ECCV 2020)."""

from __future__ import annotations

from vit_perception.evaluation.report.page import Section
from vit_perception.evaluation.report.rendering import render
from vit_perception.evaluation.report.sections.runs import Metrics, run_titles
from vit_perception.evaluation.report.tables import Cell, Column, table
from vit_perception.evaluation.report.values import share
from vit_perception.wording import counted

_KINDS = (
    ("classification", "Right place, wrong name"),
    ("localization", "Right name, box too far off"),
    ("both", "Wrong name and box too far off"),
    ("duplicate", "Found twice"),
    ("background", "Nothing there"),
    ("missed", "Not found at all"),
    ("false", "All that is false"),
    ("missed_all", "All that is not found"),
)


def errors(metrics: Metrics) -> Section | None:
    """Returns a bar for each kind and run; None where nothing was measured."""
    runs = metrics["runs"]
    lost = [value for run in runs for value in run["errors"]["ap50_lost"].values()]
    known = [value for value in lost if value is not None]
    if not known:
        return None
    titles = run_titles(metrics)
    most = max([*known, 1e-9])
    rows = []
    for kind, words in _KINDS:
        row: list[str | Cell] = [words]
        for series, run in enumerate(runs):
            value = run["errors"]["ap50_lost"].get(kind)
            number = run["errors"]["counts"].get(kind)
            row.append(
                Cell(
                    share(value),
                    below="" if number is None else counted(number, "time"),
                    bar=min(max((value or 0) / most, 0), 1),
                    series=series,
                )
            )
        rows.append(row)
    return Section(
        "Kinds of errors",
        render(
            "text_and_tables.html",
            about=(
                "How much AP50 would rise if one kind of error were mended (TIDE). The kinds "
                "overlap, so they do not add up. AP50 is of all detections; how often is of "
                "those that a robot publishes."
            ),
            tables=[
                table(
                    "AP50 lost, and how often it happened",
                    [Column("Kind", text=True), *(Column(titles[run["key"]]) for run in runs)],
                    rows,
                )
            ],
        ),
    )
