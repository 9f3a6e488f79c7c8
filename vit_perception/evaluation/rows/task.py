# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The unit of work of a measurement: one sequence, in whatever process and on whatever machine."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from vit_perception.bags.reader import BagError
from vit_perception.evaluation.errors import EvaluationError
from vit_perception.evaluation.rows.account import Account
from vit_perception.evaluation.rows.looker import Engine, Looker
from vit_perception.evaluation.rows.looking import look
from vit_perception.evaluation.rows.one_thread import one_thread
from vit_perception.evaluation.rows.run import Run
from vit_perception.evaluation.samples.sample import SampleSequence
from vit_perception.processes.pool import WorkerError
from vit_perception.wording import shown_path

Done = Iterator[tuple[int, Account | WorkerError]]
"""Index of each task, with its account, or with why its processes were lost."""
_TOLD_EVERY = 0.2


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """One sequence of a measurement.

    Attributes:
        sequence: picklable, where another process looks at it.
        runs, names: of the measurement.
        folder: of the measurement.
        engine: what runs the networks.
    """

    sequence: SampleSequence
    runs: tuple[Run, ...]
    names: tuple[str, ...]
    folder: Path
    engine: Engine


def done(task: Task, tell: Callable[[int], None] = lambda pictures: None) -> Account:
    """Looks at a sequence, or goes on where another process was ended.

    Args:
        task: what is done.
        tell: called with the number of pictures met so far, a few times a second.

    Returns:
        The account; if the source is broken, with its line as `error`.

    Raises:
        OutputError: the folder cannot be written.
        BundleError, PerceiverError, SessionError, VocabularyError: a bundle cannot be run.
    """
    told = 0.0

    def progress(pictures: int) -> None:
        nonlocal told
        now = time.monotonic()
        if now > told + _TOLD_EVERY:
            told = now
            tell(pictures)

    lookers = _opened(task.runs, task.names, task.engine)
    try:
        with one_thread():
            return look(task.sequence, lookers, task.folder, progress)
    except (BagError, EvaluationError) as error:
        # Of files in the folder of the measurement too, which may lie anywhere.
        return failed(task.sequence, str(error).replace(f"{shown_path(task.folder)}{os.sep}", ""))


def failed(sequence: SampleSequence, line: str) -> Account:
    """Returns the account of a sequence of which nothing is to be scored."""
    return Account(sequence.key, sequence.title, tuple(sequence.notes), error=line)


@lru_cache(maxsize=1)
def _opened(runs: tuple[Run, ...], names: tuple[str, ...], engine: Engine) -> tuple[Looker, ...]:
    """Returns what looks; a process opens the engines once for all its sequences."""
    return tuple(Looker(run, names, engine) for run in runs)


def close_engines() -> None:
    """Gives back what this process keeps open for its next sequence."""
    _opened.cache_clear()
