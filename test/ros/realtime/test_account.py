# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from vit_perception.ros.frames.accounting import CAUSES, ERROR, REPLACED, Counts, Quantiles
from vit_perception.ros.health.frames import count_values
from vit_perception.ros.realtime.account import account_of


def test_an_account_is_what_the_node_counted() -> None:
    dropped = {cause: number for number, cause in enumerate(CAUSES)}
    total = sum(dropped.values())
    counts = Counts(
        arrived=20, published=8, dropped=dropped, undecodable={"size": 2}, pending=12 - total
    )
    latency = {
        "wait": Quantiles(0.2, 0.3, 0.4),
        "decode": Quantiles(0.002, 0.003, 0.004),
        "inference": Quantiles(0.03, 0.04, 0.05),
        "total": Quantiles(0.25, 0.3, 0.4),
        "age": Quantiles(0.3, 0.4, 0.5),
    }
    values = count_values(counts, 3.0, latency) | {"last_error": "a line", "input.topic": "x"}
    account = account_of(values)
    assert (account.received, account.published) == (counts.received, 8)
    assert account.dropped == dropped
    assert list(account.dropped) == list(CAUSES)
    assert account.pending == counts.pending
    assert account.received == account.published + sum(account.dropped.values())
    assert account.last_error == "a line"
    assert account.work_ms == pytest.approx(32)
    assert account.slowest == "inference"
    assert account.stages["inference"] == (30.0, 50.0)


def test_before_the_first_result_there_are_no_stages() -> None:
    none = dict.fromkeys(CAUSES, 0) | {REPLACED: 1, ERROR: 1}
    account = account_of(count_values(Counts(2, 0, none, {}, 0), 0.0, {}))
    assert (account.slowest, account.work_ms) == ("", 0)


def test_diagnostics_of_another_node_are_refused() -> None:
    with pytest.raises(KeyError):
        account_of({"level": "ok"})
