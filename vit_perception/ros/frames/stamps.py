# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Stamps of a camera's images that are not what one expects of a clock."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

MISSING = "missing"
FUTURE = "future"
BACKWARD = "backward"

ODDITIES: Mapping[str, str] = MappingProxyType(
    {
        MISSING: "images with stamp 0; `max_age` is not applied to them",
        FUTURE: "images stamped more than 0.1 s after the node's own clock; they have no age and "
        "are never stale",
        BACKWARD: "images stamped before the last image of the camera with a stamp, as when a bag "
        "starts again; the latencies of the frames before are forgotten",
    }
)
"""What a stamp can be; such frames are looked at like any other."""

# Cameras with a clock of their own are a few milliseconds off.
_TOLERANCE = 0.1


@dataclass(frozen=True, slots=True)
class Stamp:
    """The stamp of one image.

    Attributes:
        nanoseconds: 0 for none.
        age: seconds by the node's clock when the image's turn came; None without a stamp.
        odd: those of ODDITIES that it has.
        has_age: whether its age says anything.
    """

    nanoseconds: int
    age: float | None
    odd: frozenset[str]
    has_age: bool


class StampWatch:
    """Reads the stamps of one camera and counts the odd ones; thread safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._last = 0

    def read(self, nanoseconds: int, now: int) -> Stamp:
        """Reads the stamp of the next frame.

        Args:
            nanoseconds: the stamp, 0 for none.
            now: nanoseconds of the node's clock.
        """
        age = (now - nanoseconds) * 1e-9 if nanoseconds else None
        with self._lock:
            odd = set()
            if age is None:
                odd.add(MISSING)
            else:
                if age < -_TOLERANCE:
                    odd.add(FUTURE)
                if nanoseconds < self._last:
                    odd.add(BACKWARD)
                self._last = nanoseconds
            self._counts.update(odd)
        return Stamp(nanoseconds, age, frozenset(odd), age is not None and FUTURE not in odd)

    def counts(self) -> Mapping[str, int]:
        """Returns how many of each kind there were."""
        with self._lock:
            return {kind: self._counts[kind] for kind in ODDITIES}
