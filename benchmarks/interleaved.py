# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Timings of several candidates that take turns, so that all of them meet the same machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Timing:
    """Seconds of every call, by candidate, in rounds."""

    seconds: Mapping[str, np.ndarray]

    def median_ms(self, name: str) -> float:
        return float(np.median(self.seconds[name]) * 1e3)

    def p95_ms(self, name: str) -> float:
        return float(np.percentile(self.seconds[name], 95) * 1e3)

    def ratio(self, name: str, reference: str) -> float:
        """Median over rounds of own time to the reference's in the same round."""
        return float(np.median(self.seconds[name] / self.seconds[reference]))


def take_turns(
    candidates: Mapping[str, Callable[[], object]], rounds: int, calls: int = 3, warm: int = 3
) -> Timing:
    """Call every candidate ``calls`` times a round, in turns; keep each round's median.

    Args:
        candidates: name to a call without arguments.
        rounds: of all candidates, in alternating order.
        calls: a candidate's calls in one round.
        warm: rounds before the clock counts.
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
    return Timing({name: np.array(values) for name, values in kept.items()})
