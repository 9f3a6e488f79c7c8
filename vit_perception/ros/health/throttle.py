# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Limits log lines to one per second and cause."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Throttle:
    """Chooses which of many similar lines to log; thread-safe."""

    def __init__(self, period: float = 1.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._lock = threading.Lock()
        self._period = period
        self._clock = clock
        self._last: dict[str, float] = {}
        self._held_back: dict[str, int] = {}

    def line(self, cause: str, text: str) -> str | None:
        """Returns the line to log for `cause`, or None if one was logged within the period.

        The line says how many similar lines were held back since the last one.
        """
        now = self._clock()
        with self._lock:
            last = self._last.get(cause)
            if last is not None and now - last < self._period:
                self._held_back[cause] = self._held_back.get(cause, 0) + 1
                return None
            self._last[cause] = now
            more = self._held_back.pop(cause, 0)
        return f"{text} ({more} more like this since the last line)" if more else text
