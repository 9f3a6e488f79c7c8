# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np

from vit_perception.evaluation.rows.looked_at import LookedAt
from vit_perception.ros.frames.accounting import CAUSES, ERROR, REPLACED, UNDECODABLE
from vit_perception.ros.realtime.account import Account, Stage
from vit_perception.ros.realtime.belief import Belief
from vit_perception.ros.realtime.result import Realtime

STAGES = {
    "wait": Stage(90, 200),
    "decode": Stage(5, 9),
    "inference": Stage(170, 240),
    "publish": Stage(5, 9),
    "total": Stage(270, 300),
}
NOTHING = np.array([], np.float64)
NO_BELIEF = Belief((), 0, NOTHING, NOTHING)


def account(published: int, pending: int = 0, **dropped: int) -> Account:
    counts = dict.fromkeys(CAUSES, 0) | dropped
    received = published + sum(counts.values())
    return Account(received, published, counts, pending, STAGES, "a shape is wrong")


def realtime(account: Account, **changes: Any) -> Realtime:
    """Sixty pictures that were sent, 100 ms apart."""
    plain = Realtime(
        rate=1.0,
        pictures=60,
        played=60,
        account=account,
        arrived=account.published,
        latency_ms=np.array([100.0, 200.0, 300.0]),
        period_ms=100.0,
        late_ms=3.0,
        offline=(),
        belief=NO_BELIEF,
        notes=(),
    )
    return replace(plain, **changes)


def test_a_slow_network_is_told_with_what_it_costs() -> None:
    picture = LookedAt("s", 0, "", 0, (1, 1), None, ())
    ages = Belief((picture,) * 60, 2, np.array([200.0, 220.0]), np.array([10.0, 18.0]))
    seen = realtime(account(15, **{REPLACED: 45}), belief=ages)
    assert seen.why() == [
        "the node takes 180 ms a frame (inference 170 ms, at most 240 ms), a new picture comes "
        "every 100 ms: 45 of 60 pictures were replaced by a newer one",
        "when 2 of 60 truths were due, no result had arrived yet",
        "a result is on average 210 ms old when a truth is due; things moved 14 px in that time",
    ]


def test_the_entry_is_complete_and_plain() -> None:
    seen = realtime(account(15, **{REPLACED: 45}))
    entry = seen.entry({"AP50": 0.91, "f1": None}, {"AP50": 0.4, "f1": 0.3})
    assert json.loads(json.dumps(entry)) == entry
    assert {key: entry[key] for key in ("received", "published", "dropped", "lost", "rate")} == {
        "received": 60,
        "published": 15,
        "dropped": {REPLACED: 45},
        "lost": {"to_node": 0, "from_node": 0},
        "rate": 1.0,
    }
    assert entry["latency_ms"] == {"p50": 200.0, "p95": 290.0, "max": 300.0}
    assert entry["offline"] == {"AP50": 0.91, "f1": None}
    assert entry["streaming"] == {"AP50": 0.4, "f1": 0.3}
    assert entry["why"] == ["AP50 0.910 offline, 0.400 in real time", *seen.why()]


def test_without_results_there_is_no_latency() -> None:
    seen = realtime(Account(), latency_ms=NOTHING, period_ms=None, pictures=0, played=0)
    entry = seen.entry({}, {})
    assert entry["latency_ms"] == {"p50": None, "p95": None, "max": None}
    assert entry["why"] == []


def test_no_difference_in_the_counts_is_hidden() -> None:
    seen = realtime(account(50, pending=1, **{UNDECODABLE: 4, ERROR: 1}), played=58, arrived=48)
    assert (seen.lost_to_node, seen.lost_from_node) == (2, 2)
    why = "\n".join(seen.why())
    assert "2 of 60 pictures were not sent" in why
    assert "2 of 58 pictures did not reach the node" in why
    assert "of 50 results 2 did not arrive here" in why
    assert "every 100 ms: none was replaced by a newer one" in why
    assert "4 of 58 pictures hold no readable picture" in why
    assert "1 of 58 pictures failed: a shape is wrong" in why


def test_what_came_from_elsewhere_is_told() -> None:
    why = "\n".join(realtime(account(62), arrived=65).why())
    assert "the node received 2 pictures more than were sent" in why
    assert "of 62 results 3 too many arrived here" in why


def test_a_player_that_falls_behind_is_told() -> None:
    (line,) = [
        each for each in realtime(account(60), late_ms=420.0, rate=50.0).why() if "late" in each
    ]
    assert line == (
        "pictures were sent up to 420 ms late: this machine is too busy to play at rate 50"
    )


def test_ages_of_a_faster_play_are_in_time_of_the_recording() -> None:
    ages = Belief((), 0, np.array([400.0]), NOTHING)
    (line,) = [
        each for each in realtime(account(60), rate=2.0, belief=ages).why() if "old" in each
    ]
    assert line.endswith("400 ms old when a truth is due, in time of the recording")
