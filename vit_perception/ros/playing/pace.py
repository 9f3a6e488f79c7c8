# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""How the time of a recording passes while it is played."""

from __future__ import annotations

from dataclasses import dataclass

SLOWEST, FASTEST = 0.001, 1000.0
RATES = f"{SLOWEST:g} to {FASTEST:g}"
"""At which a bag can be played."""
_SECOND = 1e9


@dataclass(frozen=True, slots=True)
class Pace:
    """The time of a recording against that of the program that plays it.

    Attributes:
        started: when the first message was due, seconds of time.monotonic.
        first: when it was recorded, ns.
        rate: seconds of the recording that pass in one second.
    """

    started: float
    first: int
    rate: float

    def moment(self, time: int) -> float:
        """Returns when a message is due that was recorded at a time (ns)."""
        return self.started + (time - self.first) / _SECOND / self.rate

    def time(self, moment: float) -> int:
        """Returns which time of the recording (ns) it is at a moment."""
        return self.first + round((moment - self.started) * _SECOND * self.rate)
