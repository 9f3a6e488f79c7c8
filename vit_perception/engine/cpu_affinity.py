# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Restricts this process to CPU cores, so that others, such as a planner, keep theirs."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable
from pathlib import Path

from vit_perception.engine.cpu_quota import ROOT, cpu_quota
from vit_perception.wording import one_line, shown

_ENTRY = re.compile(r"([0-9]{1,4})(?:-([0-9]{1,4}))?")
_CORES = Path("sys", "devices", "system", "cpu")


class AffinityError(ValueError):
    """The cores cannot be used; one line."""


def parse_cores(text: str) -> frozenset[int]:
    """Returns core numbers from a list as Linux writes it: "0-3,6" is 0, 1, 2, 3 and 6.

    Raises:
        AffinityError: the text is no such list, or empty.
    """
    cores: set[int] = set()
    for entry in text.split(","):
        match = _ENTRY.fullmatch(entry.strip())
        first, last = (match[1], match[2] or match[1]) if match else ("1", "0")
        if int(first) > int(last):
            raise AffinityError(
                f"cpu_affinity: expected cores such as '0-3,6', found {shown(text)}"
            )
        cores |= set(range(int(first), int(last) + 1))
    return frozenset(cores)


def format_cores(cores: Iterable[int]) -> str:
    """Returns the shortest list that `parse_cores` reads."""
    ranges: list[list[int]] = []
    for core in sorted(set(cores)):
        if ranges and ranges[-1][1] == core - 1:
            ranges[-1][1] = core
        else:
            ranges.append([core, core])
    return ",".join(f"{a}" if a == b else f"{a}-{b}" for a, b in ranges)


def usable_cores() -> frozenset[int]:
    """Returns the cores that this process may use; containers and taskset leave fewer."""
    return frozenset(os.sched_getaffinity(os.getpid()))


def keep_process_to(text: str) -> frozenset[int]:
    """Restricts every thread of this process, present and future, to the cores in `text`.

    Threads inherit the cores of the thread that starts them. DDS and numpy start threads before
    a node knows its parameters; these are moved.

    Args:
        text: see `parse_cores`.

    Returns:
        The cores.

    Raises:
        AffinityError: the text is no list of cores, or one of them may not be used.
    """
    cores, usable = parse_cores(text), usable_cores()
    if cores - usable:
        raise AffinityError(
            f"cpu_affinity: expected cores out of {format_cores(usable)}, those that this "
            f"process may use, found {format_cores(cores - usable)}"
        )
    moved: set[int] = set()
    # A thread that has not been moved yet may start another one meanwhile.
    while threads := {int(name) for name in os.listdir("/proc/self/task")} - moved:
        for thread in threads:
            _move(thread, cores)
        moved |= threads
    return cores


def engine_threads(asked: int, root: Path = ROOT) -> int:
    """Returns the number of threads to ask an engine for.

    By default, ONNX Runtime starts a thread for each physical core of the machine and binds it
    there, even to cores that the process may not use, and whatever CPU time a container has.
    With a given number it binds none.

    Args:
        asked: 0 for as many as fit.
        root: folder that holds `proc` and `sys`.

    Returns:
        `asked` unless it is 0; 0, the engine's choice, if the process may use the whole
        machine; else the number of physical cores that it may use, or fewer if its CPU quota
        is smaller (see `cpu_quota`).
    """
    if asked:
        return asked
    cores, quota = usable_cores(), cpu_quota(root)
    physical = len({_physical(core, root) for core in cores})
    if quota is not None and math.ceil(quota) < physical:
        return max(1, math.ceil(quota))
    return 0 if len(cores) >= (os.cpu_count() or 1) else physical


def _move(thread: int, cores: frozenset[int]) -> None:
    try:
        os.sched_setaffinity(thread, cores)
    except ProcessLookupError:
        pass  # the thread has ended
    except OSError as error:
        raise AffinityError(
            f"cpu_affinity: expected cores that this process may use, found "
            f"{format_cores(cores)}: {one_line(error)}"
        ) from error


def _physical(core: int, root: Path) -> str:
    """Returns a key that the hyperthreads of one physical core share."""
    try:
        siblings = root / _CORES / f"cpu{core}" / "topology" / "thread_siblings_list"
        return siblings.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return str(core)
