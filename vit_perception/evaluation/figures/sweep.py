# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Precision, recall and F1 at every least score that a user may choose."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vit_perception.evaluation.figures.counts import rates
from vit_perception.evaluation.figures.matches import Matches

THRESHOLDS = tuple(step / 100 for step in range(1, 100))


class Sweep:
    """Counts of one run at each of THRESHOLDS.

    A robot publishes at most `max_detections` of a picture, the best; so no more count here.
    """

    def __init__(self, matches: Matches, max_detections: int) -> None:
        self._objects = matches.objects.sum(axis=0)
        counted = matches.ranks < max_detections
        # How many of the thresholds a detection reaches; compared as a robot does, in float32.
        reached = np.searchsorted(np.array(THRESHOLDS, np.float32), matches.scores, side="right")
        self._true = _at_least(matches.labels, reached, counted & matches.true, self._objects)
        self._false = _at_least(matches.labels, reached, counted & matches.false, self._objects)

    def rows(self, name: int | None = None) -> list[dict[str, float | None]]:
        """Returns `threshold`, `precision`, `recall` and `f1` of every threshold.

        Args:
            name: index; None counts all names together.
        """
        names = slice(None) if name is None else slice(name, name + 1)
        objects = int(self._objects[names].sum())
        true, false = self._true[names].sum(axis=0), self._false[names].sum(axis=0)
        return [
            {"threshold": threshold, **rates(int(right), int(wrong), objects - int(right))}
            for threshold, right, wrong in zip(THRESHOLDS, true, false, strict=True)
        ]

    def best(self, name: int | None = None) -> dict[str, Any]:
        """Returns the row with the best F1, the lowest of equals; Nones if nothing is right."""
        best = max(self.rows(name), key=lambda row: row["f1"] or 0.0)
        return best if best["f1"] else dict.fromkeys(best)


def _at_least(
    labels: NDArray[np.int64],
    reached: NDArray[np.int64],
    which: NDArray[np.bool_],
    objects: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Returns how many detections of each name reach each threshold, int64 [N, thresholds]."""
    counts = np.zeros((len(objects), len(THRESHOLDS) + 1), np.int64)
    np.add.at(counts, (labels[which], reached[which]), 1)
    return counts[:, ::-1].cumsum(axis=1)[:, ::-1][:, 1:]
