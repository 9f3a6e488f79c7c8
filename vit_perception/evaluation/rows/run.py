# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""One bundle in one precision, as it takes part in a measurement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vit_perception.evaluation.rows.looked_at import FrameRows
from vit_perception.wording import shown_path

LEAST_SCORE = 0.001
"""Of the rows that are kept: average precision needs the uncertain ones too."""
PER_PICTURE = 100
"""Rows that are kept of a picture, COCO's limit."""


@dataclass(frozen=True, slots=True)
class Run:
    """A bundle and a precision.

    Attributes:
        key: tells it from the others of a measurement; fit for the name of a file.
        bundle: its folder.
        precision: which graph.
        sha256: of the graph.
        thresholds: least score of what a robot publishes, by name that was asked for.
        iou_threshold: of non-maximum suppression.
        max_detections: that a robot publishes of a picture.
    """

    key: str
    bundle: Path
    precision: str
    sha256: str
    thresholds: tuple[float, ...]
    iou_threshold: float
    max_detections: int

    def published(self, rows: FrameRows) -> NDArray[np.int64]:
        """Returns which detections a robot would publish: int64 [M], ascending."""
        least = np.array(self.thresholds, np.float32)[rows.labels]
        return np.flatnonzero(rows.scores >= least)[: self.max_detections].astype(np.int64)

    def published_rows(self, rows: FrameRows) -> FrameRows:
        """Returns the detections that a robot would publish."""
        which, masks = self.published(rows), rows.masks
        return FrameRows(
            rows.boxes[which],
            rows.scores[which],
            rows.labels[which],
            None if masks is None else tuple(masks[index] for index in which.tolist()),
        )

    def as_entry(self, names: Sequence[str]) -> dict[str, Any]:
        """Returns what `runs` of metrics.json and agreement.json begin with.

        Args:
            names: that were asked for, in the order of `thresholds`.
        """
        common = len(set(self.thresholds)) == 1
        by_name = dict(zip(names, self.thresholds, strict=True))
        return {
            "key": self.key,
            # A link is not the bundle, and a name may have bytes that are no text.
            "bundle": shown_path(self.bundle.resolve().name),
            "precision": self.precision,
            "sha256": self.sha256,
            "score_threshold": self.thresholds[0] if common else by_name,
            "iou_threshold": self.iou_threshold,
            "max_detections": self.max_detections,
        }
