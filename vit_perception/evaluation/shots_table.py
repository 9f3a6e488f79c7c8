# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The metrics of saying and showing as plain text, figures in percent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from vit_perception.evaluation.shots import WAYS
from vit_perception.evaluation.tables import heading, percent, table

_READING = """\
Figures are percent, means over {seeds} draws of the examples; '-': nothing there to measure.
AP50: average precision at overlap (IoU) 0.50, mean over the things; a box on any other object is
false. said: by the name alone; shown: by K examples alone; both: by name and examples; each: by
the example most alike instead of their mean; spread: of shown, the lowest and highest draw; fewer:
things with less than K examples in other scenes, which are measured with what there is."""
_SHOWN = """\
{objects} of the things have a box that may show them: at least half visible, {boxes} boxes in all,
in {refused} of which the detector sees nothing. Up to {at_once} things are taught at once."""
_ALARMS = """\
False boxes with a score of {threshold:g} and more for each 100 pairs of a picture and a shown
thing that it does not hold; any: share of these pairs with such a box."""


def format_shots(metrics: Mapping[str, Any]) -> str:
    """Returns the tables of `evaluate_shots`."""
    by = f" by {metrics['by']}" if "by" in metrics else ""
    head = heading(metrics, f"{metrics['things']} things{by}")
    parts = metrics["parts"]
    precisions = table(
        ("AP50", "things", "objects", "K", "fewer", "said", *WAYS, "spread"),
        [
            (
                part,
                row["things"],
                row["objects"],
                count,
                shots["fewer"],
                percent(row["said"]["AP50"]),
                *(_percent_of(shots[way], "AP50") for way in WAYS),
                _spread(shots["shown"]),
            )
            for part, row in parts.items()
            for count, shots in row["shots"].items()
        ],
    )
    alarms = table(
        ("false alarms", "K", *(title for way in ("said", *WAYS) for title in (way, "any"))),
        [
            (part, count, *_alarms([row["said"], *(shots[way] for way in WAYS)]))
            for part, row in parts.items()
            for count, shots in row["shots"].items()
        ],
    )
    reading = _READING.format(seeds=metrics["seeds"])
    shown = _SHOWN.format(
        objects=metrics["shown_things"],
        boxes=metrics["boxes"],
        refused=metrics["refused_boxes"],
        at_once=metrics["things_at_once"],
    )
    told = _ALARMS.format(threshold=metrics["score_threshold"])
    return "\n\n".join((head, precisions, reading, shown, alarms, told))


def _alarms(ways: Sequence[Mapping[str, Any] | None]) -> list[str]:
    return [_percent_of(way, key) for way in ways for key in ("alarms", "alarmed")]


def _percent_of(figures: Mapping[str, Any] | None, key: str) -> str:
    return percent(None if figures is None else figures[key])


def _spread(figures: Mapping[str, Any]) -> str:
    known = [value for value in figures["AP50_seeds"] if value is not None]
    return f"{percent(min(known))}-{percent(max(known))}" if known else "-"
