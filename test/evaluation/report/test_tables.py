# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Tables of the report."""

from __future__ import annotations

from vit_perception.evaluation.report.tables import MOST_ROWS, Cell, Column, table

COLUMNS = [Column("Name", text=True), Column("AP50")]


def test_whatever_stands_in_a_table_is_escaped() -> None:
    bad = '"><script>'
    html = table(bad, [Column(bad, text=True)], [[bad], [Cell(bad, below=bad, lines=(bad,))]])
    assert "<script>" not in html
    # Twice in the caption: for eyes and for the box.
    assert html.count("&gt;&lt;script&gt;") == 7


def test_a_bar_is_as_long_as_its_share() -> None:
    html = table("Bars", COLUMNS, [["a", Cell("0.25", bar=0.25, series=1)]])
    assert '<rect class="f2" width="25.0"' in html
    assert "<rect" not in table("Bars", COLUMNS, [["a", Cell("0.25")]])


def test_headings_name_their_column_or_row() -> None:
    html = table("Names", COLUMNS, [["a", "0.1"]], sorts=True)
    assert html.count('scope="col"') == 2
    assert html.count('scope="row"') == 1
    assert '<table class="sorts">' in html


def test_long_tables_scroll_and_end() -> None:
    short, long = ([["a", "0.1"]] * count for count in (3, MOST_ROWS + 5))
    assert "tall" not in table("Names", COLUMNS, short)
    html = table("Names", COLUMNS, long)
    assert "tall" in html
    assert html.count("<tr>") == MOST_ROWS + 1
