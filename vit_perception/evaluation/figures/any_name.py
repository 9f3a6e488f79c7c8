# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""How well boxes lie on things, whatever their names."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from vit_perception.evaluation.figures.coco_comparison import CocoComparison
from vit_perception.evaluation.figures.flat import Rows, Things, inside
from vit_perception.evaluation.results import PROPOSAL_IOU
from vit_perception.perceiver.nms import suppressed

RECALL_AT = (30, 100)
"""Boxes of a picture that count."""


def any_name(things: Things, rows: Rows, pictures: int) -> dict[str, float | None]:
    """Returns the recall of the best boxes and their average precision, at an overlap of 0.5.

    Boxes of several names on one thing are one, with the score of the best name. Things whose
    names were not asked for are objects too.

    Args:
        things: what is true.
        rows: what was found.
        pictures: how many there are.
    """
    proposals = _proposals(rows, pictures)
    comparison = CocoComparison(1, RECALL_AT)
    nameless = replace(things, labels=np.zeros(len(things), np.int64))
    comparison.add(nameless, proposals, (0, pictures))
    averages = comparison.averages()
    figures = {
        f"AR50@{limit}": averages.ar(overlap=50, limit=place)
        for place, limit in enumerate(RECALL_AT)
    }
    return {**figures, "AP50": averages.ap(50)}


def _proposals(rows: Rows, pictures: int) -> Rows:
    """Returns the best boxes of every picture under one name, each once."""
    chosen = [np.zeros(0, np.int64)]
    for picture in range(pictures):
        here = inside(rows.pictures, picture, picture + 1)
        together = np.zeros(len(here), np.int64)
        kept = suppressed(rows.boxes[here], rows.scores[here], together, PROPOSAL_IOU)
        chosen.append(here[kept[: max(RECALL_AT)]])
    # Best first within each picture.
    best = rows.chosen(np.concatenate(chosen))
    return replace(best, labels=np.zeros(len(best), np.int64))
