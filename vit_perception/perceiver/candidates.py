# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""From the rows that a graph returns to the detections of a frame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vit_perception.boxes import box_iou
from vit_perception.detections import Detections, NameScores
from vit_perception.letterbox import Letterbox, boxes_to_source
from vit_perception.masks import Masks, MasksError, decode
from vit_perception.perceiver.nms import NO_NMS, suppressed
from vit_perception.perceiver.query import Query
from vit_perception.perceiver.settings import PerceiverError, Settings
from vit_perception.perceiver.stages import StageTimes

Outputs = Mapping[str, NDArray[Any]]

MOST_NAMES = 5
"""Names of a box that are told, see `NameScores`."""
SAME_BOX = 0.7
"""Intersection over union from which on rows show the same thing."""
_ONE_BOX = 0.99
"""The same of rows with one box, told by several names."""


def detections_from(
    outputs: Outputs, letterbox: Letterbox, query: Query, stages: StageTimes
) -> Detections:
    """Chooses among the graph's rows, and decodes the masks of the chosen ones.

    Args:
        outputs: as the graph contract says; see `contract.check_numbers`.
        letterbox: where the source image lay in the network's input.
        query: what the graph was run with.
        stages: receives the times of "nms" and, where there are masks, "masks".

    Raises:
        PerceiverError: the masks would take too much memory, see `decode`.
    """
    settings, names = query.settings, query.vocabulary.names
    # A row below its threshold has score 0.
    rows = np.flatnonzero(outputs["scores"][0] > 0)
    scores, labels = outputs["scores"][0][rows], outputs["labels"][0][rows]
    boxes = boxes_to_source(outputs["boxes"][0][rows], letterbox)
    name_scores: NameScores | None = None
    if settings.name_scores:
        strong = np.flatnonzero(scores >= query.least[labels])
        kept = strong[_best(boxes[strong], scores[strong], labels[strong], settings)]
        name_scores = _name_scores(boxes, scores, labels, kept)
    else:
        kept = _best(boxes, scores, labels, settings)
    boxes = boxes[kept]
    stages.lap("nms")
    masks: Masks | None = None
    if uses_masks(outputs, settings):
        coefficients = outputs["mask_coefficients"][0][rows[kept]]
        try:
            masks = decode(coefficients, outputs["prototypes"][0], boxes, letterbox)
        except MasksError as error:
            raise PerceiverError(str(error)) from error
        stages.lap("masks")
    return Detections(
        boxes=boxes,
        scores=scores[kept],
        labels=labels[kept],
        names=names,
        vocabulary_version=query.vocabulary.version,
        masks=masks,
        name_scores=name_scores,
    )


def rows_of_names(outputs: Outputs) -> Outputs:
    """Returns the outputs without rows of anything, which come last and have the label -1."""
    if "embeddings" not in outputs:
        return outputs
    return _part(outputs, np.s_[: np.count_nonzero(outputs["labels"] >= 0)])


def rows_of_anything(outputs: Outputs) -> Outputs:
    """Returns the rows of anything, of a graph that has them."""
    return _part(outputs, np.s_[np.count_nonzero(outputs["labels"] >= 0) :])


def _part(outputs: Outputs, rows: slice) -> Outputs:
    return {
        name: value if name == "prototypes" else value[:, rows] for name, value in outputs.items()
    }


def uses_masks(outputs: Outputs, settings: Settings) -> bool:
    """Returns whether masks are there and wanted."""
    return settings.masks and "prototypes" in outputs


def _best(
    boxes: NDArray[np.float32],
    scores: NDArray[np.float32],
    labels: NDArray[np.int64],
    settings: Settings,
) -> NDArray[np.int64]:
    """Returns rows in the picture that are not suppressed, best first.

    Boxes are in source pixels.
    """
    visible = np.flatnonzero((boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1]))
    agnostic = settings.class_agnostic_nms or settings.name_scores
    groups = np.zeros_like(labels) if agnostic else labels
    threshold = settings.iou_threshold
    if settings.name_scores and threshold >= NO_NMS:
        threshold = _ONE_BOX
    kept = suppressed(boxes[visible], scores[visible], groups[visible], threshold)
    return np.asarray(visible[kept[: settings.max_detections]], np.int64)


def _name_scores(
    boxes: NDArray[np.float32],
    scores: NDArray[np.float32],
    labels: NDArray[np.int64],
    kept: NDArray[np.int64],
) -> NameScores:
    """Returns the best score of each name among the rows that show the same thing as kept ones.

    Args:
        boxes, scores, labels: of all rows, weak ones too.
        kept: int64 [N], the rows that are told.
    """
    same = box_iou(boxes[kept], boxes) >= SAME_BOX
    # Several rows lie on one name: the first in order of falling scores is its best.
    best_first = np.argsort(-scores, kind="stable")
    found = NameScores(
        np.full((len(kept), MOST_NAMES), -1, np.int64),
        np.zeros((len(kept), MOST_NAMES), np.float32),
    )
    for number in range(len(kept)):
        rows = best_first[same[number, best_first]]
        first = np.sort(np.unique(labels[rows], return_index=True)[1])[:MOST_NAMES]
        found.labels[number, : len(first)] = labels[rows[first]]
        found.scores[number, : len(first)] = scores[rows[first]]
    return found
