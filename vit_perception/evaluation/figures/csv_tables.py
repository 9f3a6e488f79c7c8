# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Figures as tables for a spreadsheet."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from typing import Any

from vit_perception.evaluation.figures.counts import by_picture, published, rates
from vit_perception.evaluation.figures.gather import Gathered
from vit_perception.evaluation.figures.rounded import rounded

_NAMES = (
    *("name", "objects", "AP", "AP50", "AP75", "mask_AP", "precision", "recall", "f1"),
    *("threshold", "best_threshold", "best_f1"),
)
# A spreadsheet takes what begins so for a formula, and runs it.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def names_csv(figures: Mapping[str, Any]) -> str:
    """Returns a row for every run and name, of the figures that `measure` returned."""
    rows = (
        (run["key"], *(one[column] for column in _NAMES))
        for run in figures["runs"]
        for one in run["per_name"]
    )
    return _text(("run", *_NAMES), rows)


def errors_csv(figures: Mapping[str, Any]) -> str:
    """Returns a row for every run and kind of error, of the figures that `measure` returned."""
    rows = (
        (run["key"], kind, run["errors"]["counts"].get(kind), lost)
        for run in figures["runs"]
        for kind, lost in run["errors"]["ap50_lost"].items()
    )
    return _text(("run", "kind", "count", "ap50_lost"), rows)


def frames_csv(gathered: Gathered) -> str:
    """Returns a row for every run and picture with what a robot publishes of it."""
    pictures = gathered.pictures
    places = [
        (pictures.keys[sequence], number, name, stamp)
        for sequence, number, name, stamp in zip(
            pictures.sequences.tolist(),
            pictures.numbers.tolist(),
            pictures.names,
            pictures.stamps.tolist(),
            strict=True,
        )
    ]
    rows = (
        (run.key, *place, *counts, rounded(rates(*counts)["f1"]))
        for run, matches in zip(gathered.runs, gathered.matches, strict=True)
        for place, counts in zip(
            places, by_picture(matches, published(matches, run)).tolist(), strict=True
        )
    )
    columns = ("run", "sequence", "number", "name", "stamp", "true", "false", "missed", "f1")
    return _text(columns, rows)


def _text(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    content = StringIO()
    writer = csv.writer(content, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return content.getvalue()


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
