# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The thread of a node on which the work of a frame is done."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from vit_perception.ros.frames.slots import NewestSlots

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class SlotThread(Generic[K, T]):
    """Takes the newest item of a sender, one sender after the other, and works on it.

    Args:
        name: of the thread.
        work: called with a sender and its item.
        lost: called with a sender and what `work` raised; the thread outlives it.

    Attributes:
        slots: where senders leave their items.
        thread: the thread.
    """

    def __init__(
        self, name: str, work: Callable[[K, T], None], lost: Callable[[K, Exception], None]
    ) -> None:
        self.slots: NewestSlots[K, T] = NewestSlots()
        self._work = work
        self._lost = lost
        self._begun: float | None = None
        # A daemon: work that hangs must not keep the process from leaving.
        self.thread = threading.Thread(target=self._run, name=name, daemon=True)
        self.thread.start()

    @property
    def busy(self) -> float:
        """Seconds since it began with the item that it works on; 0 while there is none."""
        begun = self._begun
        return 0.0 if begun is None else time.perf_counter() - begun

    def ended(self, timeout: float) -> bool:
        """Returns whether it has ended, at the latest after some seconds; close `slots` before."""
        self.thread.join(timeout)
        return not self.thread.is_alive()

    def _run(self) -> None:
        while (taken := self.slots.take()) is not None:
            sender, item = taken
            self._begun = time.perf_counter()
            try:
                self._work(sender, item)
            except Exception as error:
                self._lost(sender, error)
            self._begun = None
            # Nothing of a frame is kept here while waiting for the next.
            del taken, sender, item
        # Else whoever made this would be in a cycle with it, and be freed late.
        del self._work, self._lost
