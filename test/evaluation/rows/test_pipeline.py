# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Work before and behind: in order, bounded, and no thread left whatever happens."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from vit_perception.evaluation.rows.pipeline import ahead, behind


@pytest.fixture(autouse=True)
def _no_thread_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


def test_items_come_in_order_and_a_few_ahead() -> None:
    made: list[int] = []

    def source() -> Iterator[int]:
        for number in range(50):
            made.append(number)
            yield number

    with ahead(source(), 3) as items:
        for taken, number in enumerate(items):
            assert number == taken
            assert len(made) <= taken + 5
    assert len(made) == 50


def test_items_are_made_in_another_thread_while_one_is_in_hand() -> None:
    made = threading.Event()

    def source() -> Iterator[str]:
        yield threading.current_thread().name
        made.set()
        yield ""

    with ahead(source(), 1) as items:
        assert next(items) != threading.current_thread().name
        assert made.wait(10)


def test_an_error_of_the_source_comes_in_its_place() -> None:
    def source() -> Iterator[int]:
        yield from range(3)
        raise OSError("the disk")

    seen = []
    with pytest.raises(OSError, match="the disk"), ahead(source(), 10) as items:
        for number in items:
            seen.append(number)
    assert seen == [0, 1, 2]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_left_early_the_source_is_closed(error: type[BaseException]) -> None:
    closed, made = [], []

    def source() -> Iterator[int]:
        try:
            for number in range(1000):
                made.append(number)
                yield number
        finally:
            closed.append(threading.current_thread().name)

    with pytest.raises(error), ahead(source(), 2) as items:
        next(items)
        raise error
    assert len(closed) == 1 and closed[0].startswith("ahead")
    assert len(made) < 10


def test_calls_are_made_in_order_and_few_wait() -> None:
    done: list[int] = []
    with behind(2) as later:
        for number in range(50):
            later(done.append, number)
            assert len(done) >= number - 2
    assert done == list(range(50))


def test_an_error_of_a_call_comes_and_ends_the_rest() -> None:
    done: list[int] = []

    def call(number: int) -> None:
        if number == 3:
            raise OSError("the disk")
        done.append(number)

    with pytest.raises(OSError, match="the disk"), behind(1) as later:
        for number in range(100):
            later(call, number)
    assert done[:3] == [0, 1, 2] and len(done) < 6


def test_an_error_of_the_last_call_comes_at_the_end() -> None:
    def call() -> None:
        time.sleep(0.05)
        raise OSError("the disk")

    with pytest.raises(OSError, match="the disk"), behind(5) as later:
        later(call)


def test_left_early_waiting_calls_are_left_out() -> None:
    done: list[int] = []
    begun, go_on = threading.Event(), threading.Event()

    def first() -> None:
        begun.set()
        go_on.wait(10)

    def leave() -> None:
        with behind(5) as later:
            later(first)
            for number in range(3):
                later(done.append, number)
            begun.wait(10)
            threading.Timer(0.05, go_on.set).start()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        leave()
    assert done == []
