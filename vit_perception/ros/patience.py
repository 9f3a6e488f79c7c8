# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Waiting for the engine on the executor's thread, while the node goes on to report."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from vit_perception.engine.calls import within
from vit_perception.ros.background import too_late

T = TypeVar("T")

AT_ONCE = 10.0
"""Seconds for what is quick unless it hangs; meanwhile the node receives nothing."""
# Seconds: for a thread that was told to end.
_LEAST = 0.1


class LeavingError(RuntimeError):
    """The process has been told to end; one line."""


class Patience:
    """Waits for what an engine does, for a limited time.

    Args:
        beat: called many times a second meanwhile.
    """

    def __init__(self, beat: Callable[[], None]) -> None:
        self._beat = beat
        self._told: float | None = None

    def leave(self) -> None:
        """Ends this waiting and all to come; a handler of signals may call it."""
        self._told = time.monotonic()

    @property
    def leaving(self) -> bool:
        """Whether it was told to."""
        return self._told is not None

    def left_of(self, seconds: float) -> float:
        """Returns what is left of a time since `leave` was called; all of it before that.

        Several nodes that leave together then do not add up.
        """
        gone = 0.0 if self._told is None else time.monotonic() - self._told
        return max(_LEAST, seconds - gone)

    def wait(self, work: Callable[[], T], seconds: float, name: str, limit: str = "") -> T:
        """Returns the result of work, which is done on a thread of this name.

        Args:
            work: what to do.
            seconds: to wait.
            name: of the thread.
            limit: the parameter that the seconds come from.

        Raises:
            EngineTimeoutError: it took too long.
            LeavingError: `leave` was called.
            Exception: of the work.
        """
        late = too_late(seconds, limit)
        return within(seconds, work, late=late, name=name, watch=self._watch)

    def _watch(self) -> None:
        if self.leaving:
            raise LeavingError("the process was told to end")
        self._beat()
