# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import threading

import pytest

from vit_perception.ros.accounting import CAUSES, REPLACED, UNDECODABLE, Accounting


def test_every_frame_is_somewhere() -> None:
    account = Accounting()
    for _ in range(10):
        account.received()
    account.published()
    for cause in CAUSES:
        account.dropped(cause)
    account.dropped(UNDECODABLE, "truncated")
    counts = account.counts()
    assert (counts.received, counts.published, counts.dropped_total, counts.pending) == (
        10,
        1,
        len(CAUSES) + 1,
        8 - len(CAUSES),
    )
    assert counts.dropped[UNDECODABLE] == 2
    assert counts.undecodable == {"unknown": 1, "truncated": 1}


def test_there_is_no_other_cause() -> None:
    with pytest.raises(ValueError, match="lost"):
        Accounting().dropped("lost")


def test_the_sum_holds_at_every_instant_under_threads() -> None:
    account = Accounting()
    done = threading.Event()
    wrong = []

    def watch() -> None:
        while not done.is_set():
            counts = account.counts()
            total = counts.published + counts.dropped_total + counts.pending
            if counts.received != total or counts.pending < 0:
                wrong.append(counts)

    def camera() -> None:
        for number in range(5000):
            account.received()
            if number % 3:
                account.published()
            else:
                account.dropped(REPLACED)

    watcher = threading.Thread(target=watch)
    cameras = [threading.Thread(target=camera) for _ in range(2)]
    watcher.start()
    for thread in cameras:
        thread.start()
    for thread in cameras:
        thread.join()
    done.set()
    watcher.join()
    assert wrong == []
    assert account.counts().pending == 0
    assert account.counts().received == 10000
