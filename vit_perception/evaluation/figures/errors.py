# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Kinds of errors, by TIDE's definitions (arXiv 2008.08115)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vit_perception.evaluation.figures.flat import Rows, Things
from vit_perception.evaluation.figures.library_form import categories, images, sides, table
from vit_perception.evaluation.figures.matches import OVERLAP, Matches

if TYPE_CHECKING:
    from hotcoco import COCO

KINDS = {
    "classification": "Cls",
    "localization": "Loc",
    "both": "Both",
    "duplicate": "Dupe",
    "background": "Bkg",
    "missed": "Miss",
}
"""Our words for TIDE's."""
LOST = {**KINDS, "false": "FP", "missed_all": "FN"}
"""The same, and all false detections, and all missed objects."""


def errors(
    things: Things, rows: Rows, matches: Matches, kept: NDArray[np.bool_]
) -> dict[str, Any]:
    """Returns `counts` of what a robot publishes and `ap50_lost` of all that was found.

    A count of all would be one of boxes with the lowest scores. A missed object is one that no
    published box of another kind of error would find if it were mended.

    Args:
        things: what is true.
        rows: what was found.
        matches: the same.
        kept: bool [D], what is published.
    """
    truth = _truth(things, matches)
    judged = ~matches.ignored
    counts = _tide(truth, rows.chosen(np.flatnonzero(judged & kept)))["counts"]
    lost = _tide(truth, rows.chosen(np.flatnonzero(judged)))["delta_ap"]
    has_objects = bool(matches.objects.any())
    return {
        "counts": {kind: int(counts[key]) for kind, key in KINDS.items()},
        "ap50_lost": {
            kind: float(lost[key]) if has_objects else None for kind, key in LOST.items()
        },
    }


def _truth(things: Things, matches: Matches) -> COCO:
    """Returns the objects alone: for the library a box beside a region is no background."""
    from hotcoco import COCO

    objects = things.chosen(np.flatnonzero(things.judged()))
    pictures, names = matches.objects.shape
    return COCO.from_arrays(
        images(0, pictures),
        categories(names),
        objects.pictures + 1,
        objects.labels + 1,
        sides(objects.boxes),
    )


def _tide(truth: COCO, rows: Rows) -> dict[str, Any]:
    from hotcoco import COCOeval

    evaluation = COCOeval(truth, truth.load_res(table(rows)), "bbox")
    parameters = evaluation.params
    parameters.iou_thrs = [OVERLAP]
    parameters.area_rng, parameters.area_rng_lbl = parameters.area_rng[:1], ["all"]
    parameters.max_dets = [int(rows.ranks.max(initial=0)) + 1]
    evaluation.evaluate()
    return evaluation.tide_errors(OVERLAP)
