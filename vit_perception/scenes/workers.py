# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Work done by several processes, in any order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import Any, TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")


class WorkerError(RuntimeError):
    """A process ended in the middle of its work; one line."""


def in_processes(
    work: Callable[[Task], Result],
    tasks: Sequence[Task],
    count: int,
    *,
    start: Callable[..., None] | None = None,
    start_arguments: tuple[Any, ...] = (),
) -> Iterator[tuple[Task, Result]]:
    """Each task with its result, as they are done by `count` processes.

    `work`, the tasks and `start`, which every process calls first, have to be picklable. Raises
    what `work` raises, and WorkerError when a process is killed. Left early, by an error or by
    Ctrl-C, it ends with the tasks in hand instead of doing all that wait.
    """
    pool = ProcessPoolExecutor(
        count, mp_context=get_context("spawn"), initializer=start, initargs=start_arguments
    )
    try:
        futures = {pool.submit(work, task): task for task in tasks}
        for future in as_completed(futures):
            yield futures[future], future.result()
    except BrokenProcessPool:
        raise WorkerError(
            "expected every worker to finish, found one ended: perhaps memory ran out, use fewer "
            "workers; the same command goes on where it stopped"
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)
