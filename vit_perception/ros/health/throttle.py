# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""One log line per second and cause, however often the cause comes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Throttle:
    """Says which of many like lines to log; thread safe."""

    def __init__(self, period: float = 1.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._lock = threading.Lock()
        self._period = period
        self._clock = clock
        self._last: dict[str, float] = {}
        self._held_back: dict[str, int] = {}

    def line(self, cause: str, text: str) -> str | None:
        """Return the line to log for `cause`, or None when one was logged a moment ago.

        The line says how many of its kind were held back since the one before.
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
