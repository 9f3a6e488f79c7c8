# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Where every frame went, and how long the published ones took.

At every instant: arrived = published + dropped (of all causes) + pending.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

REPLACED = "replaced"
STALE = "stale"
UNDECODABLE = "undecodable"
INACTIVE = "inactive"
ERROR = "error"

CAUSES: Mapping[str, str] = MappingProxyType(
    {
        REPLACED: "a newer frame arrived before this one was looked at",
        STALE: "older than `max_age` when its turn came",
        UNDECODABLE: "the message holds no readable picture (counted by reason as well)",
        INACTIVE: "the node was paused or deactivated before the result was published",
        ERROR: "detection or publication failed",
    }
)
"""Why a frame is dropped."""

WINDOW = 300
"""Frames whose times are kept: ten seconds of a 30 Hz camera."""


class Dropped(Exception):
    """Ends the way of a frame that becomes no result.

    Attributes:
        cause: one of those of the account.
        reason: of an undecodable frame, the short key of what was wrong with it.
        line: to be logged; empty where there is nothing to say.
    """

    def __init__(self, cause: str, reason: str = "", line: str = "") -> None:
        super().__init__(line or cause)
        self.cause = cause
        self.reason = reason
        self.line = line


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Seconds: median, 95th percentile and maximum of the last frames."""

    p50: float
    p95: float
    maximum: float


@dataclass(frozen=True, slots=True)
class Counts:
    """Frames since the node started; `pending` are waiting or being worked on."""

    arrived: int
    published: int
    dropped: Mapping[str, int]
    undecodable: Mapping[str, int]
    pending: int

    @property
    def dropped_total(self) -> int:
        """Frames dropped for any cause."""
        return sum(self.dropped.values())

    @property
    def received(self) -> int:
        """Frames whose fate is known: published + dropped, at every instant."""
        return self.published + self.dropped_total

    @classmethod
    def sum(cls, several: Iterable[Counts]) -> Counts:
        """Returns the counters of a node's cameras, one or several, as those of one."""
        each = tuple(several)
        return cls(
            arrived=sum(one.arrived for one in each),
            published=sum(one.published for one in each),
            dropped={cause: sum(one.dropped[cause] for one in each) for cause in each[0].dropped},
            undecodable=dict(sum((Counter(one.undecodable) for one in each), Counter())),
            pending=sum(one.pending for one in each),
        )


class Accounting:
    """Counts the frames of one camera; thread safe. A frame arrives once and leaves once.

    Args:
        causes: why a frame is dropped.
        window: frames whose times are kept.
    """

    def __init__(self, causes: Iterable[str] = CAUSES, window: int = WINDOW) -> None:
        self._causes = tuple(causes)
        self._lock = threading.Lock()
        self._arrived = 0
        self._published = 0
        self._pending = 0
        self._dropped: Counter[str] = Counter()
        self._undecodable: Counter[str] = Counter()
        self._window = window
        self._seconds: dict[str, deque[float]] = {}

    def arrived(self) -> None:
        """Counts a frame that came in; it is pending until it is published or dropped."""
        with self._lock:
            self._arrived += 1
            self._pending += 1

    def published(self, seconds: Mapping[str, float]) -> None:
        """Counts a pending frame whose detections were published.

        Args:
            seconds: that it spent, by stage.
        """
        with self._lock:
            self._published += 1
            self._pending -= 1
            self._keep(seconds)

    def dropped(self, cause: str, reason: str = "") -> None:
        """Counts a pending frame that was dropped for one of its causes.

        For an undecodable frame `reason` is the short key of what was wrong with it.
        """
        if cause not in self._causes:
            raise ValueError(
                f"a frame is dropped for one of {sorted(self._causes)}, not {cause!r}"
            )
        with self._lock:
            self._dropped[cause] += 1
            self._pending -= 1
            if cause == UNDECODABLE:
                self._undecodable[reason or "unknown"] += 1

    def counts(self) -> Counts:
        """Returns all counters as they are at one instant."""
        with self._lock:
            return Counts(
                arrived=self._arrived,
                published=self._published,
                dropped={cause: self._dropped[cause] for cause in self._causes},
                undecodable=dict(self._undecodable),
                pending=self._pending,
            )

    def took(self, seconds: Mapping[str, float]) -> None:
        """Keeps the seconds of a stage after publication."""
        with self._lock:
            self._keep(seconds)

    def forget_times(self) -> None:
        """Begins the latencies anew."""
        with self._lock:
            self._seconds.clear()

    def latencies(self) -> dict[str, Quantiles]:
        """Returns the quantiles of every stage, in the order in which stages first came."""
        with self._lock:
            copies = {stage: np.array(values) for stage, values in self._seconds.items()}
        result = {}
        for stage, values in copies.items():
            p50, p95 = np.percentile(values, [50, 95])
            result[stage] = Quantiles(float(p50), float(p95), float(values.max()))
        return result

    def _keep(self, seconds: Mapping[str, float]) -> None:
        for stage, value in seconds.items():
            if stage not in self._seconds:
                self._seconds[stage] = deque(maxlen=self._window)
            self._seconds[stage].append(value)
