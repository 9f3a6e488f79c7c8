# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Non-maximum suppression of the boxes that a graph returns."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

NO_NMS = 1.0
"""IoU threshold of bundles whose network tells each thing once: nothing is suppressed."""

# Above about this number of boxes, a call for each group is faster than one call for all, even
# with a thousand groups. A robot's graph returns 300 boxes.
_FEW = 2000


def suppressed(
    boxes: NDArray[np.float32],
    scores: NDArray[np.float32],
    groups: NDArray[np.int64],
    iou_threshold: float,
) -> NDArray[np.int64]:
    """Applies greedy non-maximum suppression within each group.

    Args:
        boxes: float32 [N, 4], x1 y1 x2 y2, not negative.
        scores: float32 [N], above 0.
        groups: int64 [N]; boxes of different groups do not suppress each other.
        iou_threshold: a box that overlaps a better one by more is dropped; NO_NMS drops none.

    Returns:
        int64 [M], the kept rows, best first; equal scores in order of rows.
    """
    if not len(boxes):
        return np.zeros(0, np.int64)
    best_first = np.argsort(-scores, kind="stable")
    if iou_threshold >= NO_NMS:
        return best_first
    if len(boxes) <= _FEW:
        return _suppressed(boxes, scores, groups, best_first, iou_threshold)
    # OpenCV compares a box with all kept boxes, whatever their group.
    by_group = best_first[np.argsort(groups[best_first], kind="stable")]
    ends = np.flatnonzero(np.diff(groups[by_group])) + 1
    kept = [
        _suppressed(boxes, scores, groups, rows, iou_threshold)
        for rows in np.split(by_group, ends)
    ]
    stays = np.zeros(len(boxes), np.bool_)
    stays[np.concatenate(kept)] = True
    return best_first[stays[best_first]]


def _suppressed(
    boxes: NDArray[np.float32],
    scores: NDArray[np.float32],
    groups: NDArray[np.int64],
    rows: NDArray[np.int64],
    iou_threshold: float,
) -> NDArray[np.int64]:
    """Returns the kept ones of these rows, which are ordered best first."""
    boxes, scores, groups = boxes[rows], scores[rows], groups[rows]
    # OpenCV's NMSBoxesBatched does the same shift, but OpenCV 4.5 and 4.6 of Ubuntu 22.04 and
    # 24.04 lack it.
    shift = (groups * (float(boxes.max()) + 1.0))[:, None]
    corners = boxes.astype(np.float64) + shift
    rectangles = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)
    nms: Any = cv2.dnn.NMSBoxes  # its stub leaves out arrays
    kept = nms(rectangles, scores, 0.0, iou_threshold)
    # Older OpenCV returns [M, 1]. Rows are sorted by score already.
    return np.asarray(rows[np.sort(np.asarray(kept, np.int64).reshape(-1))], np.int64)
