# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Gives memory that a closed engine has freed back to the system."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any


def _found() -> Callable[[int], Any]:
    # glibc alone has it and needs it: it keeps what threads free, in a pool for each.
    found: Callable[[int], Any] = getattr(ctypes.CDLL(None), "malloc_trim", lambda _: None)
    return found


_malloc_trim = _found()


def give_back() -> None:
    """Lets the C library return what is free in the pools of all threads.

    An engine is opened on one thread and closed on another. What it leaves in their pools is in
    pieces that the next engine, on a third thread, does not use: a node that changes its graph
    again and again would grow by as much each time. Takes milliseconds.
    """
    _malloc_trim(0)
