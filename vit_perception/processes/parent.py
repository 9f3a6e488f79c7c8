# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Lets a process end when its parent does, however that ends.

Linux kills it at once. Elsewhere a thread watches the parent.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
from collections.abc import Sequence
from multiprocessing import parent_process
from multiprocessing.connection import wait

_PR_SET_PDEATHSIG = 1
# A program keeps the signal of its parent's death when it becomes another one. Python ignores
# SIGPIPE, and that would be kept too.
_TIED = f"""
import ctypes, os, signal, sys
parent, number, *command = sys.argv[1:]
prctl = getattr(ctypes.CDLL(None), "prctl", None)
if prctl is not None:
    prctl({_PR_SET_PDEATHSIG}, int(number), 0, 0, 0)
if os.getppid() != int(parent):
    sys.exit(1)
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
os.execvp(command[0], command)
"""


def end_with_parent(worker: int = 0) -> None:
    """Lets this process, which multiprocessing started, be killed when its parent has ended.

    It has the form of a DataLoader's `worker_init_fn` and of a pool's `initializer`. On Linux
    the process also ends with the thread that started it.

    Args:
        worker: not used.
    """
    parent = parent_process()
    if parent is None:
        return
    if not _told_by_kernel():
        threading.Thread(target=_end_after, args=(parent.sentinel,), daemon=True).start()
    # It may have ended before the kernel was asked.
    if not parent.is_alive():
        _end()


def tied(command: Sequence[str], number: int = signal.SIGKILL) -> list[str]:
    """Returns a command for `subprocess` whose process ends with this one; on Linux alone.

    It keeps its process id, and starts some 20 ms later. It also ends with the thread that
    starts it.

    Args:
        command: program and arguments.
        number: the signal that it gets.
    """
    options = ["-I", "-S", "-c", _TIED, str(os.getpid()), str(int(number))]
    return [sys.executable, *options, *command]


def _told_by_kernel() -> bool:
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is None:
        return False
    return bool(prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0) == 0)


def _end_after(sentinel: int) -> None:
    wait([sentinel])
    _end()


def _end() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
