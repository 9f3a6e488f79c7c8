# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Batches made by processes beside the training."""

from __future__ import annotations

import re
import signal
import sys
import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import active_children, get_context
from multiprocessing.process import BaseProcess
from multiprocessing.queues import Queue
from typing import Any, Generic, Protocol, TypeVar

import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from vit_perception.processes.parent import end_with_parent
from vit_perception.training.failure import TrainingError
from vit_perception.training.pictures import DataError
from vit_perception.wording import one_line

# torch raises these wherever the main thread is then.
_ENDED = re.compile(r"DataLoader (?:worker \(pid.*?\) )?(?P<how>.*)", re.DOTALL)
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_TIMEOUT_SECONDS = 600.0
"""For one batch; a process that can no longer send one may not tell so."""


class Loadable(Protocol):
    """A batch that loader processes can send."""

    def tensors(self) -> list[Tensor]:
        """Returns all that is in it."""

    @classmethod
    def of(cls, tensors: Sequence[Tensor]) -> Any:
        """Returns the batch of what `tensors` returned."""


B = TypeVar("B", bound=Loadable)


@dataclass(frozen=True)
class _Plain(Generic[B]):
    """A batch that goes through a pipe, as arrays."""

    kind: type[B]
    arrays: list[NDArray[Any]]

    def batch(self) -> B:
        made: B = self.kind.of([torch.from_numpy(array) for array in self.arrays])
        return made


class _Steps(Sampler[int]):
    """Samples the steps from ``start`` on."""

    def __init__(self, start: int, stop: int) -> None:
        self.range = range(start, stop)

    def __iter__(self) -> Iterator[int]:
        return iter(self.range)

    def __len__(self) -> int:
        return len(self.range)


@contextmanager
def loaded(
    source: Dataset[B | DataError], start: int, stop: int, workers: int
) -> Iterator[Iterator[B | DataError]]:
    """Yields the batches of the steps from `start` up to `stop`, in order.

    Args:
        source: item `step` is the batch of that step, or the error of its pictures.
        start, stop: steps.
        workers: processes, which end with the block; 0 makes the batches in this one.

    Raises:
        TrainingError: inside the block, a process ended.
    """
    loader = DataLoader(
        source,
        batch_size=1,
        sampler=_Steps(start, stop),
        num_workers=workers,
        worker_init_fn=_begin_worker,
        collate_fn=_sent if workers else _only,
        prefetch_factor=4 if workers else None,
        timeout=_TIMEOUT_SECONDS if workers else 0,
    )
    others = set(active_children())
    try:
        batches = _begun(loader)
        yield (each.batch() if isinstance(each, _Plain) else each for each in batches)
    except RuntimeError as error:
        ended = _ENDED.match(str(error))
        if ended is None:
            raise
        raise TrainingError(
            "data loader: expected batches from its processes, found one that "
            f"{one_line(RuntimeError(ended['how']))} (use fewer workers if memory ran out)"
        ) from None
    finally:
        # The loader would wait seconds for each process that is at work.
        _kill(set(active_children()) - others)


def _begin_worker(worker: int) -> None:
    end_with_parent(worker)
    # Only who hands over shared memory uses it: to tell that the receiver was interrupted.
    sys.excepthook = lambda kind, error, trace: None


def _begun(loader: DataLoader[B | DataError]) -> Iterator[B | DataError | _Plain[B]]:
    # Terminals and shells send these to all processes. The first one handles them for all.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    try:
        _try_queues(loader.num_workers + 2)
        return iter(loader)
    except OSError as error:
        raise TrainingError(
            f"data loader: expected to start {loader.num_workers} processes, found "
            f"{error.strerror} (shared memory may be full; without workers none is needed)"
        ) from error
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _try_queues(count: int) -> None:
    """Makes queues, whose room is free again at the end.

    Where there is no room for them, torch leaves an iterator that cannot even be deleted.

    Raises:
        OSError: there is no room.
    """
    queues: list[Queue[None]] = [Queue(ctx=get_context()) for _ in range(count)]
    for queue in queues:
        queue.close()


def _kill(processes: Collection[BaseProcess]) -> None:
    """Kills loader processes without the error that torch raises when one is killed."""
    if not processes:
        return
    main = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGCHLD, signal.SIG_DFL) if main else None
    for process in processes:
        process.kill()
    for process in processes:
        process.join()
    if main:
        signal.signal(signal.SIGCHLD, before)


def _only(batch: list[B | DataError]) -> B | DataError:
    return batch[0]


def _sent(batch: list[B | DataError]) -> B | DataError | _Plain[B]:
    """Puts a batch into shared memory, or where that is full, as in a container, into a pipe.

    It would get there later anyway, in a thread whose errors leave the receiver waiting.
    """
    (only,) = batch
    if isinstance(only, DataError):
        return only
    tensors = only.tensors()
    try:
        for tensor in tensors:
            tensor.share_memory_()
    except RuntimeError:
        return _Plain(type(only), [tensor.numpy() for tensor in tensors])
    return only
