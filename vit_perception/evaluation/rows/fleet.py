# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Looks at the sequences of a measurement through Ray, on a laptop as on a cluster.

On a cluster, this package of the same version has to be installed on all machines, and the
recordings, the bundles and the folder of the measurement have to be reachable by the same absolute
paths, as on a shared file system: what is sent is paths, not pictures.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from vit_perception.engine.cpu_affinity import usable_cores
from vit_perception.evaluation.errors import EvaluationError
from vit_perception.evaluation.rows.account import Account
from vit_perception.evaluation.rows.task import Done, Task, done
from vit_perception.processes.crew import ATTEMPTS
from vit_perception.processes.pool import WorkerError
from vit_perception.wording import one_line, shown, shown_path

_STORE = 128 * 2**20
"""Bytes that a Ray of our own keeps for objects: what is sent is small."""
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_PAUSE = 0.5
_PATIENCE = 10.0
_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",  # tells nobody what is run here
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # leaves the GPUs of its workers as they are
    "RAY_TQDM_PATCH_PRINT": "0",  # leaves Python's print as it is
}


def on_fleet(tasks: Sequence[Task], address: str) -> Done:
    """Yields the index of each task with its account, as workers of Ray finish them.

    Args:
        tasks: in the order in which they are begun. Each takes as many of Ray's CPUs as its
            engine has threads.
        address: of the cluster; "" starts Ray on this machine, and ends it at the end.

    Raises:
        EvaluationError: Ray is not installed, or not there.
        Exception: what `done` raises.
    """
    try:
        import ray
    except ImportError as error:
        raise EvaluationError(
            "ray: expected the package, found none: pip install vit_perception[fleet]"
        ) from error
    with _connected(ray, address):
        work = ray.remote(max_retries=ATTEMPTS - 1)(_done_in)
        home = os.getcwd()
        indices = {
            work.options(num_cpus=max(1, task.engine.threads)).remote(home, task): index
            for index, task in enumerate(tasks)
        }
        waiting = list(indices)
        while waiting:
            # All that have finished meanwhile: looking at thousands of them takes a while.
            finished, waiting = ray.wait(waiting, num_returns=len(waiting), timeout=_PAUSE)
            for each in finished:
                yield indices[each], _result(ray, each)


def _done_in(home: str, task: Task) -> Account:
    """Looks at a sequence in the folder that relative paths begin at."""
    try:
        os.chdir(home)
    except OSError as error:
        raise EvaluationError(
            f"{shown_path(home)}: expected the same folder on every machine of the cluster, "
            f"found {error.strerror} on {socket.gethostname()}"
        ) from error
    return done(task)


def _result(ray: Any, reference: Any) -> Account | WorkerError:
    try:
        account: Account = ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        raise error.cause from None
    except ray.exceptions.RayError as error:
        line = f"expected a worker to finish, found it lost {ATTEMPTS} times: {one_line(error)}"
        return WorkerError(line)
    return account


@contextmanager
def _connected(ray: Any, address: str) -> Iterator[None]:
    """Connects to Ray, or starts it, and leaves it; one that is connected already stays so."""
    if ray.is_initialized():
        yield
        return
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    own = {
        "num_cpus": len(usable_cores()),
        "object_store_memory": _STORE,
        "include_dashboard": False,
    }
    where = f"at {shown(address)}" if address else "on this machine"
    try:
        _knock(address)
        with _handlers_kept():
            ray.init(
                address=address or "local",
                logging_level=logging.ERROR,
                log_to_driver=False,
                **({} if address else own),
            )
    except (OSError, RuntimeError, ValueError) as error:  # ConnectionError is an OSError
        raise EvaluationError(
            f"ray: expected to reach it {where}, found: {one_line(error)}"
        ) from error
    try:
        yield
    finally:
        ray.shutdown()


@contextmanager
def _handlers_kept() -> Iterator[None]:
    """Gives signals back the handlers they had; Ray ends the process by its own on SIGTERM."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Ray sets none there
        return
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _knock(address: str) -> None:
    """Looks whether anybody listens at an address: Ray itself would wait for minutes.

    Raises:
        OSError: nobody does.
    """
    host, separator, port = address.removeprefix("ray://").rpartition(":")
    if separator and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), timeout=_PATIENCE).close()
