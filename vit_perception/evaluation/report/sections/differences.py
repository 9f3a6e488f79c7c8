# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Where two runs differ most, picture by picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from vit_perception.evaluation.report.page import Section
from vit_perception.evaluation.report.rendering import render
from vit_perception.evaluation.report.sections.frames import place_of
from vit_perception.evaluation.report.sections.runs import Metrics, run_titles
from vit_perception.evaluation.report.tables import Cell, Column, table
from vit_perception.evaluation.report.values import label, line, share, signed

_CHANGES_SHOWN = 6


def differences(metrics: Metrics) -> Section | None:
    """Returns a table for each pair of runs; None for a single run or no objects."""
    if not metrics["differences"] or not metrics["objects"]:
        return None
    titles = run_titles(metrics)
    tables = [_measures(metrics, titles)]
    tables += [_frames(metrics, each, titles) for each in metrics["differences"] if each["frames"]]
    return Section(
        "Differences between runs",
        render(
            "text_and_tables.html",
            about=(
                "The intervals come from drawing the same stretches of the recordings for both "
                "runs again and again: a difference is sure where its interval leaves out 0."
            ),
            tables=tables,
        ),
    )


def _measures(metrics: Metrics, titles: Mapping[str, str]) -> str:
    columns = [Column("Runs", text=True), Column("AP50"), Column("F1"), Column("Verdict")]
    rows: list[list[str | Cell]] = []
    for each in metrics["differences"]:
        row: list[str | Cell] = [f"{titles[each['b']]} against {titles[each['a']]}"]
        for key in ("AP50", "f1"):
            found = each[key]
            known = found["low"] is not None and found["high"] is not None
            ends = f"{signed(found['low'])} to {signed(found['high'])}" if known else ""
            row.append(Cell(signed(found["difference"]), below=ends))
        rows.append([*row, label(each["verdict"])])
    return table("Differences with their 95 % intervals", columns, rows)


def _frames(metrics: Metrics, difference: Mapping[str, Any], titles: Mapping[str, str]) -> str:
    first, other = titles[difference["a"]], titles[difference["b"]]
    columns = [Column("Picture", text=True), Column(first), Column(other)]
    rows: list[list[str | Cell]] = [
        [
            Cell(*place_of(metrics, frame)),
            share(frame["f1_a"]),
            share(frame["f1_b"]),
            Cell("", lines=_changes(frame["changed"])),
        ]
        for frame in difference["frames"]
    ]
    return table(
        f"F1 of the pictures that change most from {first} to {other}",
        [*columns, Column("What changes", text=True)],
        rows,
    )


def _changes(lines: Sequence[str]) -> tuple[str, ...]:
    shown = [line(text) for text in lines[:_CHANGES_SHOWN]]
    more = len(lines) - len(shown)
    return (*shown, *([f"{more} more"] if more else []))
