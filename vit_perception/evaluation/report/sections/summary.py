# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The summary: what was measured, on what, which run is better and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vit_perception.evaluation.report.page import Section
from vit_perception.evaluation.report.rendering import render
from vit_perception.evaluation.report.sections.left_out import left_out_lines
from vit_perception.evaluation.report.sections.runs import Metrics, Timing, run_titles
from vit_perception.evaluation.report.sections.verdicts import verdicts
from vit_perception.evaluation.report.tables import Cell, Column, table
from vit_perception.evaluation.report.values import count, interval, number, share
from vit_perception.wording import counted


def summary(metrics: Metrics, timing: Timing) -> Section:
    """Returns the summary."""
    return Section(
        "Summary",
        render(
            "summary.html",
            verdicts=verdicts(metrics),
            pictures=count(metrics["pictures"]),
            looked_at=count(sum(source["looked_at"] for source in metrics["sources"])),
            objects=count(metrics["objects"]),
            sources=[source["title"] for source in metrics["sources"]],
            names=metrics["names"],
            lines=left_out_lines(metrics),
            command=metrics["command"],
            table=_table(metrics, timing),
        ),
    )


def _table(metrics: Metrics, timing: Timing) -> str:
    titles = run_titles(metrics)
    times: Mapping[str, Any] = timing.get("runs") or {}
    masks = any(run["masks"] for run in metrics["runs"])
    columns = [Column("Run", text=True), Column("AP50"), Column("AP"), Column("F1")]
    columns += [Column("Precision"), Column("Recall")]
    columns += [Column("Mask AP")] if masks else []
    columns += [Column("Network, ms")] if times else []
    rows = []
    for run in metrics["runs"]:
        published, ends = run["published"], run["intervals"]
        row: list[str | Cell] = [
            titles[run["key"]],
            Cell(share(run["boxes"]["AP50"]), below=interval(ends["AP50"])),
            share(run["boxes"]["AP"]),
            Cell(share(published["f1"]), below=interval(ends["f1"])),
            share(published["precision"]),
            share(published["recall"]),
        ]
        row += [share(run["masks"]["AP"] if run["masks"] else None)] if masks else []
        session = times.get(run["key"], {}).get("session_ms") or {}
        row += [number(session.get("p50"))] if times else []
        rows.append(row)
    overlap = metrics["limits"]["overlap"]
    caption = (
        "Precision, recall and F1 are those of what a robot publishes, at IoU "
        f"{overlap}. {_sureness(metrics)}"
    )
    if times:
        caption += " ms: the median picture."
    return table(caption, columns, rows)


def _sureness(metrics: Metrics) -> str:
    intervals = [run["intervals"] for run in metrics["runs"]]
    if not any(interval(each["AP50"]) for each in intervals):
        return "There are too few pictures to say how sure that is."
    over = counted(intervals[0]["blocks"], "stretch", "stretches")
    return f"Small: the 95 % interval over {over} of the recordings."
