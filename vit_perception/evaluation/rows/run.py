# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""One bundle in one precision, as it takes part in a measurement."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vit_perception.evaluation.rows.looked_at import FrameRows


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
