# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Figures of every name, in tables that sort."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from vit_perception.evaluation.report.page import Section
from vit_perception.evaluation.report.rendering import render
from vit_perception.evaluation.report.sections.runs import Metrics, run_titles
from vit_perception.evaluation.report.tables import MOST_ROWS, Column, table
from vit_perception.evaluation.report.values import count, label, share
from vit_perception.wording import counted

_FEW = 40
"""Names up to which all rows are drawn at once."""
_WEAKEST = 15
_ALL_ROWS = 5000
"""Rows of all tables of a page together."""

_COLUMNS = (
    ("Objects", "objects"),
    ("AP50", "AP50"),
    ("AP", "AP"),
    ("AP75", "AP75"),
    ("Mask AP", "mask_AP"),
    ("Precision", "precision"),
    ("Recall", "recall"),
    ("F1", "f1"),
    ("Threshold", "threshold"),
    ("Best threshold", "best_threshold"),
    ("F1 there", "best_f1"),
)


def names(metrics: Metrics) -> Section | None:
    """Returns a table that compares the runs and one for each run; None without objects."""
    runs = [run for run in metrics["runs"] if run["per_name"]]
    if not runs or not metrics["objects"]:
        return None
    titles = run_titles(metrics)
    tables = len(runs) + (len(runs) > 1)
    most = min(MOST_ROWS, max(200, _ALL_ROWS // tables))
    parts = [_part(titles[run["key"]], run["per_name"], _columns(run), most) for run in runs]
    if len(runs) > 1:
        parts.insert(0, _side_by_side(runs, titles, most))
    return Section("Names", render("names.html", parts=parts))


def _side_by_side(
    runs: list[Mapping[str, Any]], titles: Mapping[str, str], most: int
) -> dict[str, Any]:
    found = [{row["name"]: row for row in run["per_name"]} for run in runs]
    rows = [
        {"name": row["name"], "objects": row["objects"]}
        | {str(place): each.get(row["name"], {}).get("AP50") for place, each in enumerate(found)}
        for row in runs[0]["per_name"]
    ]
    columns = [("Objects", "objects")]
    columns += [(titles[run["key"]], str(place)) for place, run in enumerate(runs)]
    return _part("AP50 of all runs", rows, columns, most, weakest_by="0")


def _columns(run: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [
        (title, key)
        for title, key in _COLUMNS
        if key != "mask_AP" or any(row.get("mask_AP") is not None for row in run["per_name"])
    ]


def _part(
    title: str,
    rows: Sequence[Mapping[str, Any]],
    columns: list[tuple[str, str]],
    most: int,
    weakest_by: str = "AP50",
) -> dict[str, Any]:
    """Returns a table, behind a shorter one where it is long."""
    heads = [Column("Name", text=True), *(Column(head) for head, _ in columns)]

    def texts(row: Mapping[str, Any]) -> list[str]:
        return [label(row["name"]), *(_text(row[key], key) for _, key in columns)]

    few = len(rows) <= _FEW
    known = [row for row in rows if row[weakest_by] is not None]
    weakest = sorted(known, key=lambda row: (row[weakest_by], row["name"]))[:_WEAKEST]
    return {
        "title": title,
        "short": ""
        if few
        else table(
            f"{title}: the {counted(len(weakest), 'name')} with the lowest AP50",
            heads,
            [texts(row) for row in weakest],
        ),
        "all": table(title, heads, [texts(row) for row in rows[:most]], sorts=True, quiet=True),
        "few": few,
        "count": counted(min(len(rows), most), "name"),
        "left_out": counted(max(len(rows) - most, 0), "name") if len(rows) > most else "",
    }


def _text(value: float | None, key: str) -> str:
    if key == "objects":
        return count(None if value is None else int(value))
    return share(value)
