# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Looks at all sequences of a measurement: in this process, in several, or on a cluster.

The files are the same byte for byte, whoever makes them: a sequence is looked at by one process,
picture by picture, and for the bundles of this package engines give the same bits with any number
of threads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from vit_perception.engine.cpu_affinity import engine_threads, usable_cores
from vit_perception.evaluation.rows.account import Account
from vit_perception.evaluation.rows.looker import Engine
from vit_perception.evaluation.rows.run import Run
from vit_perception.evaluation.rows.task import Done, Task, close_engines, done, failed
from vit_perception.evaluation.samples.sample import SampleSequence
from vit_perception.processes.crew import in_crew
from vit_perception.processes.pool import WorkerError


def look_at_all(
    sequences: Sequence[SampleSequence],
    runs: Sequence[Run],
    names: Sequence[str],
    folder: Path,
    *,
    engine: Engine | None = None,
    jobs: int = 1,
    ray: str | None = None,
    progress: Callable[[int], None] = lambda pictures: None,
) -> tuple[Account, ...]:
    """Looks at all pictures of all sequences with all runs; returns an account of each sequence.

    Whoever looks at a sequence goes on where an earlier one was ended. One whose process is
    killed is begun again, and after three times, or if its source is broken, its account has the
    line as `error`; the others go on. Left by an error, Ctrl-C or SIGTERM, whole blocks stay in
    the folder, and all processes have ended.

    Args:
        sequences: with different keys; picklable, unless this process looks at them.
        runs: in the order of the rows that are kept.
        names: that all runs are asked for.
        folder: of the measurement, held with `plan.measuring`.
        engine: what runs the networks; with 0 threads, see `network_threads`.
        jobs: processes; 1 is this one.
        ray: looks through Ray in place of that: the address of a cluster; "" starts Ray on this
            machine for as long as it takes.
        progress: called with the number of pictures met so far, of all sequences.

    Raises:
        OutputError: the folder cannot be written.
        BundleError, PerceiverError, SessionError, VocabularyError: a bundle cannot be run.
        EvaluationError: there is no Ray.
    """
    engine = Engine() if engine is None else engine
    met = [0] * len(sequences)

    def told(index: int, pictures: int) -> None:
        # A sequence that is begun again counts from 0; those who watch see no step back.
        met[index] = max(met[index], pictures)
        progress(sum(met))

    def tasks(threads: int) -> list[Task]:
        one = replace(engine, threads=engine.threads or threads)
        return [Task(each, tuple(runs), tuple(names), folder, one) for each in sequences]

    finished: Done
    if ray is not None:
        from vit_perception.evaluation.rows.fleet import on_fleet

        finished = on_fleet(tasks(1), ray)
    elif (count := min(jobs, len(sequences))) > 1:
        finished = in_crew(done, tasks(max(1, _cores() // count)), count, told)
    else:
        finished = _here(tasks(0), told)
    accounts: dict[int, Account] = {}
    for index, found in finished:
        if isinstance(found, WorkerError):
            found = failed(sequences[index], f"{sequences[index].title}: {found}")
        accounts[index] = found
        told(index, found.pictures)
    return tuple(accounts[index] for index in range(len(sequences)))


def network_threads(engine: Engine, *, jobs: int = 1, on_fleet: bool = False) -> int:
    """Returns how many threads a network gets: those of the engine, if it says so.

    Else a process that works alone keeps one core for reading and writing beside the network: on
    two cores a picture takes 55 ms so, and 84 ms with both for the network. One of several has
    its share of the cores, and one of Ray's a single core.
    """
    if engine.threads:
        return engine.threads
    if on_fleet:
        return 1
    return max(1, _cores() // jobs if jobs > 1 else _cores() - 1)


def _here(tasks: Sequence[Task], told: Callable[[int, int], None]) -> Done:
    for index, task in enumerate(tasks):

        def tell(pictures: int, index: int = index) -> None:
            told(index, pictures)

        yield index, done(task, tell)
    close_engines()


def _cores() -> int:
    """Returns how many cores this process may use."""
    return engine_threads(0) or len(usable_cores())
