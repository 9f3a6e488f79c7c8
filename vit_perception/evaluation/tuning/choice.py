# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Thresholds that are tried, and the best ones by counting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from vit_perception.evaluation.tuning.metric import Counts, Metric
from vit_perception.evaluation.tuning.tally import Tally

FEWEST_OBJECTS = 10
"""Objects of a name from which on it can have a threshold of its own."""
SCORES = tuple(round(number / 100, 2) for number in range(1, 100))
"""Score thresholds that are tried."""
IOUS = tuple(round(number / 100, 2) for number in range(20, 91, 5))
"""Thresholds of suppression that are tried."""
_EXCHANGES = np.linspace(0.0, 1.0, 101)


@dataclass(frozen=True)
class Choice:
    """Thresholds of a robot.

    Attributes:
        score: of all names that have none of their own.
        iou: of suppression.
        own: name to its own score threshold.
    """

    score: float
    iou: float
    own: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        kept = {name: self.own[name] for name in sorted(self.own) if self.own[name] != self.score}
        object.__setattr__(self, "own", MappingProxyType(kept))

    def thresholds(self, names: Sequence[str]) -> NDArray[np.float32]:
        """Returns float32 [N], as the graph gets them."""
        return np.array([self.own.get(name, self.score) for name in names], np.float32)

    @property
    def least(self) -> float:
        """The lowest of the score thresholds."""
        return min((self.score, *self.own.values()))


def best_common(tally: Tally, metric: Metric) -> float:
    """Returns the score threshold of all names that is best for counts.

    Of several that are as good, the middle one of the first run of them is the furthest from the
    scores that would make a difference.
    """
    true, false = (each.sum(axis=0) for each in tally.tables())
    objects = int(tally.objects.sum())
    values = [metric.of(Counts(int(t), int(f), objects)) for t, f in zip(true, false, strict=True)]
    return tally.scores[_middle_of_best(np.array(values))]


def best_of_names(
    tally: Tally,
    metric: Metric,
    own: Sequence[int],
) -> tuple[float, dict[int, float]]:
    """Returns the common score threshold and those of single names that are best for counts.

    F1, and recall at a precision, are highest where each name has the threshold at which its true
    detections, less its detections times a number that is the same for all names, are most. That
    number is tried in steps of 0.01.

    Args:
        tally: detections, and the thresholds to choose from.
        metric: F1 or RECALL.
        own: labels of the names that can have a threshold of their own.
    """
    true, false = tally.tables()
    objects, scores = int(tally.objects.sum()), tally.scores
    others = np.setdiff1d(np.arange(len(true)), np.array(own, np.int64))
    groups = [others, *(np.array([label]) for label in own)]
    grouped_true = np.stack([true[group].sum(axis=0) for group in groups])
    grouped_false = np.stack([false[group].sum(axis=0) for group in groups])
    tried = []
    for exchange in _EXCHANGES:
        worth = grouped_true - exchange * (grouped_true + grouped_false)
        tried.append([_middle_of_best(row) for row in worth])
    rows = np.arange(len(groups))
    values = [
        metric.of(
            Counts(
                int(grouped_true[rows, places].sum()),
                int(grouped_false[rows, places].sum()),
                objects,
            )
        )
        for places in tried
    ]
    common, *singles = (scores[place] for place in tried[_middle_of_best(np.array(values))])
    return common, dict(zip(own, singles, strict=True))


def _middle_of_best(values: NDArray[np.float64]) -> int:
    first = int(np.argmax(values))
    worse = np.flatnonzero(values[first:] < values[first])
    length = int(worse[0]) if len(worse) else len(values) - first
    return first + (length - 1) // 2
