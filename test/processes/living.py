# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Whether processes live."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

_SECONDS = 20.0


def lives(process: int) -> bool:
    """Returns whether a process runs; one that has ended and waits for its parent does not."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def living_after_a_while(processes: Iterable[int]) -> set[int]:
    """Returns which processes have not ended in time; looks again and again until then."""
    left = set(processes)
    deadline = time.monotonic() + _SECONDS
    while left and time.monotonic() < deadline:
        left = {process for process in left if lives(process)}
        time.sleep(0.01)
    return left


def children(process: int) -> list[int]:
    """Returns the processes that a process has started and that live."""
    tasks = Path(f"/proc/{process}/task").glob("*/children")
    started = [int(word) for task in tasks for word in task.read_text(encoding="utf-8").split()]
    return [child for child in started if lives(child)]
