# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Precision against recall, and what every threshold on scores would give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from vit_perception.evaluation.report.charts.plot import Line, plot
from vit_perception.evaluation.report.page import Section
from vit_perception.evaluation.report.rendering import render
from vit_perception.evaluation.report.sections.runs import Metrics, run_titles
from vit_perception.evaluation.report.tables import Column, table
from vit_perception.evaluation.report.values import share


def precision_and_recall(metrics: Metrics) -> Section | None:
    """Returns the curves of all runs, the mean over names; None where nothing was measured."""
    runs = [run for run in metrics["runs"] if run["curve"]["precision"]]
    if not runs or not metrics["objects"]:
        return None
    titles = run_titles(metrics)
    charts = []
    for overlap, key, part in (("0.5", "precision", "AP50"), ("0.75", "precision75", "AP75")):
        lines = [
            Line(
                titles[run["key"]],
                list(zip(run["curve"]["recall"], run["curve"][key], strict=True)),
                series,
            )
            for series, run in enumerate(runs)
            if run["curve"][key]
        ]
        reached = ", ".join(f"{titles[run['key']]} {share(run['boxes'][part])}" for run in runs)
        charts.append(
            plot(
                f"IoU {overlap}",
                f"Precision against recall. {part}: {reached}.",
                ("Recall", "Precision"),
                lines,
                note=f"the area below a line is its {part}",
            )
        )
    return Section(
        "Precision and recall",
        render(
            "charts.html",
            about="Each line is the mean over all names that have objects.",
            charts=charts,
            tables=[_table(runs, titles)],
            tables_title="The curves at IoU 0.5 as a table",
        ),
    )


def scores(metrics: Metrics) -> Section | None:
    """Returns what every threshold gives, a chart for each run; None where there is nothing."""
    runs = [run for run in metrics["runs"] if run["sweep"] and run["best"]["f1"] is not None]
    if not runs:
        return None
    titles = run_titles(metrics)
    return Section(
        "Thresholds on scores",
        render(
            "charts.html",
            about=(
                "What one threshold for all names would give. The ring marks the best F1, the dot "
                "what a robot publishes today."
            ),
            charts=[_sweep(run, titles[run["key"]]) for run in runs],
            tables=[_sweep_table(run, titles[run["key"]]) for run in runs],
            tables_title="The thresholds as tables",
        ),
    )


def published_threshold(run: Mapping[str, Any]) -> tuple[float, float] | None:
    """Returns the lowest and the highest threshold of what a robot publishes."""
    given = run["score_threshold"]
    values = list(given.values()) if isinstance(given, Mapping) else [given]
    return (min(values), max(values)) if values else None


def _sweep(run: Mapping[str, Any], title: str) -> str:
    best, published = run["best"], run["published"]
    today = published_threshold(run)
    between = today is not None and today[0] == today[1]
    lines = [
        Line(
            word,
            [(step["threshold"], step[key]) for step in run["sweep"] if step[key] is not None],
            series,
            hollow=(best["threshold"], best["f1"]) if key == "f1" else None,
            filled=(today[0], published["f1"])
            if key == "f1" and today and between and published["f1"] is not None
            else None,
        )
        for series, (word, key) in enumerate(
            (("F1", "f1"), ("Precision", "precision"), ("Recall", "recall"))
        )
    ]
    best_words = f"best F1 {share(best['f1'])} at {best['threshold']:.2f}"
    return plot(
        title,
        f"F1, precision and recall against the threshold: {best_words}, {_today(run)}.",
        ("Threshold", "Share"),
        lines,
        note=f"{best_words}; {_today(run)}",
    )


def _today(run: Mapping[str, Any]) -> str:
    today, found = published_threshold(run), share(run["published"]["f1"])
    if today is None:
        return f"published F1 {found}"
    low, high = (f"{value:.2f}" for value in today)
    return f"published F1 {found} at {low if low == high else f'{low} to {high}, by name'}"


def _table(runs: Sequence[Mapping[str, Any]], titles: Mapping[str, str]) -> str:
    columns = [Column("Recall"), *(Column(titles[run["key"]]) for run in runs)]
    rows = [
        [f"{step / 100:.1f}", *(share(run["curve"]["precision"][step]) for run in runs)]
        for step in range(0, 101, 10)
    ]
    return table("Precision at IoU 0.5", columns, rows)


def _sweep_table(run: Mapping[str, Any], title: str) -> str:
    columns = [Column(word) for word in ("Threshold", "F1", "Precision", "Recall")]
    rows = [
        [f"{step['threshold']:.2f}", *(share(step[key]) for key in ("f1", "precision", "recall"))]
        for step in run["sweep"]
        if round(100 * step["threshold"]) % 5 == 0
    ]
    return table(title, columns, rows)
