# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A place for one item of each sender, where a newer item takes the place of an older one."""

from __future__ import annotations

import threading
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class NewestSlots(Generic[K, T]):
    """Hand the newest item of each sender to one consumer; older ones are replaced, not queued.

    A queue would make a slow consumer work through the past; this keeps the age of what it
    takes bounded by one item of each sender. Senders take turns: who was served last waits until
    all others with an item were, however often it sends.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        # In the order in which they are served next.
        self._items: dict[K, T | None] = {}
        self._closed = False

    def put(self, sender: K, item: T) -> T | None:
        """Leave `item`; return the one it replaced, or `item` itself when all is closed."""
        with self._changed:
            if self._closed:
                return item
            replaced = self._items.get(sender)
            self._items[sender] = item
            self._changed.notify()
            return replaced

    def take(self, timeout: float | None = None) -> tuple[K, T] | None:
        """Wait for an item and take it; None once closed, or after `timeout` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._next() is not None, timeout)
            found = self._next()
            if found is not None:
                del self._items[found[0]]
                self._items[found[0]] = None
            return found

    def clear(self, sender: K) -> T | None:
        """Take a sender's item without waiting: the one that lay there, or None."""
        with self._changed:
            item = self._items.get(sender)
            if item is not None:
                self._items[sender] = None
            return item

    def close(self) -> list[tuple[K, T]]:
        """Let `take` return None from now on; return what nobody will take any more."""
        with self._changed:
            left = [(sender, item) for sender, item in self._items.items() if item is not None]
            self._items.clear()
            self._closed = True
            self._changed.notify_all()
            return left

    def _next(self) -> tuple[K, T] | None:
        for sender, item in self._items.items():
            if item is not None:
                return sender, item
        return None
