# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Metrics as plain text, figures in percent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from vit_perception.evaluation.coco import MASK_NAMED, NAMED, UNNAMED
from vit_perception.evaluation.lvis import FIGURES, PER_CATEGORY, PER_PICTURE
from vit_perception.evaluation.pairs import ANSWERS
from vit_perception.wording import shown_name

_READING = """\
Figures are percent, means over the names that have an object; '-': nothing there to measure.
AP: mean over overlaps (IoU) 0.50 to 0.95; AP50: at 0.50; small, medium, large: objects below
32x32 px, below 96x96 px, others."""
_PARTS = """\
AP50, AP: what lies on objects of other parts is not judged. strict: only what lies on objects of
the same name in other parts is not; a box on any other object is false."""
_UNNAMED = """\
AR50@N: share of the objects found by the best N boxes of a picture, whatever they are called."""

_LVIS = """\
Figures are percent, means over the categories that have an object; '-': nothing there to measure.
AP: the best {per_picture} boxes of a picture, of all names together; Fixed AP: the best
{per_category} boxes of each category over all pictures. Both are means over overlaps (IoU) 0.50 to
0.95; AP50, AP75: at one overlap; r, c, f: of the {r} rare, {c} common and {f} frequent categories.
Judged is of each picture what LVIS knows of it."""


def format_tables(metrics: dict[str, Any]) -> str:
    """Returns the tables of `summarize` and, if present, `pairs`, `wordings`, `false_alarms`."""
    head = heading(metrics, f"{metrics['categories']} names asked at once")
    blocks = [head, _by_part("boxes", metrics, NAMED, "")]
    if metrics["masks_per_picture"] is not None:
        title = f"masks of the best {metrics['masks_per_picture']} boxes a picture"
        blocks.append(_by_part(title, metrics, MASK_NAMED, "mask_"))
    blocks.append("\n".join([_READING, *([_PARTS] if metrics["parts"] else [])]))
    unnamed = _by_part("boxes whatever their names", metrics, UNNAMED, "", objects="objects")
    blocks += [unnamed, _UNNAMED]
    alarms = metrics.get("false_alarms")
    if alarms is not None:
        blocks.append(
            f"false alarms: {alarms['per_picture']:.2f} boxes a picture on the background at "
            f"score {alarms['threshold']:g}, {percent(alarms['clean_pictures'])} % of the "
            f"pictures without one"
        )
    if "pairs" in metrics:
        blocks.append(_pairs(metrics["pairs"]))
    if "wordings" in metrics:
        blocks.append(_wordings(metrics["wordings"]))
    return "\n\n".join(blocks)


def heading(metrics: Mapping[str, Any], asked: str) -> str:
    """Returns the line above the tables: what was measured and, if known, of which bundle."""
    head = f"{shown_name(metrics['dataset'])}: {metrics['pictures']} pictures, {asked}"
    if "bundle" in metrics:
        head += f", {shown_name(metrics['bundle'])} {metrics['precision']}"
    return head


def format_lvis(metrics: dict[str, Any]) -> str:
    """Returns the table of `evaluate_lvis`."""
    head = heading(
        metrics,
        f"{metrics['objects']} objects, {metrics['names']} names of "
        f"{metrics['categories']} categories asked at once",
    )
    measured = metrics["measured"]
    figures = table(
        ("boxes (LVIS)", "categories", *FIGURES),
        (
            (title, sum(measured.values()), *(percent(metrics[key][f]) for f in FIGURES))
            for key, title in (("AP", "AP"), ("fixed_AP", "Fixed AP"))
        ),
    )
    reading = _LVIS.format(per_picture=PER_PICTURE, per_category=PER_CATEGORY, **measured)
    return "\n\n".join((head, figures, reading))


def _by_part(
    title: str,
    metrics: dict[str, Any],
    columns: Sequence[str],
    prefix: str,
    objects: str = "named_objects",
) -> str:
    rows = (("all", metrics["overall"]), *metrics["parts"].items())
    names = [column.removeprefix(prefix) for column in columns]
    return table(
        (title, "objects", "names", *(name.replace("_", " ") for name in names)),
        (
            (part, row[objects], row["categories"], *(percent(row[c]) for c in columns))
            for part, row in rows
        ),
    )


def _pairs(pairs: dict[str, Any]) -> str:
    return table(
        ("pairs", "asked", "accuracy", *(answer.replace("_", " ") for answer in ANSWERS)),
        (
            (part, row["asked"], percent(row["accuracy"]), *(row[answer] for answer in ANSWERS))
            for part, row in (("all", pairs["overall"]), *pairs["parts"].items())
        ),
    )


def _wordings(wordings: dict[str, Any]) -> str:
    columns = ("AP50_own", "AP50_other")
    return table(
        ("wordings", "objects", "names", "AP50 own name", "AP50 so worded"),
        (
            (kind, row["objects"], row["categories"], *(percent(row[c]) for c in columns))
            for kind, row in wordings.items()
        ),
    )


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Returns aligned columns, the first to the left, the others to the right."""
    cells = [[shown_name(str(cell)) for cell in row] for row in (head, *rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if index else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in cells
    )


def percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}"
