# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Gives memory that a closed engine has freed back to the system."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

_POOLS = 4
_M_ARENA_MAX = -8  # malloc.h


def _found(name: str) -> Callable[..., Any]:
    # glibc alone has them and needs them: it keeps what threads free, in pools.
    found: Callable[..., Any] = getattr(ctypes.CDLL(None), name, lambda *_: None)
    return found


_malloc_trim, _mallopt = _found("malloc_trim"), _found("mallopt")


def limit_pools() -> None:
    """Lets the threads of this process share a few pools; call it before they begin.

    Else there are eight for each core, and each keeps pieces of engines that were closed.
    """
    _mallopt(_M_ARENA_MAX, _POOLS)


def give_back() -> None:
    """Lets the C library return what is free in the pools of all threads.

    An engine is opened on one thread and closed on another. What it leaves in their pools is in
    pieces that the next engine, on a third thread, does not use: a node that changes its graph
    again and again would grow by as much each time. Takes milliseconds.
    """
    _malloc_trim(0)
