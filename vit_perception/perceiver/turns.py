# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Times candidates in turns, so that all meet the same load."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from statistics import median

from vit_perception.engine.session import SessionError, SessionStoppedError
from vit_perception.perceiver.choice import Candidate, Timed
from vit_perception.perceiver.settings import PerceiverError
from vit_perception.wording import one_line

WARM, TIMED = 3, 9
"""Passes of each candidate: first untimed ones, then those whose median counts."""
LONGEST = 10.0
"""Seconds after which no further turn begins, once there are two."""

Pass = Callable[[], object]


def take_turns(
    candidates: Sequence[Candidate],
    opened: Callable[[Candidate], Pass],
    clock: Callable[[], float] = time.perf_counter,
) -> Timed:
    """Returns the times of candidates; one that fails is passed over, with its reason.

    Args:
        candidates: in the order in which ties are decided.
        opened: opens a candidate and returns what runs it once.
        clock: seconds, monotonic.

    Raises:
        SessionStoppedError: the engine was told to give up.
        BundleError: a file changed since the bundle was loaded.
    """
    passes: dict[Candidate, Pass] = {}
    refused: dict[Candidate, str] = {}
    seconds: dict[Candidate, list[float]] = {each: [] for each in candidates}

    @contextmanager
    def trying(candidate: Candidate) -> Iterator[None]:
        try:
            yield
        except SessionStoppedError:
            raise
        except (SessionError, PerceiverError) as error:
            refused[candidate] = one_line(error)
            passes.pop(candidate, None)

    for each in candidates:
        with trying(each):
            passes[each] = opened(each)
    begin = clock()
    for turn in range(WARM + TIMED):
        if turn >= 2 and clock() - begin > LONGEST:
            break
        for each in list(passes) if turn % 2 else list(passes)[::-1]:
            with trying(each):
                started = clock()
                passes[each]()
                seconds[each].append(clock() - started)
    return Timed({each: _milliseconds(seconds[each]) for each in passes}, refused)


def _milliseconds(seconds: Sequence[float]) -> float:
    """Returns the median of the timed passes; of the last one where the time was up before."""
    return median(seconds[min(WARM, len(seconds) - 1) :]) * 1e3
