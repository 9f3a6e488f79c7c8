# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Candidates are timed in turns; engines and the clock are made up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pytest

from vit_perception.bundle.files import BundleError
from vit_perception.engine.session import SessionError, SessionStoppedError
from vit_perception.perceiver.choice import Candidate, Timed
from vit_perception.perceiver.settings import PerceiverError
from vit_perception.perceiver.turns import LONGEST, TIMED, WARM, take_turns

A, B, C = (Candidate(name, "cpu") for name in ("fp32", "int8", "int4"))


class Engines:
    """Passes that take as many seconds as they are told, one after the other, or fail."""

    def __init__(self, passes: Mapping[Candidate, Sequence[float | Exception]]) -> None:
        self.now = 100.0
        self.ran: list[Candidate] = []
        self._passes = {each: list(times) for each, times in passes.items()}

    def opened(self, candidate: Candidate) -> Callable[[], None]:
        if not self._passes[candidate]:
            raise SessionError(f"{candidate.precision}: expected kernels,\nfound none")
        return lambda: self._run(candidate)

    def _run(self, candidate: Candidate) -> None:
        self.ran.append(candidate)
        times = self._passes[candidate]
        took = times.pop(0) if len(times) > 1 else times[0]
        if isinstance(took, Exception):
            raise took
        self.now += took

    def timed(self, *candidates: Candidate) -> Timed:
        return take_turns(candidates, self.opened, lambda: self.now)


def test_the_least_median_wins() -> None:
    # Slow at first, and once in between.
    timed = Engines({A: [0.2], B: [1, 1, 1, 0.1, 0.9, 0.1], C: [0.3]}).timed(A, B, C)
    assert timed.milliseconds == {
        A: pytest.approx(200),
        B: pytest.approx(100),
        C: pytest.approx(300),
    }
    assert (timed.fastest, timed.refused) == (B, {})


def test_they_take_turns_in_alternating_order() -> None:
    engines = Engines({A: [0.1], B: [0.1]})
    timed = engines.timed(A, B)
    assert engines.ran == [B, A, A, B] * ((WARM + TIMED) // 2)
    # Of equals the first is taken.
    assert timed.fastest == A


def test_one_that_does_not_open_is_passed_over() -> None:
    timed = Engines({A: [0.2], B: []}).timed(A, B)
    assert list(timed.milliseconds) == [A]
    assert timed.refused == {B: "int8: expected kernels, found none"}


@pytest.mark.parametrize("error", [SessionError("no memory"), PerceiverError("no memory")])
@pytest.mark.parametrize("good", [0, 1, 5])
def test_one_that_fails_later_is_passed_over(error: Exception, good: int) -> None:
    engines = Engines({A: [0.2], B: [0.1] * good + [error]})
    timed = engines.timed(A, B)
    assert list(timed.milliseconds) == [A]
    assert timed.refused == {B: "no memory"}
    assert engines.ran.count(B) == good + 1
    assert engines.ran.count(A) == WARM + TIMED


def test_where_none_runs_there_are_reasons() -> None:
    timed = Engines({A: [], B: [SessionError("no memory")]}).timed(A, B)
    assert timed.milliseconds == {}
    assert timed.refused == {A: "fp32: expected kernels, found none", B: "no memory"}


@pytest.mark.parametrize("error", [SessionStoppedError("told"), BundleError("changed")])
def test_what_is_not_the_engine_s_fault_ends_it(error: Exception) -> None:
    engines = Engines({A: [0.2], B: [error]})
    with pytest.raises(type(error), match=str(error)):
        engines.timed(A, B)


def test_slow_ones_have_fewer_turns() -> None:
    engines = Engines({A: [LONGEST, 8.0], B: [LONGEST, 6.0]})
    timed = engines.timed(A, B)
    assert len(engines.ran) == 4
    # The turn that counts is not the first.
    assert timed.milliseconds == {A: 8000, B: 6000}
