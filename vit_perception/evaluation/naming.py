# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""How well followed things are named over time, and simple ways to name them to compare with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vit_perception.tracking.evidence_window import LEAST_SCORE

LONGEST_S = 0.3
"""A name counts until the next sighting, but no longer than this."""
BINS = 10

Scores = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Named:
    """One followed thing in N frames.

    Attributes:
        stamps: float64 [N], seconds, rising.
        probabilities: float64 [N, U], of each name at that time, each row with the sum 1.
        right: bool [N, U], the names that are true.
        unnamed: bool [N], when it was called unknown; None: never.
    """

    stamps: NDArray[np.float64]
    probabilities: Scores
    right: NDArray[np.bool_]
    unnamed: NDArray[np.bool_] | None = None


@dataclass(frozen=True, slots=True)
class NamingScores:
    """How well things were named.

    Attributes:
        wrong: share of the time under a wrong name.
        unnamed: share of the time without a name, which is not wrong.
        wrong_sure: share of wrong names in the half of the time with the highest probabilities.
        flips: changes of name a second.
        accuracy: share of the things whose last name is right.
        log_loss: mean over true names of their things' mean -ln of the probability of what is
            true, at all times.
        calibration: expected calibration error of the told name's probability, 0..1.
        settling: mean seconds until the name is right and stays so; things that end with a wrong
            name count with all their time.
        seconds: of all things.
    """

    wrong: float
    unnamed: float
    wrong_sure: float
    flips: float
    accuracy: float
    log_loss: float
    calibration: float
    settling: float
    seconds: float


def per_frame(scores: Scores) -> Scores:
    """Returns the probabilities [N, U] of names by each frame alone, from scores [N, U]."""
    return _normal(np.log(_cut(scores)))


def vote(scores: Scores) -> Scores:
    """Returns how often each name was the best so far, as shares; the last one breaks ties."""
    ballots = np.eye(scores.shape[1])[scores.argmax(axis=1)]
    total = ballots.cumsum(axis=0) + 0.5 * ballots + LEAST_SCORE
    return np.asarray(total / total.sum(axis=1, keepdims=True), np.float64)


def mean_log(scores: Scores) -> Scores:
    """Returns probabilities by the mean of the logarithms of all scores so far."""
    seen = np.arange(1, len(scores) + 1)[:, None]
    return _normal(np.log(_cut(scores)).cumsum(axis=0) / seen)


def moving_average(scores: Scores, kept: float = 0.7) -> Scores:
    """Returns probabilities by a moving average of logarithms that keeps a share each frame."""
    state = np.log(_cut(scores))
    for number in range(1, len(state)):
        state[number] = kept * state[number - 1] + (1 - kept) * state[number]
    return _normal(state)


WAYS: Mapping[str, Callable[[Scores], Scores]] = {
    "per frame": per_frame,
    "majority vote": vote,
    "mean log score": mean_log,
    "moving average 0.7": moving_average,
}


def naming_scores(things: Sequence[Named]) -> NamingScores:
    """Scores how things were named.

    Args:
        things: one or more, each of one frame or more.
    """
    flips, unnamed, accurate = 0, 0.0, []
    holds, wrongs, settlings, losses, told, truths, classes = [], [], [], [], [], [], []
    for thing in things:
        held = np.minimum(np.diff(thing.stamps, append=thing.stamps[-1] + 0.1), LONGEST_S)
        rows, names = np.arange(len(held)), thing.probabilities.argmax(axis=1)
        right = thing.right[rows, names]
        silent = np.zeros(len(held), np.bool_) if thing.unnamed is None else thing.unnamed
        flips += int(np.count_nonzero(np.diff(np.where(silent, -1, names))))
        accurate.append(right[-1] and not silent[-1])
        holds.append(held)
        wrongs.append(held[~right & ~silent])
        unnamed += float(held[silent].sum())
        last_wrong = np.flatnonzero(~right)
        settlings.append(held[: last_wrong[-1] + 1].sum() if len(last_wrong) else 0.0)
        true = np.where(thing.right, thing.probabilities, 0).sum(axis=1)
        losses.append(float(-np.log(np.clip(true, 1e-3, 1)).mean()))
        classes.append(int(thing.right[-1].argmax()) if thing.right[-1].any() else -1)
        told.append(thing.probabilities[rows, names])
        truths.append(right)
    seconds = float(np.concatenate(holds).sum())
    by_class = [
        np.mean([loss for loss, own in zip(losses, classes, strict=True) if own == each])
        for each in sorted(set(classes))
    ]
    return NamingScores(
        wrong=float(np.concatenate(wrongs).sum()) / seconds,
        unnamed=unnamed / seconds,
        wrong_sure=_wrong_sure(*map(np.concatenate, (holds, told, truths))),
        flips=flips / seconds,
        accuracy=float(np.mean(accurate)),
        log_loss=float(np.mean(by_class)),
        calibration=calibration_error(np.concatenate(told), np.concatenate(truths)),
        settling=float(np.mean(settlings)),
        seconds=seconds,
    )


def _wrong_sure(
    held: NDArray[np.float64], told: NDArray[np.float64], right: NDArray[np.bool_]
) -> float:
    order = np.argsort(-told, kind="stable")
    held, right = held[order], right[order]
    sure = held.cumsum() <= held.sum() / 2
    return float(held[sure & ~right].sum() / max(held[sure].sum(), 1e-9))


def calibration_error(told: NDArray[np.floating[Any]], right: NDArray[np.bool_]) -> float:
    """Returns the mean gap between probabilities [N] and how often they were right, over bins."""
    bins = np.minimum((told * BINS).astype(np.int64), BINS - 1)
    gaps = [
        abs(told[bins == each].mean() - right[bins == each].mean()) * np.mean(bins == each)
        for each in np.unique(bins)
    ]
    return float(np.sum(gaps))


def _cut(scores: Scores) -> Scores:
    return np.clip(scores, LEAST_SCORE, 1.0)


def _normal(logs: Scores) -> Scores:
    """Returns probabilities of logarithms [N, U]."""
    powers = np.exp(logs - logs.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float64)
