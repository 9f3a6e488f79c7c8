# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""SIGTERM and SIGHUP as exceptions, so that what is half written is removed."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALLED = 128
"""Shells add it to the number of the signal that ended a process, for its exit status."""
_ENDING = (signal.SIGTERM, signal.SIGHUP)


class Terminated(KeyboardInterrupt):
    """A signal asked the process to end; what handles Ctrl-C handles this."""

    def __init__(self, number: int) -> None:
        """Takes the number of the signal."""
        super().__init__(signal.Signals(number).name)
        self.status = SIGNALLED + number
        """The exit status that shells give to a process that the signal ended."""


def status_of(interrupt: KeyboardInterrupt) -> int:
    """Returns the exit status of a process that Ctrl-C or another signal has ended."""
    return interrupt.status if isinstance(interrupt, Terminated) else SIGNALLED + signal.SIGINT


@contextmanager
def raising_terminated() -> Iterator[None]:
    """Lets SIGTERM and SIGHUP raise Terminated in the main thread while the block runs.

    Only the first one does: the next must not interrupt the cleaning up. A signal that is
    ignored, as under nohup, or has a handler stays as it is. In another thread than the main one
    nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    mine = [number for number in _ENDING if signal.getsignal(number) is signal.SIG_DFL]
    raised = False

    def end(number: int, frame: FrameType | None) -> None:
        nonlocal raised
        if not raised:
            raised = True
            raise Terminated(number)

    for number in mine:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in mine:
            signal.signal(number, signal.SIG_DFL)
