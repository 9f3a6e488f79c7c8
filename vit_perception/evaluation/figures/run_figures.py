# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""All figures of one run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vit_perception.evaluation.dataset import PARTS
from vit_perception.evaluation.figures.any_name import any_name
from vit_perception.evaluation.figures.averages import Averages
from vit_perception.evaluation.figures.blocks import Draws, interval
from vit_perception.evaluation.figures.calibration import calibration
from vit_perception.evaluation.figures.coco_comparison import CocoComparison
from vit_perception.evaluation.figures.confusion import confusion, taken_for
from vit_perception.evaluation.figures.counts import by_name, by_picture, published, rates
from vit_perception.evaluation.figures.errors import errors
from vit_perception.evaluation.figures.frame_lines import Published
from vit_perception.evaluation.figures.gather import Gathered
from vit_perception.evaluation.figures.kinds import errors_of
from vit_perception.evaluation.figures.sweep import Sweep
from vit_perception.evaluation.figures.worst import worst
from vit_perception.evaluation.rows.run import Run


@dataclass(frozen=True, slots=True, eq=False)
class RunFigures:
    """One run, measured.

    Attributes:
        table: of metrics.json, not rounded.
        shown: what it publishes.
        counts: int64 [P, 3], true, false and missed ones of every picture.
        ap50: float64 [draws], AP50 of every draw; empty with too few blocks.
        f1: float64 [draws], the same of F1.
    """

    table: dict[str, Any]
    shown: Published
    counts: NDArray[np.int64]
    ap50: NDArray[np.float64]
    f1: NDArray[np.float64]


def run_figures(
    gathered: Gathered, index: int, draws: Draws, space: Mapping[str, Any] | None
) -> RunFigures:
    """Measures one run.

    Args:
        gathered: all pictures.
        index: which run.
        draws: the same for all runs.
        space: figures of places in space, which are measured elsewhere.
    """
    run, matches, rows = gathered.runs[index], gathered.matches[index], gathered.rows[index]
    things = gathered.things
    kept = published(matches, run)
    lies_on = taken_for(things, rows, matches, kept)
    shown = Published(gathered.names, things, rows, matches, kept, lies_on)
    counts = by_picture(matches, kept)
    averages, sequences = _sequences(gathered, index, counts)
    masks = gathered.masks[index]
    sweep = Sweep(matches, run.max_detections)
    drawn = (draws.ap50(matches), draws.f1(counts)) if draws.enough else (np.zeros(0),) * 2
    table = {
        **run.as_entry(gathered.names),
        "boxes": averages.table(),
        "masks": None if masks is None else masks.table(),
        "any_name": any_name(things, rows, len(gathered.pictures)),
        "published": _published(counts),
        "best": sweep.best(),
        "intervals": {
            "AP50": interval(drawn[0]),
            "f1": interval(drawn[1]),
            "blocks": draws.weights.shape[1],
        },
        "sweep": sweep.rows(),
        "curve": {
            "recall": [step / 100 for step in range(101)],
            "precision": averages.curve(50),
            "precision75": averages.curve(75),
        },
        "per_name": _per_name(gathered, run, by_name(matches, kept), (averages, masks), sweep),
        "parts": _parts(gathered, index),
        "sequences": sequences,
        "confusion": confusion(gathered.names, things, matches, kept, lies_on),
        "calibration": calibration(matches),
        "errors": errors(things, matches, errors_of(things, rows, matches), kept),
        "space": None if space is None else dict(space),
        "worst": worst(gathered.pictures, counts, draws.blocks, shown),
    }
    return RunFigures(table, shown, counts, *drawn)


def _published(counts: NDArray[np.int64]) -> dict[str, Any]:
    true, false, missed = counts.sum(axis=0).tolist()
    return {
        **rates(true, false, missed),
        "true": true,
        "false": false,
        "missed": missed,
        "false_per_picture": false / len(counts) if len(counts) else None,
    }


def _per_name(
    gathered: Gathered,
    run: Run,
    counts: NDArray[np.int64],
    averages: tuple[Averages, Averages | None],
    sweep: Sweep,
) -> list[dict[str, Any]]:
    boxes, masks = averages
    rows = []
    for name, index in sorted((name, index) for index, name in enumerate(gathered.names)):
        true, false, missed = counts[index].tolist()
        best = sweep.best(index)
        rows.append(
            {
                "name": name,
                "objects": true + missed,
                "AP": boxes.ap(name=index),
                "AP50": boxes.ap(50, name=index),
                "AP75": boxes.ap(75, name=index),
                "mask_AP": None if masks is None else masks.ap(name=index),
                **rates(true, false, missed),
                "threshold": run.thresholds[index],
                "best_threshold": best["threshold"],
                "best_f1": best["f1"],
                "curve": boxes.curve(50, name=index),
            }
        )
    return rows


def _sequences(
    gathered: Gathered, index: int, counts: NDArray[np.int64]
) -> tuple[Averages, dict[str, Any]]:
    """Returns the averages over all sequences, and the figures of each."""
    pictures, things = gathered.pictures, gathered.things
    comparisons = [CocoComparison(len(gathered.names)) for _ in pictures.keys or ("",)]
    ends = [*(np.flatnonzero(np.diff(pictures.sequences)) + 1).tolist(), len(pictures)]
    for first, last in pairwise([0, *ends]):
        if first < last:
            comparison = comparisons[int(pictures.sequences[first])]
            comparison.add(things, gathered.rows[index], (first, last))
    together = CocoComparison.together(comparisons)
    figures = {}
    for place, (key, comparison) in enumerate(zip(pictures.keys, comparisons, strict=False)):
        averages = comparison.averages() if len(comparisons) > 1 else together
        inside = counts[pictures.sequences == place]
        true, false, missed = inside.sum(axis=0).tolist()
        figures[key] = {
            "objects": true + missed,
            "pictures": len(inside),
            "AP": averages.ap(),
            "AP50": averages.ap(50),
            "f1": rates(true, false, missed)["f1"],
        }
    return together, figures


def _parts(gathered: Gathered, index: int) -> dict[str, Any]:
    """Returns the figures of things of each part; those of others are not judged."""
    things = gathered.things
    words = np.array(things.parts, np.str_)
    found = {word for word in things.parts if word}
    ordered = [part for part in PARTS if part in found] + sorted(found - set(PARTS))
    figures = {}
    for part in ordered:
        objects = things.judged() & (words == part)
        comparison = CocoComparison(len(gathered.names))
        comparison.add(things, gathered.rows[index], (0, len(gathered.pictures)), objects)
        averages = comparison.averages()
        figures[part] = {
            "objects": int(np.count_nonzero(objects)),
            "AP": averages.ap(),
            "AP50": averages.ap(50),
        }
    return figures
