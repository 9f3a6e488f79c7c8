# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import threading

import pytest

from vit_perception.ros.frames.accounting import CAUSES, REPLACED, UNDECODABLE, Accounting, Counts


def test_every_frame_is_somewhere() -> None:
    account = Accounting()
    for _ in range(10):
        account.arrived()
    account.published({})
    for cause in CAUSES:
        account.dropped(cause)
    account.dropped(UNDECODABLE, "truncated")
    counts = account.counts()
    assert (counts.arrived, counts.published, counts.dropped_total, counts.pending) == (
        10,
        1,
        len(CAUSES) + 1,
        8 - len(CAUSES),
    )
    assert counts.dropped[UNDECODABLE] == 2
    assert counts.undecodable == {"unknown": 1, "truncated": 1}
    # What is on its way has not been received yet: the sum is exact at every instant.
    assert counts.received == counts.published + counts.dropped_total == 2 + len(CAUSES)


def test_cameras_add_up() -> None:
    one, other = Accounting(), Accounting()
    for account in (one, one, other):
        account.arrived()
    one.published({})
    one.dropped(UNDECODABLE, "jpeg")
    other.dropped(UNDECODABLE, "jpeg")
    total = Counts.sum([one.counts(), other.counts()])
    assert (total.arrived, total.received, total.published, total.pending) == (3, 3, 1, 0)
    assert (total.dropped[UNDECODABLE], total.undecodable) == (2, {"jpeg": 2})


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
            if counts.arrived != total or counts.pending < 0:
                wrong.append(counts)

    def camera() -> None:
        for number in range(5000):
            account.arrived()
            if number % 3:
                account.published({})
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
    assert account.counts().arrived == 10000


def test_quantiles_of_the_last_frames_in_the_order_of_stages() -> None:
    account = Accounting(window=100)
    account.published({"decode": 50.0, "graph": 50.0})
    for value in range(1, 101):
        account.published({"decode": value / 100, "graph": 1.0})
    account.took({"overlay": 0.5})
    quantiles = account.latencies()
    assert list(quantiles) == ["decode", "graph", "overlay"]
    assert quantiles["decode"].p50 == pytest.approx(0.505)
    assert quantiles["decode"].p95 == pytest.approx(0.9505)
    assert quantiles["decode"].maximum == 1.0
    account.forget_times()
    assert account.latencies() == {}
