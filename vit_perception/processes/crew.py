# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Runs long tasks in several processes; one whose process is killed is begun again."""

from __future__ import annotations

import os
import pickle
import signal
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnContext, SpawnProcess
from types import FrameType
from typing import Any, TypeVar

from vit_perception.processes.parent import end_with_parent
from vit_perception.processes.pool import GRACE, WorkerError, interrupts_held_back
from vit_perception.processes.signals import SIGNALLED
from vit_perception.wording import one_line

Task = TypeVar("Task")
Result = TypeVar("Result")
Work = Callable[[Task, Callable[[Any], None]], Result]
"""Does a task; what it gives to the call it is handed is told to the parent meanwhile."""

ATTEMPTS = 3
"""How often a task is begun."""


def in_crew(
    work: Work[Task, Result],
    tasks: Sequence[Task],
    count: int,
    told: Callable[[int, Any], None] = lambda index, value: None,
) -> Iterator[tuple[int, Result | WorkerError]]:
    """Yields the index of each task with its result, as `count` processes finish them.

    A process takes one task after the other. If it is killed, another one begins its task again;
    after ATTEMPTS of them the result is an error. If the iterator is left early, by an error, by
    Ctrl-C or by SIGTERM, the processes end at once: in them SystemExit is raised, so that their
    `finally` clauses run. If this process is killed, they are killed.

    Args:
        work: it and the tasks have to be picklable.
        tasks: in the order in which they are begun.
        count: of processes.
        told: gets the index of a task and what `work` tells of it.

    Raises:
        Exception: what `work` raises.
    """
    context = get_context("spawn")
    waiting = deque(range(len(tasks)))
    killed: Counter[int] = Counter()
    crew: list[_Member] = []
    try:
        while waiting or any(member.task is not None for member in crew):
            for member in crew:
                if waiting and member.task is None:
                    member.begin(waiting.popleft(), tasks)
            while waiting and len(crew) < count:
                crew.append(_Member.hired(context, work))
                crew[-1].begin(waiting.popleft(), tasks)
            for pipe in wait([member.pipe for member in crew if member.task is not None]):
                member = next(each for each in crew if each.pipe is pipe)
                assert member.task is not None
                try:
                    kind, value = member.pipe.recv()
                except (EOFError, OSError):
                    crew.remove(member)
                    member.end()
                    killed[member.task] += 1
                    if killed[member.task] < ATTEMPTS:
                        waiting.appendleft(member.task)
                    else:
                        yield member.task, _lost()
                    continue
                if kind == _TOLD:
                    told(member.task, value)
                elif kind == _RAISED:
                    raise value
                else:
                    index, member.task = member.task, None
                    yield index, value
    finally:
        for member in crew:
            member.process.terminate()
        for member in crew:
            member.end()


_TOLD, _RAISED, _DONE = "told", "raised", "done"


@dataclass(slots=True, eq=False)
class _Member:
    """A process, the parent's end of a pipe to it, and what it is doing."""

    process: SpawnProcess
    pipe: Connection
    task: int | None = None

    @classmethod
    def hired(cls, context: SpawnContext, work: Work[Any, Any]) -> _Member:
        """Starts a process."""
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(work, theirs), daemon=True)
        with interrupts_held_back():
            process.start()
        # Only the process holds its end now, so that the pipe ends with it.
        theirs.close()
        return cls(process, ours)

    def begin(self, index: int, tasks: Sequence[object]) -> None:
        """Hands it a task; if it has died meanwhile, the pipe tells so soon."""
        self.task = index
        with suppress(OSError):
            self.pipe.send(tasks[index])

    def end(self) -> None:
        """Waits for its end, which has been asked for, and sees to it."""
        self.pipe.close()
        self.process.join(GRACE)
        self.process.kill()
        self.process.join()
        self.process.close()


def _lost() -> WorkerError:
    return WorkerError(
        f"expected a worker to finish, found {ATTEMPTS} of them killed: perhaps memory ran out, "
        "use fewer workers"
    )


def _serve(work: Work[Any, Any], pipe: Connection) -> None:
    """Does one task after the other."""
    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _end)
    while True:
        try:
            task = pipe.recv()
        except (EOFError, OSError):  # the parent has ended, or nothing is left to do
            return
        except Exception as error:  # it cannot be unpickled here
            answer = _RAISED, _picklable(error)
        else:
            answer = _answer(work, task, pipe)
        try:
            pipe.send(answer)
        except OSError:  # the parent does not wait for it any more
            return


def _answer(work: Work[Any, Any], task: Any, pipe: Connection) -> tuple[str, Any]:
    try:
        return _DONE, work(task, lambda value: pipe.send((_TOLD, value)))
    except Exception as error:
        return _RAISED, _picklable(error)


def _end(number: int, frame: FrameType | None) -> None:
    # A second one must not interrupt the cleaning up.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise SystemExit(SIGNALLED + number)


def _picklable(error: Exception) -> Exception:
    """Returns an error that arrives as it is, or one with its line."""
    try:
        pickle.loads(pickle.dumps(error))
        return error
    except Exception:
        return WorkerError(f"process {os.getpid()}: {type(error).__name__}: {one_line(error)}")
