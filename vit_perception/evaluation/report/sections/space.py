# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""How far boxes in space are from where things truly are."""

from __future__ import annotations

from vit_perception.evaluation.report.page import Section
from vit_perception.evaluation.report.rendering import render
from vit_perception.evaluation.report.sections.runs import Metrics, run_titles
from vit_perception.evaluation.report.tables import Column, table
from vit_perception.evaluation.report.values import label, number

_HEADS = {
    "things": "Things",
    "found": "Found",
    "centre_median_mm": "Centre off by, mm (median)",
    "centre_p95_mm": "Centre off by, mm (95th)",
}


def space(metrics: Metrics) -> Section | None:
    """Returns the errors of each run that has some; None where no source has truth in space."""
    runs = [run for run in metrics["runs"] if run.get("space")]
    if not runs:
        return None
    titles = run_titles(metrics)
    keys = [key for key in _HEADS if any(key in run["space"] for run in runs)]
    rows = [[titles[run["key"]], *(number(run["space"].get(key)) for key in keys)] for run in runs]
    columns = [Column("Run", text=True), *(Column(_HEADS[key]) for key in keys)]
    tables = [table("Boxes in space", columns, rows)]
    for run in runs:
        per_name = run["space"].get("per_name") or {}
        if not per_name:
            continue
        there = [key for key in _HEADS if any(key in row for row in per_name.values())]
        tables.append(
            table(
                f"By name: {titles[run['key']]}",
                [Column("Name", text=True), *(Column(_HEADS[key]) for key in there)],
                [
                    [label(name), *(number(row.get(key)) for key in there)]
                    for name, row in sorted(per_name.items())
                ],
                sorts=True,
            )
        )
    return Section("Places in space", render("text_and_tables.html", about="", tables=tables))
