# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Reads how much CPU time Linux control groups grant this process, as containers set it.

Version 2 of the control groups states `cpu.max`, version 1 `cpu.cfs_quota_us` and
`cpu.cfs_period_us` (Linux, Documentation/admin-guide/cgroup-v2.rst and
scheduler/sched-bwc.rst). A quota holds for all groups inside the group that has it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

ROOT = Path("/")


def cpu_quota(root: Path = ROOT) -> float | None:
    """Returns the cores' worth of CPU time that the process may use; None if it is not limited.

    It is the smallest quota of the process's own group and of those around it. Absent files, and
    files in another form, state none.

    Args:
        root: folder that holds `proc` and `sys`.
    """
    found = [quota for folder in _groups(root) if (quota := _quota(folder)) is not None]
    return min(found, default=None)


def _groups(root: Path) -> Iterator[Path]:
    """Yields the folders of the process's groups that may have a quota, the outer ones too."""
    mounts = root / "sys" / "fs" / "cgroup"
    for line in _text(root / "proc" / "self" / "cgroup").splitlines():
        # "0::/a/b" is version 2, "4:cpu,cpuacct:/a/b" version 1.
        number, _, rest = line.partition(":")
        controllers, separator, path = rest.partition(":")
        if not separator:
            continue
        if number == "0" and not controllers:
            places = [mounts, mounts / "unified"]
        elif "cpu" in controllers.split(","):
            places = [mounts / controllers, mounts / "cpu"]
        else:
            continue
        group = PurePosixPath("/", path)
        # Inside a container the path may be the host's, whose folders are not there: the
        # container's own group is then the mount itself, the last of the parents.
        inside = [group, *group.parents] if ".." not in group.parts else [PurePosixPath("/")]
        for place in places:
            yield from (place / part.relative_to("/") for part in inside)


def _quota(folder: Path) -> float | None:
    limit, _, period = _text(folder / "cpu.max").strip().partition(" ")
    if not limit:
        limit = _text(folder / "cpu.cfs_quota_us").strip()
        period = _text(folder / "cpu.cfs_period_us").strip()
    # "max" in version 2 and -1 in version 1: no limit.
    if not (_is_number(limit) and _is_number(period)):
        return None
    quota, length = int(limit), int(period)
    return quota / length if quota > 0 and length > 0 else None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 20


def _text(file: Path) -> str:
    try:
        with file.open(encoding="ascii", errors="replace") as opened:
            return opened.read(2**16)
    except (OSError, ValueError):  # ValueError: a path with a null character
        return ""
