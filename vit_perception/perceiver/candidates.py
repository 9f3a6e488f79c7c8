# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""From the rows that a graph returns to the detections of a frame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vit_perception.detections import Detections
from vit_perception.letterbox import Letterbox, boxes_to_source
from vit_perception.masks import Masks, MasksError, decode
from vit_perception.perceiver.nms import suppressed
from vit_perception.perceiver.query import Query
from vit_perception.perceiver.settings import PerceiverError, Settings
from vit_perception.perceiver.stages import StageTimes

Outputs = Mapping[str, NDArray[Any]]


def detections_from(
    outputs: Outputs, letterbox: Letterbox, query: Query, stages: StageTimes
) -> Detections:
    """Chooses among the graph's rows, and decodes the masks of the chosen ones.

    A row that is not finite in its score, its box or, where masks are wanted, its coefficients,
    is dropped.

    Args:
        outputs: as the graph contract says.
        letterbox: where the source image lay in the network's input.
        query: what the graph was run with.
        stages: receives the times of "nms" and, where there are masks, "masks".

    Raises:
        PerceiverError: a label is no index of the vocabulary, or the masks would take too much
            memory, see `decode`.
    """
    settings, names = query.settings, query.vocabulary.names
    wants_masks = settings.masks and "prototypes" in outputs
    coefficients = outputs["mask_coefficients"][0] if wants_masks else None
    rows = _sound_rows(outputs, coefficients)
    scores, labels = outputs["scores"][0][rows], outputs["labels"][0][rows]
    if len(rows) and not 0 <= labels.min() <= labels.max() < len(names):
        raise PerceiverError(
            f"labels: expected 0..{len(names) - 1}, found {labels.min()}..{labels.max()}"
        )
    boxes = boxes_to_source(outputs["boxes"][0][rows], letterbox)
    kept = _best(boxes, scores, labels, settings)
    boxes = boxes[kept]
    stages.lap("nms")
    masks: Masks | None = None
    if coefficients is not None:
        try:
            masks = decode(coefficients[rows[kept]], outputs["prototypes"][0], boxes, letterbox)
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
    )


def _sound_rows(outputs: Outputs, coefficients: NDArray[np.float32] | None) -> NDArray[np.int64]:
    """Returns rows above their threshold that are finite."""
    # A row below its threshold has score 0; a NaN compares false.
    scores = outputs["scores"][0]
    rows = np.flatnonzero((scores > 0) & (scores < np.inf))
    finite = np.isfinite(outputs["boxes"][0][rows]).all(axis=1)
    if coefficients is not None:
        finite &= np.isfinite(coefficients[rows]).all(axis=1)
    return np.asarray(rows[finite], np.int64)


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
    groups = np.zeros_like(labels) if settings.class_agnostic_nms else labels
    kept = suppressed(boxes[visible], scores[visible], groups[visible], settings.iou_threshold)
    return np.asarray(visible[kept[: settings.max_detections]], np.int64)
