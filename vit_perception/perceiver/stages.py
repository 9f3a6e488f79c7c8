# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Where the time of one frame goes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager


class StageTimes:
    """Seconds per named stage of one frame, in the order the stages began.

    One object belongs to one frame and is filled by one thread at a time.

    Args:
        clock: seconds, monotonic; replaced by tests.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._seconds: dict[str, float] = {}

    @contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        """Adds the time spent in the block to `stage`, also when the block raises."""
        self._seconds.setdefault(stage, 0.0)
        start = self._clock()
        try:
            yield
        finally:
            self._seconds[stage] += self._clock() - start

    @property
    def seconds(self) -> Mapping[str, float]:
        """Stage name to seconds: a copy."""
        return dict(self._seconds)

    @property
    def total(self) -> float:
        """Sum of all stages in seconds."""
        return sum(self._seconds.values())
