# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Where the pictures come from, what each source gives, and what was left out of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vit_perception.evaluation.report.page import Section
from vit_perception.evaluation.report.rendering import render
from vit_perception.evaluation.report.sections.left_out import causes, left_out_lines
from vit_perception.evaluation.report.sections.runs import Metrics, run_titles
from vit_perception.evaluation.report.tables import Cell, Column, table
from vit_perception.evaluation.report.values import NOTHING, count, label, line, share


def sources(metrics: Metrics) -> Section | None:
    """Returns tables of recordings, cameras, folders and parts; None without sources."""
    if not metrics["sources"]:
        return None
    tables = [_sources(metrics, with_truth=True)]
    if len(metrics["sources"]) > 1:
        tables.append(_sequences(metrics))
    if any(run["parts"] for run in metrics["runs"]):
        tables.append(_parts(metrics))
    return _section("Recordings and parts", metrics, tables, "metrics.json")


def recordings(found: Mapping[str, Any]) -> Section | None:
    """Returns what was read of recordings without truth; None without sources.

    Args:
        found: content of agreement.json.
    """
    if not found["sources"]:
        return None
    tables = [_sources(found, with_truth=False)]
    return _section("Recordings", found, tables, "agreement.json")


def _section(title: str, found: Mapping[str, Any], tables: list[str], file: str) -> Section:
    read = found["sources"]
    return Section(
        title,
        render(
            "sources.html",
            tables=tables,
            lines=left_out_lines(found),
            examples=[text for source in read for text in source["left_out_lines"]],
            notes=[text for source in read for text in source["notes"]],
            file=file,
        ),
    )


def _sources(found: Mapping[str, Any], *, with_truth: bool) -> str:
    columns = [Column("Source", text=True), Column("Pictures"), Column("Looked at")]
    columns += [Column("With truth")] if with_truth else []
    columns += [Column("Left out", text=True)]
    rows = [
        [
            line(source["title"]),
            count(source["pictures"]),
            count(source["looked_at"]),
            *([count(source["with_truth"])] if with_truth else []),
            causes(source["left_out"]) or NOTHING,
        ]
        for source in found["sources"]
    ]
    return table("What was read", columns, rows)


def _sequences(metrics: Metrics) -> str:
    titles = run_titles(metrics)
    columns = [Column("Source", text=True), Column("Pictures"), Column("Objects")]
    columns += [Column(titles[run["key"]]) for run in metrics["runs"]]
    rows: list[list[str | Cell]] = []
    for source in metrics["sources"]:
        found = [run["sequences"].get(source["key"]) for run in metrics["runs"]]
        first = next((each for each in found if each), None)
        if first is not None:
            rows.append(
                [
                    line(source["title"]),
                    count(first["pictures"]),
                    count(first["objects"]),
                    *(_precision(each, "F1", "f1") for each in found),
                ]
            )
    return table("AP50 of each source alone, and below it F1", columns, rows)


def _parts(metrics: Metrics) -> str:
    titles = run_titles(metrics)
    columns = [Column("Part", text=True), Column("Objects")]
    columns += [Column(titles[run["key"]]) for run in metrics["runs"]]
    parts = {part: row["objects"] for run in metrics["runs"] for part, row in run["parts"].items()}
    rows: list[list[str | Cell]] = [
        [
            label(part),
            count(objects),
            *(_precision(run["parts"].get(part), "AP", "AP") for run in metrics["runs"]),
        ]
        for part, objects in parts.items()
    ]
    return table("AP50 of each part of the truth alone, and below it AP", columns, rows)


def _precision(found: Mapping[str, Any] | None, word: str, key: str) -> str | Cell:
    if found is None or found["AP50"] is None:
        return NOTHING
    return Cell(share(found["AP50"]), below=f"{word} {share(found[key])}")
