# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Things and detections as hotcoco takes them: ids from 1, corners as x, y, width, height."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vit_perception.evaluation.figures.flat import OTHER, Rows, Things


@dataclass(frozen=True, slots=True, eq=False)
class Entries:
    """E annotations, some of them of the same thing.

    Attributes:
        things: int64 [E], index of the thing.
        labels: int64 [E], name under which it is compared.
        regions: bool [E], nothing is judged there.
    """

    things: NDArray[np.int64]
    labels: NDArray[np.int64]
    regions: NDArray[np.bool_]


def entries(things: Things, rows: Rows, objects: NDArray[np.bool_]) -> Entries:
    """Returns what there is to find, and where nothing is judged.

    Crowds are regions for detections of their own name. Single things that are no objects are
    regions for all; the library knows regions of one name only, so that each is entered once for
    every name that was found in its picture.

    Args:
        things: what is true.
        rows: what was found in the same pictures.
        objects: bool [T], some or all of `things.judged()`.
    """
    own = np.flatnonzero(objects | (things.crowds & (things.labels != OTHER)))
    wide = np.flatnonzero(~objects & ~things.crowds)
    most = int(rows.labels.max(initial=0)) + 1
    # Of every picture the names that were found in it, each once.
    pairs = np.unique(rows.pictures * most + rows.labels)
    begins = np.searchsorted(pairs // most, things.pictures[wide], side="left")
    counts = np.searchsorted(pairs // most, things.pictures[wide], side="right") - begins
    offsets = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    everywhere = pairs[np.repeat(begins, counts) + offsets] % most
    return Entries(
        np.concatenate([own, np.repeat(wide, counts)]),
        np.concatenate([things.labels[own], everywhere]),
        np.concatenate([things.crowds[own], np.ones(len(everywhere), np.bool_)]),
    )


def images(first: int, last: int) -> list[dict[str, Any]]:
    """Returns the pictures from `first` to before `last`; their sizes matter to no figure."""
    return [{"id": number + 1, "width": 1, "height": 1} for number in range(first, last)]


def categories(names: int) -> list[dict[str, Any]]:
    """Returns as many categories."""
    return [{"id": number + 1, "name": str(number)} for number in range(names)]


def table(rows: Rows) -> NDArray[np.float64]:
    """Returns detections as float64 [D, 7]: picture, x, y, width, height, score, name."""
    columns = np.empty((len(rows), 7))
    columns[:, 0] = rows.pictures + 1
    columns[:, 1:5] = sides(rows.boxes)
    columns[:, 5] = rows.scores
    columns[:, 6] = rows.labels + 1
    return columns


def sides(boxes: NDArray[np.float32]) -> NDArray[np.float64]:
    """Returns x1 y1 x2 y2 as x y width height, float64 [N, 4]."""
    changed = boxes.astype(np.float64)
    changed[:, 2:] -= changed[:, :2]
    return changed


def overlaps_of(boxes: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float64]:
    """Returns intersection over union of boxes [N, 4] and others [M, 4], float64 [N, M]."""
    from hotcoco.primitives import bbox_iou

    return bbox_iou(sides(boxes), sides(others), np.zeros(len(others), np.bool_))
