# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Tables of the report, which scroll inside a box of their own where they are too wide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from vit_perception.evaluation.report.rendering import render

MOST_ROWS = 1500
"""Rows of the longest table; the page stays small and a browser quick."""
_TALL = 60


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its heading, and whether it holds text, which stands left."""

    title: str
    text: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell that is more than a text.

    Attributes:
        text: what it says.
        below: a smaller second line.
        bar: 0..1, the length of a bar before the text; None: no bar.
        series: number of the bar's colour, from 0.
        lines: a list below the text, one entry each.
    """

    text: str
    below: str = ""
    bar: float | None = None
    series: int = 0
    lines: tuple[str, ...] = ()


def table(
    caption: str,
    columns: Sequence[Column],
    rows: Sequence[Sequence[str | Cell]],
    *,
    sorts: bool = False,
    quiet: bool = False,
) -> Markup:
    """Returns a table; everything in it is escaped.

    Args:
        caption: what it shows.
        columns: the first holds what a row is about.
        rows: a cell for each column; those beyond MOST_ROWS are left out.
        sorts: whether a reader can sort it by its headings.
        quiet: whether the caption is only heard, as the same words stand above the table.
    """
    return render(
        "table.html",
        caption=caption,
        columns=columns,
        rows=rows[:MOST_ROWS],
        sorts=sorts,
        quiet=quiet,
        tall=len(rows) > _TALL,
    )
