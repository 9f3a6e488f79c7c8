# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Fixed AP: a limit of detections per category over all pictures (arXiv 2102.01066; card 01)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from vit_perception.evaluation.results import Found


class BestPerCategory:
    """Finds the score that a detection needs to be among the best of its category.

    Memory is two float32 per category and place, independent of the number of pictures.

    Args:
        categories: ids that occur.
        limit: detections per category that count, over all pictures.
    """

    def __init__(self, categories: Iterable[int], limit: int) -> None:
        self._ids = np.array(sorted(categories), np.int64)
        self._limit = limit
        # The first `_counts` of each row are scores. Rows have room for twice the limit, so that
        # the best are selected only once per `limit` new scores.
        self._scores = np.zeros((len(self._ids), 2 * limit), np.float32)
        self._counts = np.zeros(len(self._ids), np.int64)

    def add(self, found: Found) -> None:
        """Adds the detections of one picture, best first."""
        rows = np.searchsorted(self._ids, found.categories)
        order = np.argsort(rows, kind="stable")
        counts = np.bincount(rows, minlength=len(self._ids))
        starts = np.cumsum(counts) - counts
        rows = rows[order]
        ranks = np.arange(len(rows)) - starts[rows]
        # More than `limit` detections of one picture can never count.
        counts = np.minimum(counts, self._limit)
        kept = ranks < self._limit
        for row in np.flatnonzero(self._counts + counts > 2 * self._limit).tolist():
            self._forget(row)
        rows, ranks, order = rows[kept], ranks[kept], order[kept]
        self._scores[rows, self._counts[rows] + ranks] = found.scores[order]
        self._counts += counts

    def chosen(self, found: Sequence[Found]) -> tuple[Found, ...]:
        """Returns the given detections that are among the best of their category.

        Includes all that tie for the last place.
        """
        lowest = self._lowest()
        return tuple(
            one.chosen(
                np.flatnonzero(one.scores >= lowest[np.searchsorted(self._ids, one.categories)])
            )
            for one in found
        )

    def _lowest(self) -> NDArray[np.float32]:
        """Returns each category's lowest score that counts; -inf if there is room left."""
        lowest = np.full(len(self._ids), -np.inf, np.float32)
        for row in np.flatnonzero(self._counts >= self._limit).tolist():
            self._forget(row)
            lowest[row] = self._scores[row, : self._limit].min()
        return lowest

    def _forget(self, row: int) -> None:
        """Keeps the best `limit` of a row that has at least as many."""
        scores = self._scores[row, : self._counts[row]]
        first = len(scores) - self._limit
        self._scores[row, : self._limit] = np.partition(scores, first)[first:]
        self._counts[row] = self._limit
