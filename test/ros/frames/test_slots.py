# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import random
import threading
from collections import Counter

from vit_perception.ros.frames.slots import NewestSlots

Slots = NewestSlots[str, int]


def test_a_newer_item_replaces_an_older_one() -> None:
    slots = Slots()
    assert slots.put("a", 1) is None
    assert slots.put("a", 2) == 1
    assert slots.put("b", 3) is None
    assert slots.take() == ("a", 2)
    assert slots.take() == ("b", 3)
    assert slots.take(timeout=0.01) is None
    assert slots.put("a", 4) is None
    assert (slots.clear("a"), slots.clear("a"), slots.clear("never seen")) == (4, None, None)


def test_closed_slots_give_back_what_nobody_takes() -> None:
    slots = Slots()
    slots.put("a", 1)
    slots.put("b", 2)
    slots.take()
    assert slots.close() == [("b", 2)]
    assert slots.put("a", 3) == 3
    assert slots.take() is None


def test_close_wakes_a_waiting_consumer() -> None:
    slots = Slots()
    taken: list[object] = []
    consumer = threading.Thread(target=lambda: taken.append(slots.take()))
    consumer.start()
    slots.close()
    consumer.join(60)
    assert taken == [None]


def test_senders_take_turns_however_often_they_send() -> None:
    """With cameras of 15, 30 and 90 Hz at a consumer of 10 Hz, each gets a third."""
    slots, served = Slots(), Counter[str]()
    rates = {"slow": 15, "usual": 30, "fast": 90}
    # Time in steps of 1/180 s; phases as they come.
    chance = random.Random(4)
    phase = {name: chance.randrange(12) for name in rates}
    for tick in range(18 * 600):
        for name, rate in rates.items():
            if tick % (180 // rate) == phase[name] % (180 // rate):
                slots.put(name, tick)
        if tick % 18 == 17:
            taken = slots.take(timeout=0)
            assert taken is not None
            served[taken[0]] += 1
    assert sum(served.values()) == 600
    assert all(abs(count - 200) <= 1 for count in served.values()), served


def test_a_sender_of_few_items_is_served_at_once() -> None:
    slots = Slots()
    for number in range(10):
        slots.put("fast", number)
        assert slots.take() == ("fast", number)
    slots.put("rare", 10)
    assert slots.take() == ("rare", 10)
    # Now both wait, and rare was the last to be served.
    slots.put("rare", 11)
    slots.put("fast", 12)
    assert [slots.take(), slots.take()] == [("fast", 12), ("rare", 11)]


def test_no_item_is_lost_or_seen_twice_between_threads() -> None:
    slots = Slots()
    taken: list[int] = []

    def consume() -> None:
        while (item := slots.take()) is not None:
            taken.append(item[1])

    consumer = threading.Thread(target=consume)
    consumer.start()
    replaced = [
        item
        for item in (slots.put("ab"[number % 2], number) for number in range(1, 20001))
        if item is not None
    ]
    left = [item for _, item in slots.close()]
    consumer.join(60)
    assert sorted([*taken, *replaced, *left]) == list(range(1, 20001))
    for parity in (0, 1):
        of_one = [number for number in taken if number % 2 == parity]
        assert of_one == sorted(of_one)
