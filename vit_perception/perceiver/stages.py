# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Where the time of one frame goes."""

from __future__ import annotations

import time
from collections.abc import Callable


class StageTimes:
    """Seconds per named stage of one frame, taken as laps of one clock.

    The stages follow each other without gaps, so that their sum is the time from the making of
    this object to the last lap. One object belongs to one frame and one thread.

    Args:
        clock: seconds, monotonic; replaced by tests.

    Attributes:
        seconds: stage to seconds, in the order in which the stages ended first.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._last = clock()
        self.seconds: dict[str, float] = {}

    def lap(self, stage: str) -> None:
        """Adds the time since the lap before to `stage`."""
        now = self._clock()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._last
        self._last = now

    @property
    def total(self) -> float:
        """The sum of all stages in seconds."""
        return sum(self.seconds.values())
