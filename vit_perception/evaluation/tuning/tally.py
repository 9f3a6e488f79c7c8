# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Judged detections in little memory, for score thresholds that are known beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vit_perception.evaluation.tuning.judged import Judged, best_of_pictures
from vit_perception.evaluation.tuning.metric import Counts


@dataclass(frozen=True, slots=True, eq=False)
class Tally:
    """D detections in P pictures, asked for N names.

    Attributes:
        scores: thresholds, ascending.
        labels: uint16 [D], index into the names.
        reached: uint8 or uint16 [D], how many of the thresholds its score reaches.
        true: bool [D], it finds an object.
        false: bool [D], it finds nothing where that counts.
        starts: int64 [P + 1], where the detections of each picture begin, and the last end.
        objects: int64 [N], how many there are to find.
    """

    scores: tuple[float, ...]
    labels: NDArray[np.uint16]
    reached: NDArray[np.unsignedinteger]
    true: NDArray[np.bool_]
    false: NDArray[np.bool_]
    starts: NDArray[np.int64]
    objects: NDArray[np.int64]

    def counts(self, places: NDArray[np.int64], most: int) -> Counts:
        """Returns the counts of what a robot would publish.

        Args:
            places: int64 [N], of the threshold of each name in `scores`.
            most: detections of a picture; the best are kept.
        """
        least = places.astype(self.reached.dtype)
        kept = best_of_pictures(self.reached > least[self.labels], self.starts, most)
        true = int(np.count_nonzero(kept & self.true))
        false = int(np.count_nonzero(kept & self.false))
        return Counts(true, false, int(self.objects.sum()))

    def tables(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Returns true and false detections, int64 [N, T], of each name at each threshold.

        How many a robot publishes of a picture is not regarded.
        """
        names, count = len(self.objects), len(self.scores)
        tables = []
        for chosen in (self.true, self.false):
            at = self.labels[chosen].astype(np.int64) * (count + 1) + self.reached[chosen]
            counted = np.bincount(at, minlength=names * (count + 1)).reshape(names, count + 1)
            tables.append(counted[:, ::-1].cumsum(axis=1)[:, ::-1][:, 1:].astype(np.int64))
        return tables[0], tables[1]


def tally(judged: Judged, scores: Sequence[float]) -> Tally:
    """Returns what is needed of judged detections to count them at some thresholds.

    Args:
        judged: detections.
        scores: thresholds, ascending.
    """
    matches = judged.matches
    # Compared in float32, as the graph does.
    reached = np.searchsorted(np.array(scores, np.float32), matches.scores, side="right")
    return Tally(
        scores=tuple(scores),
        labels=matches.labels.astype(np.uint16),
        reached=reached.astype(np.min_scalar_type(len(scores))),
        true=matches.true,
        false=matches.false,
        starts=judged.starts,
        objects=matches.objects.sum(axis=0),
    )


def joined(parts: Sequence[Tally]) -> Tally:
    """Returns the tally of the pictures of all parts, in order.

    Args:
        parts: one or more, of the same names and thresholds.
    """
    ends = np.cumsum([0, *(part.starts[-1] for part in parts)])
    begins = [part.starts[:-1] + end for part, end in zip(parts, ends, strict=False)]
    return Tally(
        scores=parts[0].scores,
        labels=np.concatenate([part.labels for part in parts]),
        reached=np.concatenate([part.reached for part in parts]),
        true=np.concatenate([part.true for part in parts]),
        false=np.concatenate([part.false for part in parts]),
        starts=np.concatenate([*begins, ends[-1:]]),
        objects=np.sum([part.objects for part in parts], axis=0),
    )
