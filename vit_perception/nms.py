# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Non-maximum suppression of the few boxes that a graph returns."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray


def suppressed(
    boxes: NDArray[np.float32],
    scores: NDArray[np.float32],
    groups: NDArray[np.int64],
    iou_threshold: float,
) -> NDArray[np.int64]:
    """Greedy non-maximum suppression within each group.

    Args:
        boxes: float32 [N, 4], x1 y1 x2 y2, not negative.
        scores: float32 [N], above 0.
        groups: int64 [N]; boxes of different groups do not meet.
        iou_threshold: a box that overlaps a better one by more goes.

    Returns:
        int64 [M], the rows that stay, best first; equal scores in order of rows.
    """
    if not len(boxes):
        return np.zeros(0, np.int64)
    best_first = np.argsort(-scores, kind="stable")
    # OpenCV's NMSBoxesBatched does the same shift, but is newer than the 4.5 and 4.6 that
    # Ubuntu 22.04 and 24.04 carry.
    shift = (groups * (float(boxes.max()) + 1.0))[:, None]
    corners = boxes.astype(np.float64) + shift
    rectangles = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)
    nms: Any = cv2.dnn.NMSBoxes  # its stub leaves out arrays
    kept = nms(rectangles[best_first], scores[best_first], 0.0, iou_threshold)
    # Older OpenCV returns [M, 1]. Rows are sorted by score already.
    rows = np.sort(np.asarray(kept, np.int64).reshape(-1))
    return np.asarray(best_first[rows], np.int64)
