# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Runs work in several processes, in any order; none outlives the run."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from types import FrameType
from typing import Any, TypeVar

from vit_perception.processes.parent import end_with_parent
from vit_perception.processes.signals import SIGNALLED

Task = TypeVar("Task")
Result = TypeVar("Result")

GRACE = 5.0
"""Seconds that a process has for cleaning up when it is told to end."""
_ENDED = SIGNALLED + signal.SIGTERM


class WorkerError(RuntimeError):
    """A process ended during its work; one line."""


def in_processes(
    work: Callable[[Task], Result],
    tasks: Sequence[Task],
    count: int,
    *,
    start: Callable[..., None] | None = None,
    start_arguments: tuple[Any, ...] = (),
) -> Iterator[tuple[Task, Result]]:
    """Yields each task with its result, as `count` processes finish them.

    `work`, the tasks and `start`, which every process calls first, have to be picklable. If the
    iterator is left early, by an error, by Ctrl-C or by SIGTERM, the processes end at once: in
    them SystemExit is raised, so that their `finally` clauses run. If this process is killed,
    they are killed.

    Raises:
        WorkerError: a process was killed.
        Exception: what `work` or `start` raises.
    """
    context = get_context("spawn")
    # Who reads from it finds its end when this process closes it, or has ended.
    told, tell = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(
        count,
        mp_context=context,
        initializer=_begin,
        initargs=(told, start, start_arguments),
    )
    try:
        with interrupts_held_back():
            futures = {pool.submit(partial(_done, work), task): task for task in tasks}
        for future in as_completed(futures):
            yield futures[future], future.result()
    except BaseException as error:
        tell.close()
        if isinstance(error, BrokenProcessPool):
            raise WorkerError(
                "expected every worker to finish, found one ended: perhaps memory ran out, use "
                "fewer workers"
            ) from None
        raise
    finally:
        pool.shutdown()
        tell.close()
        told.close()


@contextmanager
def interrupts_held_back() -> Iterator[None]:
    """Lets processes start without SIGINT: they would tell of a Ctrl-C that is meant for all."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_failures: list[Exception] = []
"""Of `start` in this process. Each task raises it: the pool would only say that it is broken."""
_ending = threading.Event()


def _begin(
    told: Connection, start: Callable[..., None] | None, arguments: tuple[Any, ...]
) -> None:
    end_with_parent()
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, _end)
        threading.Thread(target=_end_when_told, args=(told,), daemon=True).start()
        if start is not None:
            start(*arguments)
    except Exception as error:
        _failures.append(error)
    except SystemExit:
        os._exit(_ENDED)


def _done(work: Callable[[Task], Result], task: Task) -> Result:
    try:
        # SystemExit may have been raised between two tasks, where the pool takes it.
        if _ending.is_set():
            raise SystemExit
        if _failures:
            raise _failures[0]
        return work(task)
    except SystemExit:
        # The pool would take it for a result and give this process the next task.
        os._exit(_ENDED)


def _end(number: int, frame: FrameType | None) -> None:
    # A second one must not interrupt the cleaning up.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _ending.set()
    raise SystemExit(_ENDED)


def _end_when_told(told: Connection) -> None:
    try:
        told.recv_bytes()
    except (EOFError, OSError):
        # To the main thread, whose waiting it interrupts; another thread might get it otherwise.
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
        time.sleep(GRACE)
        os._exit(_ENDED)
