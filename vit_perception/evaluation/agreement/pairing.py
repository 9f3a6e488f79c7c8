# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Which detections of two runs are the same thing in one picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from vit_perception.boxes import box_iou
from vit_perception.evaluation.rows.looked_at import FrameRows
from vit_perception.rle import Rle
from vit_perception.tracking.association import best_pairs

OVERLAP = 0.5
"""Intersection over union from which on two boxes can be of one thing."""


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """K pairs; no detection is in two of them.

    Attributes:
        first, second: int64 [K], rows of the two.
        overlaps: float32 [K], intersection over union of the boxes.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    overlaps: NDArray[np.float32]


def paired(first: FrameRows, second: FrameRows) -> Pairs:
    """Returns the pairs with the greatest sum of overlaps: of one name, then of what is left.

    A box that has two names in both runs would else be paired across them.
    """
    overlaps = box_iou(first.boxes, second.boxes)
    same = first.labels[:, None] == second.labels[None, :]
    rows, columns = best_pairs(np.where(same, overlaps, 0.0).astype(np.float32), OVERLAP)
    left = overlaps.copy()
    left[rows] = left[:, columns] = 0.0
    more_rows, more_columns = best_pairs(left, OVERLAP)
    rows, columns = np.concatenate([rows, more_rows]), np.concatenate([columns, more_columns])
    order = np.argsort(rows, kind="stable")
    rows, columns = rows[order], columns[order]
    return Pairs(rows, columns, np.asarray(overlaps[rows, columns], np.float32))


def mask_iou(one: Rle, other: Rle) -> float:
    """Returns the intersection over union of two masks of one picture; 0 of empty ones."""
    stored = [{"size": each["size"], "counts": each["counts"].encode()} for each in (one, other)]
    if not any(coco_mask.area(each) for each in stored):
        return 0.0
    return float(coco_mask.iou(stored[:1], stored[1:], [0])[0, 0])
