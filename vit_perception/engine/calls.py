# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Calls into an engine that may never end, such as those of a graph with an endless loop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TypeVar

from vit_perception.engine.session import SessionError

T = TypeVar("T")

# Seconds between two looks of who waits; a signal's handler runs in between.
_SLICE = 0.05


class Call:
    """A call into an engine, which `stop_call` can end; the block of a `with` is the call.

    Args:
        stop: asks the engine to give up; called from another thread.

    Attributes:
        stopped: whether it was asked.
    """

    def __init__(self, stop: Callable[[], None]) -> None:
        self._stop = stop
        self.stopped = False

    def __enter__(self) -> None:
        _calls[threading.get_ident()] = self

    def __exit__(self, *_: object) -> None:
        del _calls[threading.get_ident()]

    def end(self) -> None:
        """Asks the engine to give up."""
        self.stopped = True
        self._stop()


_calls: dict[int, Call] = {}


def stop_call(thread: threading.Thread) -> None:
    """Asks the engine to give up the call that a thread is in, if it is in one.

    Engines look for that between two operators: ONNX Runtime also in a loop inside the graph,
    OpenVINO not there.
    """
    call = _calls.get(thread.ident or 0)
    if call is not None:
        call.end()


class EngineTimeoutError(SessionError):
    """An engine was not ready in time; one line."""


def within(
    seconds: float, work: Callable[[], T], *, late: str, name: str, watch: Callable[[], None]
) -> T:
    """Returns the result of work that may never end: a daemon thread does it, and is left behind.

    Args:
        seconds: to wait for it.
        work: what to do.
        late: the line of the error.
        name: of the thread.
        watch: called many times a second, on the caller's thread; what it raises ends the waiting.

    Raises:
        EngineTimeoutError: it took longer. The engine has been asked to give up.
        BaseException: of `work` or `watch`.
    """
    future: Future[T] = Future()

    thread = threading.Thread(target=_do, args=(work, future), name=name, daemon=True)
    thread.start()
    end = time.monotonic() + seconds
    try:
        while not wait((future,), _SLICE).done:
            watch()
            if time.monotonic() > end:
                raise EngineTimeoutError(late)
    except BaseException:
        stop_call(thread)
        raise
    try:
        return future.result()
    finally:
        # An error knows this frame; knowing the error too, it would keep the engine that failed
        # until Python looks for such circles.
        del future


def _do(work: Callable[[], T], future: Future[T]) -> None:
    try:
        future.set_result(work())
    except BaseException as error:
        future.set_exception(error)
    finally:
        del future
