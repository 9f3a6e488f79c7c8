# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A place for one item, where a newer item takes the place of an older one."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class NewestSlot(Generic[T]):
    """Hand the newest item from one thread to another; older ones are replaced, never queued.

    A queue would make a slow consumer work through the past; this keeps the age of what it
    takes bounded by one item.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._item: T | None = None
        self._closed = False
        self._replaced = 0

    @property
    def replaced(self) -> int:
        """How many items a newer one has replaced since the start."""
        with self._changed:
            return self._replaced

    def put(self, item: T) -> T | None:
        """Leave `item`; return the item it replaced, or `item` itself when the slot is closed."""
        with self._changed:
            if self._closed:
                return item
            replaced, self._item = self._item, item
            if replaced is not None:
                self._replaced += 1
            self._changed.notify()
            return replaced

    def take(self, timeout: float | None = None) -> T | None:
        """Wait for an item and take it; None once closed, or after `timeout` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._item is not None or self._closed, timeout)
            item, self._item = self._item, None
            return item

    def clear(self) -> T | None:
        """Take the item without waiting: the one that lay there, or None."""
        with self._changed:
            item, self._item = self._item, None
            return item

    def close(self) -> T | None:
        """Let `take` return None from now on; return the item that nobody will take any more."""
        with self._changed:
            item, self._item = self._item, None
            self._closed = True
            self._changed.notify_all()
            return item
