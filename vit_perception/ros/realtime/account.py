# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What a node says about its frames, read from its diagnostics."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

_DROPPED = "frames.dropped."
_LATENCY = re.compile(r"latency\.(\w+)\.(p50|max)_ms")
# Of the way of a frame these are no work.
_NOT_WORK = ("wait", "total")


class Stage(NamedTuple):
    """Milliseconds of a stage of the last frames: median and maximum."""

    p50: float
    max: float


@dataclass(frozen=True, slots=True)
class Account:
    """Where the frames of a node went, as its diagnostics count them.

    Attributes:
        received: frames whose fate is known: published and dropped.
        published: results.
        dropped: by cause.
        pending: frames that wait or are worked on.
        stages: times of the last frames.
        last_error: the last line about a lost frame.
    """

    received: int = 0
    published: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict)
    pending: int = 0
    stages: Mapping[str, Stage] = field(default_factory=dict)
    last_error: str = ""

    @property
    def work_ms(self) -> float:
        """Median milliseconds of all stages of a frame, without the wait for its turn."""
        return sum(each.p50 for name, each in self.stages.items() if name not in _NOT_WORK)

    @property
    def slowest(self) -> str:
        """The stage with the largest median; "" before the first result."""
        work = [name for name in self.stages if name not in _NOT_WORK]
        return max(work, key=lambda name: self.stages[name].p50, default="")


def account_of(values: Mapping[str, str]) -> Account:
    """Returns the account that diagnostics of one camera hold.

    Args:
        values: of all entries of one message, by key.

    Raises:
        KeyError: they are of another node.
        ValueError: a count is no number.
    """
    times: dict[str, dict[str, float]] = {}
    for key, value in values.items():
        if match := _LATENCY.fullmatch(key):
            times.setdefault(match[1], {})[match[2]] = float(value)
    return Account(
        received=int(values["frames.received"]),
        published=int(values["frames.published"]),
        dropped={
            key[len(_DROPPED) :]: int(value)
            for key, value in values.items()
            if key.startswith(_DROPPED)
        },
        pending=int(values["frames.pending"]),
        stages={name: Stage(each["p50"], each["max"]) for name, each in times.items()},
        last_error=values.get("last_error", ""),
    )
