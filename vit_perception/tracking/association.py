# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Which detection is which track: overlaps, and the best pairs of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vit_perception.masks import Masks

# Pixels along a side that are compared of two masks at most.
_MOST_COMPARED = 48


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """One mask, apart from the others of its frame.

    Attributes:
        x, y: the crop's top left pixel.
        crop: bool [h, w].
        area: its pixels.
    """

    x: int
    y: int
    crop: NDArray[np.bool_]
    area: int

    def moved(self, right: float, down: float) -> Shape:
        """Returns it moved by so many pixels."""
        return Shape(self.x + round(right), self.y + round(down), self.crop, self.area)

    def iou(self, other: Shape) -> float:
        """Returns the intersection over union; of large masks, of a grid of their pixels."""
        left, top = max(self.x, other.x), max(self.y, other.y)
        right = min(self.x + self.crop.shape[1], other.x + other.crop.shape[1])
        bottom = min(self.y + self.crop.shape[0], other.y + other.crop.shape[0])
        if right <= left or bottom <= top or not (self.area and other.area):
            return 0.0
        step = 1 + max(right - left, bottom - top) // _MOST_COMPARED
        parts = (
            each.crop[top - each.y : bottom - each.y : step, left - each.x : right - each.x : step]
            for each in (self, other)
        )
        compared = int(np.count_nonzero(np.logical_and(*parts)))
        shared = min(compared * step**2, self.area, other.area)
        return float(shared / (self.area + other.area - shared))


def shapes_of(masks: Masks) -> list[Shape]:
    """Returns the masks of a frame one by one."""
    places = masks.origins.tolist()
    return [
        Shape(x, y, crop, int(area))
        for (x, y), crop, area in zip(places, masks.crops, masks.areas(), strict=True)
    ]


def near_iou(
    boxes: NDArray[np.float32], others: NDArray[np.float32], room: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Returns the intersection over union of boxes with room around them: float32 [N, M].

    Args:
        boxes: float32 [N, 4], x1 y1 x2 y2.
        others: float32 [M, 4]; they get the room of the box that they are compared with.
        room: float32 [N], pixels on each side.
    """
    more = 2 * room[:, None, None]
    first, second = boxes[:, None], others[None]
    left_top = np.maximum(first[..., :2], second[..., :2])
    right_bottom = np.minimum(first[..., 2:], second[..., 2:])
    shared = np.clip(right_bottom - left_top + more, 0, None).prod(axis=2)
    areas = sum((each[..., 2:] - each[..., :2] + more).prod(axis=2) for each in (first, second))
    return np.asarray(shared / np.maximum(areas - shared, 1e-9), np.float32)


def best_pairs(
    similarity: NDArray[np.float32], least: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Returns pairs of rows and columns with the greatest sum of similarities.

    Args:
        similarity: float32 [N, M], 0 for what cannot be a pair.
        least: similarity of a pair.

    Returns:
        int64 [K] rows and int64 [K] columns, no row and no column twice.
    """
    # Here, as it would double the time in which a detector starts, tracking or not.
    from scipy.optimize import linear_sum_assignment

    # What is no pair alone must not shape the sum.
    similarity = np.where(similarity >= least, similarity, 0.0)
    rows, columns = linear_sum_assignment(similarity, maximize=True)
    real = similarity[rows, columns] > 0
    return np.asarray(rows[real], np.int64), np.asarray(columns[real], np.int64)
