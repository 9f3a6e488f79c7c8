# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""How sure the figures are: the same figures of pictures drawn again and again by chance.

Neighbouring images of a recording look alike, so that blocks of them are drawn rather than
single ones; drawn one by one they would seem surer than they are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vit_perception.evaluation.figures.gather import Pictures
from vit_perception.evaluation.figures.matches import Matches

DRAWS = 500
BLOCK_NS = 2_000_000_000
BLOCK_PICTURES = 5
"""A block lasts at least so long and has at least so many pictures."""
FEWEST_BLOCKS = 6
"""With fewer, all agree by chance more often than once in twenty: five do in 2 · ½⁵ = 6 %."""
_PERCENTILES = (2.5, 97.5)


def blocks_of(pictures: Pictures) -> NDArray[np.int64]:
    """Returns the block of each picture, int64 [P], ascending from 0.

    Blocks lie within a sequence. A picture without a stamp is a block of its own. A rest that
    is too short belongs to the block before it.
    """
    starts: list[int] = []
    for index in range(len(pictures)):
        if not starts or _begins(pictures, starts[-1], index):
            starts.append(index)
    ends = [*starts[1:], len(pictures)]
    spans = zip(starts, ends, strict=False)
    kept = [start for start, end in spans if not _is_rest(pictures, start, end)]
    places = np.searchsorted(kept, np.arange(len(pictures)), side="right") - 1
    return places.astype(np.int64)


def _begins(pictures: Pictures, begin: int, index: int) -> bool:
    """Whether a block that has begun ends before a picture."""
    if pictures.sequences[begin] != pictures.sequences[index]:
        return True
    if not pictures.stamps[begin] or not pictures.stamps[index]:
        return True
    # Of a clock that was set back too.
    lasts = abs(int(pictures.stamps[index]) - int(pictures.stamps[begin]))
    return bool(lasts >= BLOCK_NS and index - begin >= BLOCK_PICTURES)


def _is_rest(pictures: Pictures, start: int, end: int) -> bool:
    """Whether a block is too short and follows another one of the sequence."""
    if start == 0 or end - start >= BLOCK_PICTURES:
        return False
    same = pictures.sequences[start] == pictures.sequences[start - 1]
    return bool(same and pictures.stamps[start] and pictures.stamps[start - 1])


@dataclass(frozen=True, slots=True, eq=False)
class Draws:
    """How often each block was drawn, the same for all runs.

    Attributes:
        blocks: int64 [P], see `blocks_of`.
        weights: float32 [DRAWS, blocks].
    """

    blocks: NDArray[np.int64]
    weights: NDArray[np.float32]

    @property
    def enough(self) -> bool:
        """Whether there are blocks enough to say how sure a figure is."""
        return bool(self.weights.shape[1] >= FEWEST_BLOCKS)

    def ap50(self, matches: Matches) -> NDArray[np.float64]:
        """Returns AP50 of every draw, float64 [DRAWS]; NaN without objects."""
        count = self.weights.shape[1]
        objects = np.zeros((count, matches.objects.shape[1]), np.int64)
        np.add.at(objects, self.blocks, matches.objects)
        sums, names = np.zeros(len(self.weights)), np.zeros(len(self.weights))
        for name in np.flatnonzero(objects.any(axis=0)).tolist():
            there = self._sums(objects[:, name])
            values = self._ap50(matches, name, there)
            sums += np.where(there > 0, values, 0)
            names += there > 0
        with np.errstate(invalid="ignore"):
            return np.asarray(sums / names, np.float64)

    def f1(self, counts: NDArray[np.int64]) -> NDArray[np.float64]:
        """Returns F1 of every draw, float64 [DRAWS]; NaN where there is nothing to count.

        Args:
            counts: int64 [P, 3], true, false and missed ones of every picture.
        """
        sums = np.zeros((self.weights.shape[1], 3), np.int64)
        np.add.at(sums, self.blocks, counts)
        true, false, missed = self._sums(sums).T
        with np.errstate(invalid="ignore"):
            return np.asarray(2 * true / (2 * true + false + missed), np.float64)

    def _sums(self, counts: NDArray[np.int64]) -> NDArray[np.float64]:
        """Returns the sum of counts [blocks, ...] over what was drawn, [DRAWS, ...]."""
        # Sums of integers are exact in float32 up to 16 millions.
        return np.asarray(self.weights @ counts.astype(np.float32), np.float64)

    def _ap50(
        self, matches: Matches, name: int, objects: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Returns the average precision of a name in every draw."""
        from hotcoco import metrics

        values = np.zeros(len(self.weights))
        which = np.flatnonzero((matches.labels == name) & ~matches.ignored)
        which = which[np.argsort(-matches.scores[which], kind="stable")]
        # Precision is highest, and recall grows, at true detections; only these are given to the
        # library. What comes after the last of them changes nothing.
        true = np.flatnonzero(matches.true[which])
        if not len(true):
            return values
        blocks = self.blocks[matches.pictures[which[: true[-1] + 1]]]
        for draw, total in enumerate(objects.tolist()):
            if total:
                drawn = self.weights[draw][blocks]
                right = np.cumsum(drawn[true], dtype=np.float64)
                wrong = np.cumsum(drawn, dtype=np.float64)[true] - right
                _, points = metrics.precision_recall_curve(right, wrong, int(total))
                values[draw] = sum(precision for _, precision, _ in points) / 101
        return values


def draw(blocks: NDArray[np.int64]) -> Draws:
    """Draws as many blocks as there are, DRAWS times, by the same chances every time.

    Args:
        blocks: int64 [P], see `blocks_of`.
    """
    count = int(blocks.max(initial=-1)) + 1
    chance = np.random.default_rng(0)
    weights = np.zeros((DRAWS, count), np.float32)
    for row in weights:
        if count:
            row += np.bincount(chance.integers(0, count, count), minlength=count)
    return Draws(blocks, weights)


def interval(values: NDArray[np.float64]) -> list[float] | None:
    """Returns the bounds of the middle 95 % of draws; None if no draw has a value."""
    known = values[~np.isnan(values)]
    if not len(known):
        return None
    low, high = np.percentile(known, _PERCENTILES).tolist()
    return [low, high]


def difference(
    first: float | None,
    second: float | None,
    first_drawn: NDArray[np.float64],
    second_drawn: NDArray[np.float64],
) -> dict[str, float | None]:
    """Returns `difference`, second less first, and its bounds `low` and `high`.

    Args:
        first: figure of a run; None without.
        second: the same of another.
        first_drawn: of the first in every draw; empty if there are too few blocks.
        second_drawn: of the second in the same draws.
    """
    if first is None or second is None:
        return dict.fromkeys(("difference", "low", "high"))
    low, high = interval(second_drawn - first_drawn) or (None, None)
    return {"difference": second - first, "low": low, "high": high}
