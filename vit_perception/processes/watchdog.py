# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Ends a process that was told to end by a signal and cannot.

Python runs handlers of signals on the main thread, between two steps of its own. While that
thread is inside a library, such as an engine with an endless loop, Ctrl-C does nothing.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from vit_perception.processes.signals import SIGNALLED

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
WATCHDOG = "watchdog"
"""The name of the thread that waits for signals."""
HANDLED_WITHIN = 1.5
"""Seconds after which a process ends whose main thread has not seen the signal."""
ENDED_WITHIN = 8.0
"""Seconds that a process has for its cleaning up."""
_FLUSHED_WITHIN = 0.2
# A signal that comes just before a system call does not interrupt it; this one, which means
# nothing, does so later.
_NUDGE, _NUDGE_EVERY = signal.SIGURG, 0.2


@contextmanager
def ending_when_stuck(
    line: str, *, handled_within: float = HANDLED_WITHIN, ended_within: float = ENDED_WITHIN
) -> Iterator[None]:
    """Ends the process if a signal that asks for that does not end the block.

    The status is 128 and the number of the signal. Signals that have no handler in Python when
    the block begins stay as they are. In another thread than the main one nothing changes.

    Args:
        line: is written to stderr then.
        handled_within: seconds until the main thread has to have run the signal's handler.
        ended_within: seconds from the signal until the block has to have ended.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handled, ended = threading.Event(), threading.Event()
    before = {number: signal.getsignal(number) for number in _ENDING}
    for number, handler in before.items():
        if callable(handler):
            signal.signal(number, _telling(handled, handler))
    before[_NUDGE] = signal.signal(_NUDGE, lambda number, frame: None)
    inlet, outlet = os.pipe()
    os.set_blocking(outlet, False)
    # A handler in C writes the number of each signal at once, wherever the main thread is.
    earlier = signal.set_wakeup_fd(outlet, warn_on_full_buffer=False)

    def watch() -> None:
        while told := os.read(inlet, 1):
            if told[0] not in _ENDING:
                continue
            end = time.monotonic() + ended_within
            if _nudged(handled, handled_within) and ended.wait(end - time.monotonic()):
                break
            _end(line, SIGNALLED + told[0])
        os.close(inlet)

    threading.Thread(target=watch, name=WATCHDOG, daemon=True).start()
    try:
        yield
    finally:
        ended.set()
        signal.set_wakeup_fd(earlier, warn_on_full_buffer=False)
        os.close(outlet)
        for number, handler in before.items():
            if handler is not None:
                signal.signal(number, handler)


def _nudged(handled: threading.Event, seconds: float) -> bool:
    """Returns whether the main thread handles the signal within some seconds."""
    end = time.monotonic() + seconds
    main = threading.main_thread().ident or 0
    while not handled.wait(_NUDGE_EVERY):
        if time.monotonic() > end:
            return False
        signal.pthread_kill(main, _NUDGE)
    return True


def _telling(
    handled: threading.Event, handler: Callable[[int, FrameType | None], object]
) -> Callable[[int, FrameType | None], None]:
    def tell(number: int, frame: FrameType | None) -> None:
        handled.set()
        handler(number, frame)

    return tell


def _end(line: str, status: int) -> None:
    # The main thread may hold the lock of a stream.
    flushing = threading.Thread(target=_flush, daemon=True)
    flushing.start()
    flushing.join(_FLUSHED_WITHIN)
    with suppress(OSError):
        os.write(2, f"{line}\n".encode())
    os._exit(status)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
