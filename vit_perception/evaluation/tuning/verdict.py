# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Whether thresholds are better than others on pictures that they were not chosen on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vit_perception.evaluation.figures.blocks import FEWEST_BLOCKS, Draws, draw, interval
from vit_perception.evaluation.tuning.average_precision import average_precision
from vit_perception.evaluation.tuning.judged import Judged
from vit_perception.evaluation.tuning.metric import AP, RECALL, Counts, Metric
from vit_perception.wording import counted


@dataclass(frozen=True, eq=False)
class Published:
    """What a robot publishes of the held-out pictures.

    Attributes:
        judged: detections.
        thresholds: float32 [N], least score of each name.
        most: detections of a picture.
    """

    judged: Judged
    thresholds: NDArray[np.float32]
    most: int

    @property
    def counts(self) -> Counts:
        """Of all pictures together."""
        return self.judged.counts(self.thresholds, self.most)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A comparison on held-out pictures.

    Attributes:
        better: whether the found thresholds are better, and surely so.
        sentence: the same in words.
        figure: what is compared.
        before, after: the figure with the thresholds of now and with those that were found.
        low, high: bounds of the 95 % interval of the difference; None of too few blocks.
    """

    better: bool
    sentence: str
    figure: str
    before: float
    after: float
    low: float | None
    high: float | None


def compare(
    metric: Metric, before: Published, after: Published, block: NDArray[np.int64]
) -> Verdict:
    """Compares what is published of the same pictures.

    Of recall at a precision, the precision counts until it is reached, and then the recall.

    Args:
        metric: is to be high.
        before: with the thresholds of now.
        after: with those that were found.
        block: of each picture, see `blocks`.
    """
    name = _figure(metric, before)
    values = [_value(name, each) for each in (before, after)]
    draws = draw(block)
    bounds = None
    if draws.enough:
        first, second = (_drawn(name, each, draws) for each in (before, after))
        bounds = interval(second - first)
    told = f"{name} on the held-out pictures is {values[1]:.3f} in place of {values[0]:.3f}"
    low, high = bounds or (None, None)
    better, word = False, "Cannot tell"
    if low is None or high is None:
        count = draws.weights.shape[1]
        told += (
            f"; they make {counted(count, 'block')} of pictures that look alike, "
            f"and fewer than {FEWEST_BLOCKS} say nothing of others"
        )
    else:
        told += f", {_signed(values[1] - values[0])} (95 % interval {_signed(low)} to "
        told += f"{_signed(high)})"
        if low > 0:
            better, word = True, "Better"
        elif high <= 0:
            word = "No better" if high == 0 else "Worse"
    if not metric.reached_by(after.counts):
        better, word = False, "No better" if better else word
        told += (
            f"; the precision is {after.counts.precision:.3f}, {metric.precision:g} was asked for"
        )
    return Verdict(better, f"{word}: {told}.", name, values[0], values[1], low, high)


def unchanged(metric: Metric, before: Published) -> Verdict:
    """Returns the verdict where nothing better than the thresholds of now was found."""
    name = _figure(metric, before)
    value = _value(name, before)
    told = (
        f"No better: on the pictures that thresholds were chosen on, none that were tried are "
        f"better than those of now; their {name} on the held-out pictures is {value:.3f}."
    )
    return Verdict(False, told, name, value, value, 0.0, 0.0)


def _figure(metric: Metric, before: Published) -> str:
    """Returns what is compared."""
    if metric.kind == RECALL:
        return "recall" if metric.reached_by(before.counts) else "precision"
    return "AP50" if metric.kind == AP else "F1"


def _value(figure: str, published: Published) -> float:
    if figure == "AP50":
        return average_precision(published.judged)
    return float(getattr(published.counts, figure.lower()))


def _drawn(figure: str, published: Published, draws: Draws) -> NDArray[np.float64]:
    """Returns the figure of every draw."""
    if figure == "AP50":
        return draws.ap50(published.judged.matches)
    table = published.judged.by_picture(published.thresholds, published.most)
    sums = np.zeros((draws.weights.shape[1], 3), np.int64)
    np.add.at(sums, draws.blocks, table)
    drawn = np.rint(draws.weights @ sums).astype(np.int64)
    return np.array([getattr(Counts(*row), figure.lower()) for row in drawn.tolist()])


def _signed(value: float) -> str:
    return f"{value:+.3f}"
