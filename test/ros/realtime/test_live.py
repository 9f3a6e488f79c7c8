# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""How long to wait for what the node has not told yet."""

from __future__ import annotations

import time
from typing import Any

import pytest

pytest.importorskip("rclpy")

from vit_perception.ros.playing.detector_process import DetectorProcessError
from vit_perception.ros.realtime.account import Account
from vit_perception.ros.realtime.listener import Report
from vit_perception.ros.realtime.live import settle

pytestmark = pytest.mark.ros


class Told:
    """A listener to which a node tells one account after the other, again and again the last."""

    def __init__(self, *accounts: Account, results: int = 0) -> None:
        self._accounts = list(accounts)
        self._results = results

    @property
    def report(self) -> Report:
        account = self._accounts.pop(0) if len(self._accounts) > 1 else self._accounts[0]
        return Report(time.monotonic(), account, True)

    def results(self) -> list[None]:
        return [None] * self._results


class Alive:
    def check(self) -> None:
        """Nothing ended."""


class Ended:
    def check(self) -> None:
        raise DetectorProcessError("detector: the process ended")


def waited(listener: Any, played: int, patience: float = 20.0) -> tuple[list[str], float]:
    begin = time.monotonic()
    lines = settle(listener, Alive(), played, patience)  # type: ignore[arg-type]
    return lines, time.monotonic() - begin


def test_all_that_was_sent_is_accounted_for() -> None:
    early = Account(received=2, published=2, pending=1)
    lines, seconds = waited(Told(early, early, Account(3, 3), results=3), 3)
    assert lines == []
    assert seconds < 0.4


def test_a_picture_that_never_came_is_not_waited_for() -> None:
    lines, seconds = waited(Told(Account(1, 1), Account(2, 2), results=2), 3)
    assert lines == []
    assert 0.5 < seconds < 3


def test_a_frame_that_does_not_end_is_told_of() -> None:
    lines, seconds = waited(Told(Account(2, 2, pending=1), results=2), 3, patience=0.7)
    assert lines == [
        "the node had not accounted for all pictures 0.7 s after the last: 2 of 3, 1 at work"
    ]
    assert 0.7 < seconds < 3


def test_a_result_that_does_not_come_is_not_waited_for_without_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("vit_perception.ros.realtime.live._RESULTS", 0.2)
    lines, seconds = waited(Told(Account(3, 3), results=2), 3)
    assert lines == []
    assert 0.2 < seconds < 3


def test_a_node_that_ended_is_not_waited_for() -> None:
    listener: Any = Told(Account(2, 2, pending=1), results=2)
    with pytest.raises(DetectorProcessError, match="the process ended"):
        settle(listener, Ended(), 3, 20.0)  # type: ignore[arg-type]
