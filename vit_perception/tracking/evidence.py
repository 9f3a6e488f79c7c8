# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Names followed things by all that was seen of them lately, not by one frame (card 17).

What was seen are the sightings of the tracker, whose candidates are the best names of each box: a
detector has to be asked for `name_scores`. Times are stamps. Where nothing is known yet, as in a
thing's first frame, the answer is about that of the frame.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vit_perception.detections import Detections
from vit_perception.tracking.evidence_graph import Verdict, judged, scores_of
from vit_perception.tracking.evidence_window import LEAST_SCORE
from vit_perception.tracking.tracker import Tracker
from vit_perception.tracking.tracks import Sighting, Track

UNKNOWN = "unknown"
"""What a thing is called whose name is not probable enough."""
AVERAGE_S = 1.0
"""Time constant of the moving average: a sighting of so long ago weighs 1/e of one of now."""

RIVAL_FLOOR = 0.02
"""Added to what other things have of a name: what nobody else has is not the likelier for it."""
LEAST_PROBABILITY = 0.01

_NANOSECONDS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class EvidenceCounts:
    """What became of the names of things with ids.

    Attributes:
        flips: how often one was told under another name than before.
        seconds: for which things were told, all together.
        named: how often a name was told.
        probability: the sum of the probabilities of these names.
    """

    flips: int = 0
    seconds: float = 0.0
    named: int = 0
    probability: float = 0.0


class LabelEvidence:
    """Names the things of one camera; one thread updates it, others may read `counts`."""

    def __init__(self) -> None:
        self._counts = EvidenceCounts()
        self._told: dict[int, tuple[str, int]] = {}

    @property
    def counts(self) -> EvidenceCounts:
        """What became of names so far; a reset does not set it back."""
        return self._counts

    def reset(self) -> None:
        """Forgets what things were called."""
        self._told.clear()

    def update(self, found: Detections, tracker: Tracker, size: tuple[int, int]) -> Detections:
        """Returns what a tracker has just updated, named as its settings say; see `named`."""
        wanted = tracker.settings
        mode, certainty = wanted.label_evidence, wanted.label_certainty
        return self.named(found, tracker.tracks, tracker.stamps, size, mode, certainty)

    def named(
        self,
        found: Detections,
        tracks: Mapping[int, Track],
        stamps: Sequence[int],
        size: tuple[int, int],
        mode: str,
        certainty: float = 0.0,
    ) -> Detections:
        """Returns detections under the names that all sightings of their things speak for.

        Args:
            found: of the frame, with ids; those without an id keep name and score.
            tracks: of the tracker that gave the ids, after this frame.
            stamps: of the frames that the tracker saw, nanoseconds, oldest first.
            size: width and height of the picture.
            mode: one of LABEL_EVIDENCE; with "none" all keep their names.
            certainty: with "transformer", a thing whose name is less probable is called UNKNOWN.

        Returns:
            Best first; scores are the mean score (average) or the probability that the name is
            true (transformer). UNKNOWN, where it is told, stands behind the other names.

        Raises:
            SessionError: the graph failed.
        """
        if found.ids is None or not len(stamps):
            return found
        now = stamps[-1]
        rows = np.flatnonzero(found.ids > 0)
        seen = {int(found.ids[row]): tracks[int(found.ids[row])] for row in rows}
        verdicts: dict[int, tuple[str, float]] = {}
        if mode == "average":
            verdicts = {
                key: averaged(track.sightings, now, found.names) for key, track in seen.items()
            }
        elif mode == "transformer":
            verdicts = chosen(judged(tracks, stamps, size, found.names))
        labels, scores = found.labels.copy(), found.scores.copy()
        names = found.names
        numbers = {name: number for number, name in enumerate(names)}
        for row in rows.tolist():
            name, score = verdicts.get(int(found.ids[row]), ("", 0.0))
            if name not in numbers:
                continue
            scores[row] = score
            if mode == "transformer" and score < certainty:
                name = UNKNOWN
                if name not in numbers:
                    numbers[name], names = len(names), (*names, name)
            labels[row] = numbers[name]
        self._account(found.ids[rows], [names[n] for n in labels[rows]], scores[rows], now)
        self._told = {key: told for key, told in self._told.items() if key in tracks}
        order = np.argsort(-scores, kind="stable")
        return replace(found, labels=labels, scores=scores, names=names)[order]

    def _account(
        self, ids: NDArray[np.int64], names: Sequence[str], scores: NDArray[np.float32], now: int
    ) -> None:
        flips, seconds = 0, 0.0
        for key, name in zip(ids.tolist(), names, strict=True):
            before, stamp = self._told.get(key, (name, now))
            flips += before != name
            seconds += max(now - stamp, 0) / _NANOSECONDS
            self._told[key] = name, now
        self._counts = EvidenceCounts(
            self._counts.flips + flips,
            self._counts.seconds + seconds,
            self._counts.named + len(names),
            self._counts.probability + float(scores.sum()),
        )


def averaged(sightings: Sequence[Sighting], now: int, names: Sequence[str]) -> tuple[str, float]:
    """Returns the name with the highest average of log scores, and its score.

    An exponential moving average for irregular stamps: all sightings count, by their age.

    Args:
        sightings: of one thing.
        now: nanoseconds.
        names: of the vocabulary of now; others are not returned.

    Returns:
        Empty and 0 where no such name was told.
    """
    told = sorted({name for each in sightings for name, _ in each.told} & set(names))
    if not told:
        return "", 0.0
    scores = scores_of(sightings, told)
    ages = np.array([now - each.stamp for each in sightings]) / _NANOSECONDS
    # The youngest weighs 1: the weights of a thing long out of sight would vanish.
    weights = np.exp((ages.min() - ages) / AVERAGE_S)
    means = weights @ np.log(np.maximum(scores, LEAST_SCORE)) / weights.sum()
    best = int(np.argmax(means))
    return told[best], float(np.exp(means[best]))


def chosen(verdicts: Mapping[int, Verdict]) -> dict[int, tuple[str, float]]:
    """Returns the name of each thing with the probability that the graph gives it.

    The graph sees three seconds; with equal weight counts what the tracker remembers of the
    thing. And a name that other things have more surely is less likely this one's: its log odds
    are less by the logarithm of the others' mean probability. That is a hint and no more: three
    mugs stay three mugs.
    """
    names = sorted({name for verdict in verdicts.values() for name in verdict.names})
    columns = {name: number for number, name in enumerate(names)}
    odds = np.full((len(verdicts), len(names)), -np.inf)
    for row, verdict in enumerate(verdicts.values()):
        now = np.clip(verdict.probabilities, LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
        own = [columns[name] for name in verdict.names]
        odds[row, own] = (np.log(now / (1 - now)) + verdict.memory) / 2
    if len(odds) > 1:
        table = 1 / (1 + np.exp(-odds))
        others = (table.sum(axis=0) - table) / (len(table) - 1)
        odds -= np.log(others + RIVAL_FLOOR)
    found = {}
    for row, (key, verdict) in enumerate(verdicts.items()):
        own = [columns[name] for name in verdict.names]
        winner = int(np.argmax(odds[row, own]))
        found[key] = verdict.names[winner], float(verdict.probabilities[winner])
    return found
