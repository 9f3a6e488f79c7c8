# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Which names are taken for which."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import Any

from vit_perception.evaluation.report.page import Section
from vit_perception.evaluation.report.rendering import render
from vit_perception.evaluation.report.sections.runs import Metrics, run_titles
from vit_perception.evaluation.report.values import count

_SHADES = 5
"""Steps of the heat; see page.css."""


def confusion(metrics: Metrics) -> Section | None:
    """Returns a table for each run, the first one open; None where nothing was found or true."""
    runs = [run for run in metrics["runs"] if any(map(any, run["confusion"]["counts"]))]
    if not runs:
        return None
    titles = run_titles(metrics)
    return Section(
        "Confusion between names",
        render("confusion.html", runs=[_run(run, titles[run["key"]]) for run in runs]),
    )


def _run(run: Mapping[str, Any], title: str) -> dict[str, Any]:
    names, counts = run["confusion"]["names"], run["confusion"]["counts"]
    return {
        "title": title,
        "names": names,
        "rows": [
            (
                "nothing" if place == len(names) - 1 else names[place],
                [
                    _cell(value, sum(row), place, column, len(row) - 1)
                    for column, value in enumerate(row)
                ],
            )
            for place, row in enumerate(counts)
        ],
    }


def _cell(value: int, all_of_row: int, row: int, column: int, last: int) -> dict[str, str]:
    """Returns a cell; its shade is its share of the row."""
    if row == column == last:
        return {"text": "", "kind": ""}
    kinds = ["own"] if row == column else [] if value else ["zero"]
    kinds += [f"h{ceil(_SHADES * value / all_of_row)}"] if value else []
    return {"text": count(value) if value or row == column else "·", "kind": " ".join(kinds)}
