# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""LVIS's box metrics of a predictor: AP with a limit per picture, and Fixed AP (card 01)."""

from __future__ import annotations

from typing import Any

import numpy as np

from vit_perception.evaluation.dataset import read_frame
from vit_perception.evaluation.fixed_ap import BestPerCategory
from vit_perception.evaluation.library import Curves, compare_federated
from vit_perception.evaluation.lvis_dataset import FREQUENCIES, LvisDataset
from vit_perception.evaluation.results import Found, Predict, Progress, found

# How LVIS models are measured (card 01, Post-processing): pairs of box and name before
# Settings for LVIS models (card 01, Post-processing).
PAIRS = 30_000
"""Pairs of box and name before NMS."""
IOU_THRESHOLD = 0.7
"""IoU threshold of NMS."""
PER_PICTURE = 300
"""LVIS's limit of detections per picture, for AP."""
PER_CATEGORY = 10_000
"""Limit of detections per category over all pictures, for Fixed AP."""
FIGURES = ("AP", "AP50", "AP75", *(f"AP{frequency}" for frequency in FREQUENCIES))


def evaluate_lvis(
    data: LvisDataset,
    predict: Predict,
    progress: Progress | None = None,
    *,
    per_picture: int = PER_PICTURE,
    per_category: int = PER_CATEGORY,
) -> dict[str, Any]:
    """Detects on every picture and compares with what is known of it.

    Ask `predict` for all names of `data.asked()` at once, with a score threshold near 0,
    IOU_THRESHOLD and PAIRS detections. To save memory, only detections that can be judged are
    kept; of the others up to `per_category` scores.

    Args:
        data: the pictures and what is known of them.
        predict: turns a frame into detections.
        progress: called with (done, all) after every picture.
        per_picture: limit of detections per picture for AP, over all categories.
        per_category: limit of detections per category for Fixed AP, over all pictures.

    Returns:
        `dataset`, `pictures`, `objects`, `categories`, `names` (asked; fewer if categories share
        one), `measured` (frequency → categories with an object), `detections`, `AP` and
        `fixed_AP` (each: FIGURES; None if there are no objects).

    Raises:
        EvaluationError: a picture or a prediction does not fit.
    """
    targets, judged = data.asked(), data.judged()
    best = BestPerCategory(data.names, per_category)
    few: list[Found] = []
    all_judged: list[Found] = []
    detections = 0
    for done, picture in enumerate(data.pictures, start=1):
        one = found(picture.id, predict(read_frame(picture)), targets)
        # Limits apply before judging: detections that cannot be judged take places too.
        best.add(one)
        rows = np.flatnonzero(np.isin(one.categories, list(judged[picture.id])))
        all_judged.append(one.chosen(rows))
        few.append(one.chosen(rows[rows < per_picture]))
        detections += len(one)
        if progress is not None:
            progress(done, len(data.pictures))
    present = {annotation["category_id"] for annotation in data.annotations}
    return {
        "dataset": data.name,
        "pictures": len(data.pictures),
        "objects": len(data.annotations),
        "categories": len(data.names),
        "names": len(targets),
        "measured": {
            frequency: sum(data.frequencies[key] == frequency for key in present)
            for frequency in FREQUENCIES
        },
        "detections": detections,
        "AP": _figures(data, compare_federated(data, few)),
        "fixed_AP": _figures(data, compare_federated(data, best.chosen(all_judged))),
    }


def _figures(data: LvisDataset, curves: Curves | None) -> dict[str, float | None]:
    if curves is None:
        return dict.fromkeys(FIGURES)
    figures = {
        "AP": curves.average_precision(),
        "AP50": curves.average_precision(overlap=0.5),
        "AP75": curves.average_precision(overlap=0.75),
    }
    for frequency in FREQUENCIES:
        alike = {key for key, value in data.frequencies.items() if value == frequency}
        figures[f"AP{frequency}"] = curves.average_precision(categories=alike)
    return figures
