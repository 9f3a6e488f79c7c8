# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Where every frame went.

At every instant: arrived = published + dropped (of all causes) + pending.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

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
        """Return the counters of several cameras as those of one."""
        each = tuple(several)
        return cls(
            arrived=sum(one.arrived for one in each),
            published=sum(one.published for one in each),
            dropped={cause: sum(one.dropped[cause] for one in each) for cause in CAUSES},
            undecodable=dict(sum((Counter(one.undecodable) for one in each), Counter())),
            pending=sum(one.pending for one in each),
        )


class Accounting:
    """Counts frames; thread safe. A frame arrives once and leaves once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._arrived = 0
        self._published = 0
        self._pending = 0
        self._dropped: Counter[str] = Counter()
        self._undecodable: Counter[str] = Counter()

    def arrived(self) -> None:
        """Count a frame that came in; it is pending until it is published or dropped."""
        with self._lock:
            self._arrived += 1
            self._pending += 1

    def published(self) -> None:
        """Count a pending frame whose detections were published."""
        with self._lock:
            self._published += 1
            self._pending -= 1

    def dropped(self, cause: str, reason: str = "") -> None:
        """Count a pending frame that was dropped for one of `CAUSES`.

        For an undecodable frame `reason` is the short key of what was wrong with it.
        """
        if cause not in CAUSES:
            raise ValueError(f"a frame is dropped for one of {sorted(CAUSES)}, not {cause!r}")
        with self._lock:
            self._dropped[cause] += 1
            self._pending -= 1
            if cause == UNDECODABLE:
                self._undecodable[reason or "unknown"] += 1

    def counts(self) -> Counts:
        """Return all counters as they are at one instant."""
        with self._lock:
            return Counts(
                arrived=self._arrived,
                published=self._published,
                dropped={cause: self._dropped[cause] for cause in CAUSES},
                undecodable=dict(self._undecodable),
                pending=self._pending,
            )
