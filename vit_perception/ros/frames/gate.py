# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Which frames of a camera are looked at, and which results may leave the node."""

from __future__ import annotations

import threading
from collections.abc import Callable

from vit_perception.ros.frames.accounting import INACTIVE, Dropped
from vit_perception.ros.frames.slots import Arrival

DETECT_ONCE_TIMEOUT = 5.0
"""Seconds after which who asked for one frame of a camera hears that none came."""

Answer = Callable[[str | None], None]
"""Told how the frame that was asked for came out; None: it will not come any more."""


class Gate:
    """Lets a result out only during the activation in which its frame came in.

    A deactivated or paused node publishes nothing from the moment on at which `close` or `pause`
    returns, without waiting for a frame that is still being looked at; and what that frame gives
    does not leak into the next activation. `once` lets one result through a paused gate.

    Attributes:
        held: the gate neither closes nor pauses while a thread holds this lock.
    """

    def __init__(self) -> None:
        self.held = threading.RLock()
        self._activation = 0
        self._open = False
        self._enabled = True
        self._asked: list[tuple[float, Answer]] = []

    def open(self) -> None:
        """Begins an activation."""
        with self.held:
            self._activation += 1
            self._open = True

    def close(self) -> None:
        """Ends the activation; waits for a publication in progress, not for a detection."""
        with self.held:
            self._open = False
            asked, self._asked = self._asked, []
        for _, answer in asked:
            answer(None)

    def enable(self, enabled: bool) -> None:
        """Pauses, or goes on; also holds for later activations."""
        with self.held:
            self._enabled = enabled

    def once(self, now: float, answer: Answer) -> bool:
        """Lets the next frame through, paused or not; returns False while the gate is closed.

        Args:
            now: frames that came in before this time do not count.
            answer: called once, from any thread.
        """
        with self.held:
            if self._open:
                self._asked.append((now, answer))
            return self._open

    def forget(self, answer: Answer) -> bool:
        """Stops waiting for a frame for the sake of this `answer`; False if it was given."""
        with self.held:
            before = len(self._asked)
            self._asked = [each for each in self._asked if each[1] is not answer]
            return len(self._asked) < before

    @property
    def asked(self) -> bool:
        """Whether somebody waits for a frame."""
        return bool(self._asked)

    @property
    def activation(self) -> int | None:
        """The number of the present activation, None while nothing is looked at."""
        with self.held:
            return self._activation if self._open and (self._enabled or self._asked) else None

    def admit(self, arrival: Arrival) -> None:
        """Lets a frame pass.

        Raises:
            Dropped: it came in during another activation, or nobody wants it now.
        """
        with self.held:
            wanted = self._enabled or any(asked <= arrival.time for asked, _ in self._asked)
            if not (self._open and wanted and arrival.activation == self._activation):
                raise Dropped(INACTIVE)

    def passed(self, arrived: float) -> list[Answer]:
        """Returns those to be answered, who asked before the frame just published came in."""
        with self.held:
            served = [answer for asked, answer in self._asked if asked <= arrived]
            self._asked = [each for each in self._asked if each[0] > arrived]
        return served
