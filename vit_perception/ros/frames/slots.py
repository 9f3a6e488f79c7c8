# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A place for one item of each sender, where a newer item takes the place of an older one."""

from __future__ import annotations

import threading
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message, when it came in (seconds of time.perf_counter) and in which activation."""

    message: Any
    time: float
    activation: int


class NewestSlots(Generic[K, T]):
    """Hands the newest item of each sender to one consumer; older ones are replaced, not queued.

    A queue would make a slow consumer work through the past; this keeps the age of what it
    takes bounded by one item of each sender. Senders take turns: who was served last waits until
    all others with an item were, however often it sends.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._items: dict[K, T] = {}
        # In the order in which they are served next.
        self._turns: dict[K, None] = {}
        self._closed = False

    def put(self, sender: K, item: T) -> T | None:
        """Leaves `item`; returns the one it replaced, or `item` itself when all is closed."""
        with self._changed:
            if self._closed:
                return item
            replaced = self._items.get(sender)
            self._items[sender] = item
            self._turns.setdefault(sender)
            self._changed.notify()
            return replaced

    def take(self, timeout: float | None = None) -> tuple[K, T] | None:
        """Waits for an item and takes it; None once closed, or after `timeout` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._items, timeout)
            if not self._items:
                return None
            sender = next(each for each in self._turns if each in self._items)
            del self._turns[sender]
            self._turns[sender] = None
            return sender, self._items.pop(sender)

    def clear(self, sender: K) -> T | None:
        """Takes a sender's item without waiting: the one that lay there, or None."""
        with self._changed:
            return self._items.pop(sender, None)

    def close(self) -> list[tuple[K, T]]:
        """Lets `take` return None from now on; returns what nobody will take any more."""
        with self._changed:
            left = [
                (sender, self._items[sender]) for sender in self._turns if sender in self._items
            ]
            self._items.clear()
            self._closed = True
            self._changed.notify_all()
            return left
