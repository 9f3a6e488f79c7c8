# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Line charts on two axes from 0 to 1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from vit_perception.evaluation.report.rendering import render

# Units of the drawing; a unit is about a pixel, so that words keep their size on a phone.
WIDTH, HEIGHT = 400, 290
LEFT, RIGHT, TOP, BOTTOM = 40, 12, 24, 42
SERIES = 6
"""Colours and kinds of lines; more lines than these begin again."""

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a chart.

    Attributes:
        title: of the legend; it is escaped.
        points: x and y, 0..1.
        series: number of its colour and kind of line, from 0.
        dots: whether every point has one.
        filled: a filled mark, or None.
        hollow: a hollow mark, or None.
    """

    title: str
    points: Sequence[Point]
    series: int
    dots: bool = False
    filled: Point | None = None
    hollow: Point | None = None


@dataclass(frozen=True, slots=True)
class Bin:
    """A bar of a chart from `low` to `high` of x, `height` of y, all 0..1."""

    low: float
    high: float
    height: float


def plot(
    title: str,
    says: str,
    axes: tuple[str, str],
    lines: Sequence[Line],
    *,
    note: str = "",
    bins: Sequence[Bin] = (),
    ideal: bool = False,
    legend: bool = True,
) -> Markup:
    """Returns a chart as a figure; all words in it are escaped.

    Args:
        title: above it.
        says: what it shows, for who does not see it.
        axes: what x and y are.
        lines: to draw, the first on top.
        note: a sentence behind the title.
        bins: bars behind the lines.
        ideal: whether to draw the line where x is y.
        legend: whether the lines are named below.
    """
    return render(
        "plot.html",
        title=title,
        says=says,
        axes=axes,
        note=note,
        legend=legend,
        ideal=ideal,
        lines=[
            {
                "title": line.title,
                "style": line.series % SERIES + 1,
                "dots": [_place(point) for point in line.points] if line.dots else [],
                "points": " ".join(f"{_x(x):.1f},{_y(y):.1f}" for x, y in line.points),
                "filled": _place(line.filled),
                "hollow": _place(line.hollow),
            }
            for line in lines
        ],
        bins=[
            {
                "x": f"{_x(each.low) + 1:.1f}",
                "y": f"{_y(each.height):.1f}",
                "width": f"{_x(each.high) - _x(each.low) - 2:.1f}",
                "height": f"{_y(0) - _y(each.height):.1f}",
            }
            for each in bins
        ],
        frame={
            "width": WIDTH,
            "height": HEIGHT,
            "left": LEFT,
            "right": WIDTH - RIGHT,
            "top": TOP,
            "bottom": HEIGHT - BOTTOM,
        },
        ticks=[
            {"text": f"{tick:.1f}", "x": f"{_x(tick):.1f}", "y": f"{_y(tick):.1f}"}
            for tick in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
        ],
    )


def _place(point: Point | None) -> dict[str, str] | None:
    return None if point is None else {"x": f"{_x(point[0]):.1f}", "y": f"{_y(point[1]):.1f}"}


def _x(value: float) -> float:
    return LEFT + _inside(value) * (WIDTH - LEFT - RIGHT)


def _y(value: float) -> float:
    return HEIGHT - BOTTOM - _inside(value) * (HEIGHT - TOP - BOTTOM)


def _inside(value: float) -> float:
    return min(max(float(value), 0.0), 1.0)
