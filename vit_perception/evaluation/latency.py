# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Times several candidates in turns, so that all run under the same load."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Timing:
    """Seconds of each candidate per round, float64 [rounds]."""

    seconds: Mapping[str, NDArray[np.float64]]

    def median_ms(self, name: str) -> float:
        """Returns the median over the rounds."""
        return float(np.median(self.seconds[name]) * 1e3)

    def p95_ms(self, name: str) -> float:
        """Returns the 95th percentile over the rounds."""
        return float(np.percentile(self.seconds[name], 95) * 1e3)

    def least_ms(self, name: str) -> float:
        """Returns the fastest round: the time on an otherwise idle machine."""
        return float(self.seconds[name].min() * 1e3)

    def ratio(self, name: str, reference: str) -> float:
        """Returns the median over rounds of the ratio to the reference in the same round."""
        return float(np.median(self.seconds[name] / self.seconds[reference]))


def take_turns(
    candidates: Mapping[str, Callable[[], object]],
    rounds: int,
    calls: int = 3,
    warm: int = 3,
    progress: Callable[[int], object] = lambda done: None,
) -> Timing:
    """Calls every candidate ``calls`` times per round, in turns; keeps each round's median.

    Args:
        candidates: name to a call without arguments.
        rounds: of all candidates, in alternating order.
        calls: calls of each candidate per round.
        warm: warm-up rounds, not timed.
        progress: called with the number of rounds done, warm-up included.
    """
    kept: dict[str, list[float]] = {name: [] for name in candidates}
    for turn in range(warm + rounds):
        order = list(candidates) if turn % 2 else list(candidates)[::-1]
        for name in order:
            took = []
            for _ in range(calls):
                begin = time.perf_counter()
                candidates[name]()
                took.append(time.perf_counter() - begin)
            if turn >= warm:
                kept[name].append(float(np.median(took)))
        progress(turn + 1)
    return Timing({name: np.array(values) for name, values in kept.items()})


def pareto_front(points: Iterable[tuple[str, float, float]]) -> list[str]:
    """Returns the names of the Pareto-optimal points: no other costs no more and is worth as much.

    Args:
        points: name, cost (less is better), worth (more is better).

    Returns:
        Names by rising cost.
    """
    front: list[str] = []
    best = float("-inf")
    # Of points with equal cost, the one with the highest worth comes first.
    for name, _, worth in sorted(points, key=lambda point: (point[1], -point[2])):
        if worth > best:
            front.append(name)
            best = worth
    return front
