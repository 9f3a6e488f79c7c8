# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What processes of tests do."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path


def hold(path: Path) -> None:
    """Keeps a file with the process's id, and removes it when it is left."""
    try:
        path.write_text(str(os.getpid()), encoding="utf-8")
        while True:
            time.sleep(60)
    finally:
        path.unlink()


def refuse(reason: str) -> None:
    """Raises ValueError."""
    raise ValueError(reason)


def tell_and_die(task: tuple[Path, int], tell: Callable[[object], None]) -> str:
    """Tells its attempts, kept in a file; dies in as many of them as the task says."""
    path, deaths = task
    attempts = int(path.read_text(encoding="utf-8")) + 1 if path.exists() else 1
    path.write_text(str(attempts), encoding="utf-8")
    tell(attempts)
    if attempts <= deaths:
        os.kill(os.getpid(), signal.SIGKILL)
    return path.name


def hold_file(path: Path, tell: Callable[[object], None]) -> None:
    """Does what `hold` does."""
    hold(path)


class Unpicklable(ValueError):
    """An error that no other process can make."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} and {second}")


def refuse_one(task: int, tell: Callable[[object], None]) -> int:
    """Raises for the tasks 3 and 4."""
    if task == 3:
        raise ValueError("not three")
    if task == 4:
        raise Unpicklable("not", "four")
    return task


def first_of_pid(task: int, tell: Callable[[object], None]) -> int:
    """Returns the process that does the task."""
    return os.getpid()
