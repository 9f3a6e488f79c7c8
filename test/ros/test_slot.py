# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import threading

from vit_perception.ros.slot import NewestSlot


def test_a_newer_item_replaces_an_older_one() -> None:
    slot: NewestSlot[int] = NewestSlot()
    assert slot.put(1) is None
    assert slot.put(2) == 1
    assert slot.put(3) == 2
    assert slot.replaced == 2
    assert slot.take() == 3
    assert slot.take(timeout=0.01) is None


def test_a_closed_slot_gives_back_what_nobody_takes() -> None:
    slot: NewestSlot[int] = NewestSlot()
    slot.put(1)
    assert slot.close() == 1
    assert slot.put(2) == 2
    assert slot.take() is None


def test_close_wakes_a_waiting_consumer() -> None:
    slot: NewestSlot[int] = NewestSlot()
    taken: list[int | None] = []
    consumer = threading.Thread(target=lambda: taken.append(slot.take()))
    consumer.start()
    slot.close()
    consumer.join(60)
    assert taken == [None]


def test_no_item_is_lost_or_seen_twice_between_threads() -> None:
    slot: NewestSlot[int] = NewestSlot()
    taken: list[int] = []

    def consume() -> None:
        while (item := slot.take()) is not None:
            taken.append(item)

    consumer = threading.Thread(target=consume)
    consumer.start()
    replaced = [item for item in map(slot.put, range(1, 20001)) if item is not None]
    left = slot.close()
    consumer.join(60)
    seen = sorted([*taken, *replaced, *([left] if left is not None else [])])
    assert seen == list(range(1, 20001))
    assert taken == sorted(taken)
    assert slot.replaced == len(replaced)
