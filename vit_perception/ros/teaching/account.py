# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What became of each order to teach. Needs no ROS.

At every instant: arrived = done + refused (of all causes) + pending.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

MESSAGE = "message"
IMAGE = "image"
UNSEEN = "unseen"
BUSY = "busy"
INACTIVE = "inactive"
ERROR = "error"

CAUSES: Mapping[str, str] = MappingProxyType(
    {
        MESSAGE: "the message is not what it has to be: its names, boxes or scores",
        IMAGE: "the image that it means is not there, or cannot be read",
        UNSEEN: "nothing was found in the box or under the click, or no such name was shown",
        BUSY: "too many were waiting",
        INACTIVE: "the node was not configured, or no longer when its turn came",
        ERROR: "the bundle cannot be taught, or the engine failed",
    }
)
"""Why an order is refused."""


class Refused(Exception):
    """Ends an order that changes nothing.

    Attributes:
        cause: one of CAUSES.
        line: why.
    """

    def __init__(self, cause: str, line: str) -> None:
        super().__init__(line)
        self.cause = cause
        self.line = line


@dataclass(frozen=True, slots=True)
class TeachCounts:
    """Orders since the node started, messages and clicks; `pending` are waiting or in work."""

    arrived: int = 0
    done: int = 0
    refused: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(CAUSES, 0))
    pending: int = 0
    last_refusal: str = ""

    @property
    def refused_total(self) -> int:
        """Orders refused for any cause."""
        return sum(self.refused.values())


class TeachAccount:
    """Counts orders; thread safe. Each arrives once and leaves once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._arrived = 0
        self._done = 0
        self._refused: Counter[str] = Counter()
        self._last_refusal = ""

    def arrived(self) -> None:
        """Counts an order that came in."""
        with self._lock:
            self._arrived += 1

    def done(self) -> None:
        """Counts one that is in force."""
        with self._lock:
            self._done += 1

    def refused(self, cause: str, line: str) -> None:
        """Counts one that changed nothing, for one of CAUSES."""
        if cause not in CAUSES:
            raise ValueError(f"an order is refused for one of {sorted(CAUSES)}, not {cause!r}")
        with self._lock:
            self._refused[cause] += 1
            self._last_refusal = line

    def counts(self) -> TeachCounts:
        """Returns all counters as they are at one instant."""
        with self._lock:
            return TeachCounts(
                arrived=self._arrived,
                done=self._done,
                refused={cause: self._refused[cause] for cause in CAUSES},
                pending=self._arrived - self._done - self._refused.total(),
                last_refusal=self._last_refusal,
            )
