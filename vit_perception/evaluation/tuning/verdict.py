# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Whether thresholds are better than others on pictures that they were not chosen on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from vit_perception.evaluation.tuning.average_precision import AveragePrecision
from vit_perception.evaluation.tuning.held_out import FEWEST_BLOCKS, draws, interval
from vit_perception.evaluation.tuning.judged import Judged
from vit_perception.evaluation.tuning.metric import AP, F1, Counts, Metric

Figure = Callable[[NDArray[np.int64]], float]
"""Takes how often each picture is there, int64 [P]."""


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
    name, figures = _figures(metric, before, after)
    once = np.ones(len(block), np.int64)
    values = [figure(once) for figure in figures]
    count = len(np.unique(block))
    bounds = None
    if count >= FEWEST_BLOCKS:
        bounds = interval([figures[1](times) - figures[0](times) for times in draws(block)])
    told = f"{name} on the held-out pictures is {values[1]:.3f} in place of {values[0]:.3f}"
    low, high = bounds or (None, None)
    better, word = False, "Cannot tell"
    if low is None or high is None:
        told += (
            f"; they make {count} block{'' if count == 1 else 's'} of pictures that look alike, "
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
    name, (figure, _) = _figures(metric, before, before)
    value = figure(np.ones(len(before.judged.objects), np.int64))
    told = (
        f"No better: on the pictures that thresholds were chosen on, none that were tried are "
        f"better than those of now; their {name} on the held-out pictures is {value:.3f}."
    )
    return Verdict(False, told, name, value, value, 0.0, 0.0)


def _figures(metric: Metric, before: Published, after: Published) -> tuple[str, list[Figure]]:
    if metric.kind == AP:
        return "AP50", [AveragePrecision(each.judged).of for each in (before, after)]
    if metric.kind == F1:
        name, value = "F1", attrgetter("f1")
    else:
        name = "recall" if metric.reached_by(before.counts) else "precision"
        value = attrgetter(name)
    return name, [_counted(each, value) for each in (before, after)]


def _counted(published: Published, value: Callable[[Counts], float]) -> Figure:
    table = published.judged.by_picture(published.thresholds, published.most)

    def figure(times: NDArray[np.int64]) -> float:
        return value(Counts(*(times @ table).tolist()))

    return figure


def _signed(value: float) -> str:
    return f"{value:+.3f}"
