# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Precision, recall and F1 of counts, and what a robot would publish."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vit_perception.evaluation.figures.matches import Matches
from vit_perception.evaluation.rows.run import Run


def published(matches: Matches, run: Run) -> NDArray[np.bool_]:
    """Returns bool [D], what a robot would publish; as `Run.published` of every picture."""
    least = np.array(run.thresholds, np.float32)[matches.labels]
    kept = np.asarray(matches.scores >= least)
    before: NDArray[np.int64] = np.cumsum(kept) - kept
    # Of every picture as many as there were before its first detection.
    first = np.searchsorted(matches.pictures, matches.pictures, side="left")
    return np.asarray(kept & (before - before[first] < run.max_detections))


def by_picture(matches: Matches, kept: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Returns true, false and missed ones of every picture, int64 [P, 3].

    Args:
        matches: of one run.
        kept: bool [D], the detections that count.
    """
    pictures = len(matches.objects)
    true, false = (
        np.bincount(matches.pictures[kept & kind], minlength=pictures)
        for kind in (matches.true, matches.false)
    )
    return np.stack([true, false, matches.objects.sum(axis=1) - true], axis=1).astype(np.int64)


def by_name(matches: Matches, kept: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Returns true, false and missed ones of every name, int64 [N, 3]; see `by_picture`."""
    names = matches.objects.shape[1]
    true, false = (
        np.bincount(matches.labels[kept & kind], minlength=names)
        for kind in (matches.true, matches.false)
    )
    return np.stack([true, false, matches.objects.sum(axis=0) - true], axis=1).astype(np.int64)


def rates(true: int, false: int, missed: int) -> dict[str, float | None]:
    """Returns `precision`, `recall` and `f1`; None where there is nothing to divide."""
    return {
        "precision": _share(true, true + false),
        "recall": _share(true, true + missed),
        "f1": _share(2 * true, 2 * true + false + missed),
    }


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
