# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Stamps of a camera's images that are not what one expects of a clock."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType

MISSING = "missing"
FUTURE = "future"
BACKWARD = "backward"

ODDITIES: Mapping[str, str] = MappingProxyType(
    {
        MISSING: "stamp 0: has no age, so `max_age` does not apply",
        FUTURE: "stamped more than 0.1 s after the node's own clock: never stale, no age",
        BACKWARD: "stamped before an earlier image of the camera (a bag that starts again): "
        "latencies begin anew, the vocabulary is announced again",
    }
)
"""What a stamp can be; such frames are looked at like any other."""

# Cameras with a clock of their own are a few milliseconds off.
_TOLERANCE = 0.1


class StampWatch:
    """Counts odd stamps of one camera; thread safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._last = 0

    def look(self, stamp: int, age: float | None) -> frozenset[str]:
        """Count what is odd about the stamp of the next frame, and return it.

        Args:
            stamp: nanoseconds, 0 for none.
            age: seconds by the node's clock, None without a stamp.

        """
        with self._lock:
            odd = set()
            if age is None:
                odd.add(MISSING)
            else:
                if age < -_TOLERANCE:
                    odd.add(FUTURE)
                if stamp < self._last:
                    odd.add(BACKWARD)
                self._last = stamp
            self._counts.update(odd)
            return frozenset(odd)

    def counts(self) -> Mapping[str, int]:
        """Return how many of each kind there were."""
        with self._lock:
            return {kind: self._counts[kind] for kind in ODDITIES}
