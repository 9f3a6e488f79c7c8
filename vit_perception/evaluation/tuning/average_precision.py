# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Average precision of judged detections, of pictures that are drawn more than once too."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vit_perception.evaluation.tuning.judged import Judged

LEAST_SCORE = 0.001
"""Score below which detections do not count."""
MOST = 100
"""Detections of a picture that count, the best."""
_RECALLS = 101


class AveragePrecision:
    """The mean over names with objects of the area under precision over recall (COCO's AP50).

    Args:
        judged: detections, of scores from LEAST_SCORE on.
    """

    def __init__(self, judged: Judged) -> None:
        least = np.full(judged.objects.shape[1], LEAST_SCORE, np.float32)
        kept = judged.published(least, MOST) & ~judged.ignored
        self._objects = judged.objects
        self._names: list[tuple[int, NDArray[np.int64], NDArray[np.bool_]]] = []
        for label in np.flatnonzero(judged.objects.any(axis=0)).tolist():
            rows = np.flatnonzero(kept & (judged.labels == label))
            rows = rows[np.argsort(-judged.scores[rows], kind="stable")]
            self._names.append((label, judged.pictures[rows], judged.true[rows]))

    def of(self, times: NDArray[np.int64]) -> float:
        """Returns it for pictures that are there so many times; 0 without any object.

        Args:
            times: int64 [P].
        """
        from hotcoco.metrics import precision_recall_curve

        values = []
        for label, pictures, true in self._names:
            objects = int(self._objects[:, label] @ times)
            if not objects:
                continue
            weights = times[pictures]
            found = np.cumsum(weights * true).astype(np.float64)
            wrong = np.cumsum(weights * ~true).astype(np.float64)
            # The precision at each of the recalls that are reached.
            _, points = precision_recall_curve(found, wrong, objects)
            values.append(sum(precision for _, precision, _ in points) / _RECALLS)
        return float(np.mean(values)) if values else 0.0


def average_precision(judged: Judged) -> float:
    """Returns it for all pictures, each once."""
    return AveragePrecision(judged).of(np.ones(len(judged.objects), np.int64))
