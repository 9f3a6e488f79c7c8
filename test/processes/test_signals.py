# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""SIGTERM and SIGHUP as exceptions."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from vit_perception.processes.signals import Terminated, raising_terminated


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_the_first_signal_is_raised_and_the_next_waits_for_the_cleaning(
    number: signal.Signals, status: int
) -> None:
    cleaned = False
    with pytest.raises(Terminated) as raised, raising_terminated():
        try:
            os.kill(os.getpid(), number)
        finally:
            os.kill(os.getpid(), number)
            cleaned = True
    assert cleaned
    assert raised.value.status == status
    assert isinstance(raised.value, KeyboardInterrupt)
    assert signal.getsignal(number) is signal.SIG_DFL


def test_what_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with raising_terminated():
            os.kill(os.getpid(), signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_another_thread_changes_nothing() -> None:
    seen: list[object] = []

    def look() -> None:
        with raising_terminated():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [signal.SIG_DFL]
