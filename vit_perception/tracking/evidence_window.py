# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What was seen of one thing in the last seconds, as the input of the evidence graph (card 17).

Each candidate name is judged by itself: its own channels against those of its best competitor. A
name that joins the vocabulary thus changes nothing but where it is that competitor.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vit_perception.tracking.resampling import resampled

WINDOW_S = 3.0
STEPS = 32
"""Equally spaced times, from the beginning of the window to now."""
CHANNELS = 9
FEATURES = 3
MOST_CANDIDATES = 5
LEAST_SCORE, HIGHEST_SCORE = 0.02, 0.98
"""Scores are cut to these; a name that was not told has the least."""
NOISE, LEAST_CONFIDENCE = 0.2, 0.05
"""The noise of an observation is the one over its confidence, but not less than the other."""
BIN_S, MOST_SEEN = 0.05, 64
"""Of observations nearer to each other than a bin, the most confident stays."""
FASTEST = 5.0
"""Speeds are cut to this, widths of the box a second."""

_AT = np.linspace(-WINDOW_S, 0.0, STEPS)


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """N observations of one thing.

    Attributes:
        times: float64 [N], seconds before now, 0 or less, in any order.
        scores: float32 [N, U], of each name that was told in the window; 0: not told.
        boxes: float32 [N, 4], x1 y1 x2 y2 as shares of the picture's width and height.
        ranges: float32 [N], metres; 0: not known.
        frames: how many were looked at in the window since the thing was first seen.
    """

    times: NDArray[np.float64]
    scores: NDArray[np.float32]
    boxes: NDArray[np.float32]
    ranges: NDArray[np.float32]
    frames: int

    def chosen(self, rows: NDArray[Any]) -> Window:
        """Returns some of the observations, of as many frames."""
        return Window(
            self.times[rows], self.scores[rows], self.boxes[rows], self.ranges[rows], self.frames
        )


def logits(scores: NDArray[Any]) -> NDArray[np.float64]:
    """Returns the logits of scores, cut to where they say something."""
    cut = np.clip(scores, LEAST_SCORE, HIGHEST_SCORE).astype(np.float64)
    return np.asarray(np.log(cut / (1 - cut)), np.float64)


def candidates(scores: NDArray[np.float32]) -> NDArray[np.int64]:
    """Returns the columns of the names that were told most surely over all, best first."""
    best_first = np.argsort(-scores.sum(axis=0), kind="stable")
    return best_first[:MOST_CANDIDATES].astype(np.int64)


def series(
    window: Window, names: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Returns the channels of candidate names on equally spaced times, and the thing's features.

    Args:
        window: of one or more observations.
        names: int64 [K], columns of the window's scores.

    Returns:
        float32 [K, STEPS, CHANNELS]: logit of the name, that of its best competitor, their
        difference, confidence, log of the box's area, log of its width over its height, speed
        (widths a second), range (m), and how little is known at that time (0..1); and float32
        [FEATURES]: median range, its interquartile range, and the share of frames it was seen in.
    """
    window = _thinned(window)
    told = logits(window.scores)
    confidence = window.scores.max(axis=1).astype(np.float64)
    width, height = (np.maximum(window.boxes[:, n + 2] - window.boxes[:, n], 1e-4) for n in (0, 1))
    shared = [
        confidence,
        np.log(width * height),
        np.log(width / height),
        _speeds(window, width),
        window.ranges,
    ]
    own = []
    for name in names.tolist():
        rest = np.delete(told, name, axis=1)
        rival = rest.max(axis=1, initial=float(logits(np.zeros(1))[0]))
        own += [told[:, name], rival]
    noise = NOISE / np.maximum(confidence, LEAST_CONFIDENCE)
    mean, deviation = resampled(window.times, np.stack([*own, *shared], axis=1), noise, _AT)
    found = np.empty((len(names), STEPS, CHANNELS), np.float32)
    pairs = mean[:, : 2 * len(names)].reshape(STEPS, len(names), 2).transpose(1, 0, 2)
    found[:, :, :2] = pairs
    found[:, :, 2] = pairs[:, :, 0] - pairs[:, :, 1]
    found[:, :, 3:8] = mean[:, 2 * len(names) :]
    found[:, :, 8] = deviation
    return found, _features(window)


def _thinned(window: Window) -> Window:
    """Returns the most confident observation of each bin, in order of time."""
    confidence = window.scores.max(axis=1)
    bins = np.floor(-window.times / BIN_S).astype(np.int64)
    order = np.lexsort((window.times, -confidence, bins))
    first = order[np.unique(bins[order], return_index=True)[1]][:MOST_SEEN]
    return window.chosen(first[np.argsort(window.times[first], kind="stable")])


def _speeds(window: Window, width: NDArray[Any]) -> NDArray[np.float64]:
    """Returns how fast the middle moved since the observation before, float64 [N]."""
    middles = (window.boxes[:, :2] + window.boxes[:, 2:]) / 2
    speeds = np.zeros(len(window.times))
    passed = np.maximum(np.diff(window.times), BIN_S)
    moved = np.linalg.norm(np.diff(middles, axis=0), axis=1)
    speeds[1:] = np.minimum(moved / width[1:] / passed, FASTEST)
    return speeds


def _features(window: Window) -> NDArray[np.float32]:
    known = window.ranges[window.ranges > 0]
    low, middle, high = np.percentile(known, [25, 50, 75]) if known.size else np.zeros(3)
    seen = min(len(window.times) / max(window.frames, 1), 1.0)
    return np.array([middle, high - low, seen], np.float32)
