# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Which frames of a camera are looked at, and which results may leave the node."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

DETECT_ONCE_TIMEOUT = 5.0
"""Seconds after which who asked for one frame of a camera hears that none came."""

Answer = Callable[[str | None], None]
"""Told how the frame that was asked for came out; None: it will not come any more."""


class Gate:
    """Lets a result out only during the activation in which its frame came in.

    A deactivated or paused node publishes nothing from the moment on at which `close` or `pause`
    returns, without waiting for a frame that is still being looked at; and what that frame gives
    does not leak into the next activation. `once` lets one result through a paused gate.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._activation = 0
        self._open = False
        self._enabled = True
        self._asked: list[tuple[float, Answer]] = []

    def open(self) -> None:
        """Begin an activation."""
        with self._lock:
            self._activation += 1
            self._open = True

    def close(self) -> None:
        """End the activation; waits for a publication in progress, not for a detection."""
        with self._lock:
            self._open = False
            asked, self._asked = self._asked, []
        for _, answer in asked:
            answer(None)

    def enable(self, enabled: bool) -> None:
        """Pause, or go on; also holds for later activations."""
        with self._lock:
            self._enabled = enabled

    def once(self, now: float, answer: Answer) -> bool:
        """Let the next frame through, paused or not; False while the gate is closed.

        Args:
            now: frames that came in before this time do not count.
            answer: called once, from any thread.

        """
        with self._lock:
            if self._open:
                self._asked.append((now, answer))
            return self._open

    def forget(self, answer: Answer) -> None:
        """Do not wait for a frame any more for the sake of this `answer`."""
        with self._lock:
            self._asked = [each for each in self._asked if each[1] is not answer]

    @property
    def activation(self) -> int | None:
        """Return the number of the present activation, None while nothing is looked at."""
        with self._lock:
            return self._activation if self._open and (self._enabled or self._asked) else None

    def admits(self, activation: int, arrived: float) -> bool:
        """Whether a frame of this activation and time of arrival is worth looking at."""
        with self._lock:
            return self._admits(activation, arrived)

    @contextmanager
    def passing(self, activation: int, arrived: float) -> Iterator[bool]:
        """Give whether a frame's result may leave; the gate does not close meanwhile."""
        with self._lock:
            yield self._admits(activation, arrived)

    def passed(self, arrived: float, outcome: str) -> None:
        """Answer those who asked for a frame before the one that has just been published."""
        with self._lock:
            served = [answer for asked, answer in self._asked if asked <= arrived]
            self._asked = [each for each in self._asked if each[0] > arrived]
        for answer in served:
            answer(outcome)

    def _admits(self, activation: int, arrived: float) -> bool:
        wanted = self._enabled or any(asked <= arrived for asked, _ in self._asked)
        return self._open and activation == self._activation and wanted
