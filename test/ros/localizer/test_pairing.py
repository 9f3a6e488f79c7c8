# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What belongs to one image, without DDS."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("rclpy")

from vit_perception.ros.frames.slots import Arrival
from vit_perception.ros.localizer import pairing
from vit_perception.ros.localizer.pairing import Lack, Match, Pairing, Recent, Rules

from ..bench import header


def message(stamp: int, size: int = 1) -> Any:
    """Anything with a stamp."""
    return SimpleNamespace(header=header(stamp), data=bytes(size))


def rules(**changes: Any) -> Rules:
    """As most tests want it."""
    given = {
        "slop": 10,
        "patience": 1.0,
        "instances": True,
        "image": False,
        "lacking": lambda match: None,
    }
    return Rules(**{**given, **changes})


def with_found(*stamps: int, **arrival: float) -> Pairing:
    """A pairing in which what was found waits."""
    result = Pairing()
    for stamp in stamps:
        result.add(header(stamp), Arrival(f"found {stamp}", arrival.get("time", 0.0), 1))
    return result


def test_the_last_messages_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairing, "_KEPT", 3)
    recent = Recent()
    for stamp in (1, 2, 3, 4):
        recent.add(message(stamp))
    assert (recent.at(1), recent.newest) == (None, 4)
    assert recent.at(2).header.stamp.nanosec == 2
    distance, nearest = recent.nearest(9) or (0, None)
    assert (distance, nearest.header.stamp.nanosec) == (5, 4)
    recent.add(message(2))
    assert (recent.newest, recent.at(3)) == (2, None)


def test_their_bytes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairing, "_MOST_BYTES", 100)
    recent = Recent()
    for stamp in range(20):
        recent.add(message(stamp, 40))
        recent.add(message(stamp, 40))
    assert [stamp for stamp in range(20) if recent.at(stamp)] == [18, 19]
    recent.add(message(20, 500))
    assert recent.newest == 20 and recent.at(19) is None


def test_instances_are_waited_for_until_the_next_image() -> None:
    both = with_found(5)
    both.depths.add(message(5))
    assert both.settle(0.1, rules()) == (None, [])
    both.add_instances(message(5))
    ready, given_up = both.settle(0.2, rules())
    assert ready is not None and ready.instances is both.instances.at(5) and not given_up

    alone = with_found(5, 6)
    alone.depths.add(message(5))
    ready, _ = alone.settle(0.1, rules())
    assert ready is not None and (ready.instances, len(alone)) == (None, 1)


def test_a_detector_without_masks_is_not_waited_for() -> None:
    pairs = Pairing()
    for stamp in range(1, 5):
        pairs.add(header(stamp), Arrival("found", 0.0, 1))
        pairs.depths.add(message(stamp))
        late, now = pairs.settle(2.0, rules())[0], pairs.settle(0.0, rules())[0]
        assert late is not None and now is None
    pairs.add(header(9), Arrival("found", 0.0, 1))
    pairs.depths.add(message(9))
    assert pairs.settle(0.0, rules())[0] is not None
    pairs.add_instances(message(9))
    pairs.add(header(10), Arrival("found", 0.0, 1))
    pairs.depths.add(message(10))
    assert pairs.settle(0.0, rules())[0] is None


def test_who_overtakes_is_followed() -> None:
    pairs = with_found(100, 200, 300)
    for stamp in (100, 300):
        pairs.depths.add(message(stamp))
    for stamp in (100, 200, 300):
        pairs.add_instances(message(stamp))
    ready, given_up = pairs.settle(0.0, rules())
    assert ready is not None and ready.arrival.message == "found 300"
    causes = {match.arrival.message: lack.cause for match, lack in given_up}
    assert causes == {"found 100": "replaced", "found 200": "apart"}
    assert len(pairs) == 0


def test_what_is_lacking_is_waited_for_so_long() -> None:
    def lacking(match: Match) -> Lack:
        return Lack("no_transform", "no", 0.5, partly=match.arrival.message == "found 1")

    for stamp, partly in ((1, True), (2, False)):
        pairs = with_found(stamp)
        pairs.depths.add(message(stamp))
        pairs.add_instances(message(stamp))
        assert pairs.settle(0.4, rules(lacking=lacking)) == (None, [])
        ready, given_up = pairs.settle(0.6, rules(lacking=lacking))
        if partly:
            assert ready is not None and ready.lack is not None and given_up == []
        else:
            assert ready is None
            assert [lack.cause for _, lack in given_up] == ["no_transform"]


def test_those_that_wait_are_bounded() -> None:
    pairs, gone = Pairing(), 0
    for stamp in range(100):
        gone += len(pairs.add(header(stamp), Arrival("found", 0.0, 1)))
    assert (len(pairs), gone) == (16, 84)
    assert len(pairs.add(header(3), Arrival("found", 0.0, 1))) == 16
    assert len(pairs.clear()) == 1
