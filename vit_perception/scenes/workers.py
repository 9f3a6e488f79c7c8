# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Runs work in several processes, in any order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import Any, TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")


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

    `work`, the tasks and `start`, which every process calls first, have to be picklable. Raises
    what `work` raises, and WorkerError if a process is killed. If it is left early, by an error
    or by Ctrl-C, it finishes the tasks in hand and drops those that wait.
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
