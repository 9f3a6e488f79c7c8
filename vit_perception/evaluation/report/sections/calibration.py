# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""How far scores can be read as probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vit_perception.evaluation.report.charts.plot import Bin, Line, plot
from vit_perception.evaluation.report.page import Section
from vit_perception.evaluation.report.rendering import render
from vit_perception.evaluation.report.sections.runs import Metrics, run_titles
from vit_perception.evaluation.report.tables import Column, table
from vit_perception.evaluation.report.values import count, share


def calibration(metrics: Metrics) -> Section | None:
    """Returns a reliability diagram for each run; None where there is no detection."""
    runs = [
        (series, run)
        for series, run in enumerate(metrics["runs"])
        if any(each["count"] for each in run["calibration"]["bins"])
    ]
    if not runs:
        return None
    titles = run_titles(metrics)
    return Section(
        "Reliability of scores",
        render(
            "charts.html",
            about=(
                "Scores that can be trusted lie on the dotted line: of detections with score 0.7, "
                "70 % are right. Below it a run is too sure. ECE is the mean distance from it, "
                "MCE the largest. Grey: the share of all detections with such scores."
            ),
            charts=[_chart(run, series, titles[run["key"]]) for series, run in runs],
            tables=[_table(run, titles[run["key"]]) for _, run in runs],
            tables_title="The diagrams as tables",
        ),
    )


def _chart(run: Mapping[str, Any], series: int, title: str) -> str:
    found = run["calibration"]
    bins = [each for each in found["bins"] if each["count"]]
    total = sum(each["count"] for each in bins)
    errors = f"ECE {share(found['ece'])}, MCE {share(found['mce'])}"
    return plot(
        title,
        f"Share of right detections against their score; {errors}.",
        ("Score", "Right"),
        [Line("right", [(each["score"], each["right"]) for each in bins], series, dots=True)],
        note=errors,
        bins=[Bin(each["low"], each["high"], each["count"] / total) for each in bins],
        ideal=True,
        legend=False,
    )


def _table(run: Mapping[str, Any], title: str) -> str:
    columns = [Column("Scores", text=True), Column("Mean score"), Column("Right")]
    rows = [
        [
            f"{each['low']:.2f} to {each['high']:.2f}",
            share(each["score"]),
            share(each["right"]),
            count(each["count"]),
        ]
        for each in run["calibration"]["bins"]
    ]
    return table(title, [*columns, Column("Detections")], rows)
