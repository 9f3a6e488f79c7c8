# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Line charts."""

from __future__ import annotations

import re

from vit_perception.evaluation.report.charts.plot import Bin, Line, plot

AXES = ("Recall", "Precision")


def _points(html: str) -> list[list[tuple[float, float]]]:
    return [
        [(float(x), float(y)) for x, y in (pair.split(",") for pair in line.split())]
        for line in re.findall(r'points="([^"]*)"', html)
    ]


def test_the_corners_of_a_line_lie_on_the_axes() -> None:
    html = plot("Title", "says", AXES, [Line("a", [(0, 0), (1, 1), (0.5, 0.5)], 0)])
    ((bottom_left, top_right, middle),) = _points(html)
    assert f'class="axis" d="M{bottom_left[0]:.0f} {bottom_left[1]:.0f}' in html
    assert bottom_left[0] < top_right[0] and bottom_left[1] > top_right[1]
    assert middle == tuple((a + b) / 2 for a, b in zip(bottom_left, top_right, strict=True))


def test_values_outside_stay_on_the_edge() -> None:
    html = plot("Title", "says", AXES, [Line("a", [(-3, 7), (0, 1)], 0)])
    ((outside, corner),) = _points(html)
    assert outside == corner


def test_the_first_line_is_drawn_last_and_named_first() -> None:
    lines = [Line(name, [(0, 0), (1, 1)], series) for series, name in enumerate("abcdefgh")]
    html = plot("Title", "says", AXES, lines)
    drawn = re.findall(r'<polyline class="line s(\d)"', html)
    # Two lines more than there are colours begin again.
    assert drawn == ["2", "1", "6", "5", "4", "3", "2", "1"]
    assert re.findall(r"<span>(\w)</span>", html) == list("abcdefgh")
    assert "legend" not in plot("Title", "says", AXES, lines, legend=False)


def test_marks_dots_bins_and_the_ideal_are_drawn_where_they_are_asked_for() -> None:
    line = Line("a", [(0, 0), (1, 1)], 0, dots=True, filled=(0.5, 0.5), hollow=(0.2, 0.2))
    html = plot("Title", "says", AXES, [line], bins=[Bin(0.0, 0.1, 0.5)], ideal=True)
    for kind, count in (("dot s1", 2), ("mark full s1", 1), ("mark s1", 1), ("bin", 1)):
        assert html.count(f'class="{kind}"') == count
    assert 'class="ideal"' in html
    bare = plot("Title", "says", AXES, [Line("a", [(0, 0)], 0)])
    assert not re.search('class="(dot|mark|bin|ideal)', bare)


def test_words_are_escaped_and_told_to_who_does_not_see_it() -> None:
    bad = '"><script>\u202e'
    html = plot(bad, bad, (bad, bad), [Line(bad, [(0, 0)], 0)], note=bad)
    assert "<script>" not in html and "\u202e" not in html
    assert 'role="img" aria-label="&#34;&gt;&lt;script&gt;\\u202e. &#34;' in html
