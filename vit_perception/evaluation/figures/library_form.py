# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Things and detections as hotcoco takes them: ids from 1, corners as x, y, width, height."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vit_perception.evaluation.figures.flat import OTHER, Rows, Things


def images(pictures: NDArray[np.int64]) -> list[dict[str, Any]]:
    """Returns entries of pictures; their sizes matter to no figure."""
    return [{"id": number + 1, "width": 1, "height": 1} for number in pictures.tolist()]


def categories(count: int) -> list[dict[str, Any]]:
    """Returns entries of as many names."""
    return [{"id": number + 1, "name": str(number)} for number in range(count)]


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


def regions(
    things: Things, wide: NDArray[np.bool_], rows: Rows
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Returns wide regions once for every name that was found in their picture.

    The library ignores a detection on a region of its own name only.

    Args:
        things: all things of the pictures of `rows`.
        wide: bool [T], things on which nothing is judged, whatever it is called.
        rows: the detections.

    Returns:
        int64 [R] indices of things and int64 [R] labels.
    """
    which = np.flatnonzero(wide)
    most = int(rows.labels.max(initial=0)) + 1
    # Of every picture the names that were found in it, each once.
    pairs = np.unique(rows.pictures * most + rows.labels)
    places, found = pairs // most, pairs % most
    begins = np.searchsorted(places, things.pictures[which], side="left")
    counts = np.searchsorted(places, things.pictures[which], side="right") - begins
    offsets = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.repeat(which, counts), found[np.repeat(begins, counts) + offsets]


def wide_regions(things: Things) -> NDArray[np.bool_]:
    """Returns bool [T]: things whose names were not asked for; crowds of them do not matter."""
    return np.asarray((things.labels == OTHER) & ~things.crowds)
