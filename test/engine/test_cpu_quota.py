# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""CPU quotas of control groups, in a folder that stands for `/`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from vit_perception.engine import cpu_affinity
from vit_perception.engine.cpu_affinity import engine_threads
from vit_perception.engine.cpu_quota import cpu_quota


def machine(root: Path, groups: str | bytes, files: Mapping[str, str]) -> Path:
    """Returns `root` with the process's groups and files below sys/fs/cgroup."""
    own = root / "proc" / "self" / "cgroup"
    own.parent.mkdir(parents=True)
    own.write_bytes(groups if isinstance(groups, bytes) else groups.encode())
    for name, text in files.items():
        file = root / "sys" / "fs" / "cgroup" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return root


def version_1(folder: str, quota: str, period: str = "100000") -> dict[str, str]:
    return {f"{folder}/cpu.cfs_quota_us": quota, f"{folder}/cpu.cfs_period_us": period}


@pytest.mark.parametrize(
    ("groups", "files", "quota"),
    [
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 1.5),
        ("0::/\n", {"cpu.max": "max 100000\n"}, None),
        ("0::/a/b\n", {"a/b/cpu.max": "max 100000", "a/cpu.max": "20000 10000"}, 2),
        ("0::/a/b\n", {"a/b/cpu.max": "400000 100000", "a/cpu.max": "50000 100000"}, 0.5),
        ("0::/a/b\n", {"a/b/cpu.max": "50000 100000", "a/cpu.max": "400000 100000"}, 0.5),
        # The path is the host's, the folder the container's.
        ("0::/docker/1f\n", {"cpu.max": "300000 100000"}, 3),
        ("0::/../other\n", {"cpu.max": "300000 100000"}, 3),
        ("4:cpu,cpuacct:/\n", version_1("cpu,cpuacct", "250000"), 2.5),
        ("4:cpu,cpuacct:/docker/1f\n", version_1("cpu", "250000\n", "100000\n"), 2.5),
        ("4:cpuacct,cpu:/a\n", version_1("cpuacct,cpu/a", "50000", "50000"), 1),
        ("4:cpu:/a/b\n", version_1("cpu/a/b", "-1") | version_1("cpu/a", "100000"), 1),
        ("4:cpu:/\n", version_1("cpu", "-1"), None),
        ("3:cpuset:/\n0::/\n", version_1("cpu", "100000"), None),
        # Both at once: the cpu controller is in version 1.
        (
            "5:memory:/x\n1:cpu:/a\n0::/a\n",
            version_1("cpu/a", "200000") | {"unified/a/cgroup.procs": ""},
            2,
        ),
        ("0::/a:b\n", {"a:b/cpu.max": "100000 100000"}, 1),
    ],
)
def test_the_smallest_quota_on_the_way_up_counts(
    groups: str, files: dict[str, str], quota: float | None, tmp_path: Path
) -> None:
    assert cpu_quota(machine(tmp_path, groups, files)) == quota


@pytest.mark.parametrize(
    ("groups", "files"),
    [
        ("", {}),
        ("0::/", {}),
        ("nonsense\n:\n0:\n::\n", {"cpu.max": "1 1"}),
        (b"\xff\xfe\0\n0::/a\0b\n", {}),
        ("0::/", {"cpu.max": ""}),
        ("0::/", {"cpu.max": "0 100000"}),
        ("0::/", {"cpu.max": "100000 0"}),
        ("0::/", {"cpu.max": "100000"}),
        ("0::/", {"cpu.max": "-5 100000"}),
        ("0::/", {"cpu.max": "1.5 1"}),
        ("0::/", {"cpu.max": "9" * 5000 + " 1"}),
        ("0::/", {"cpu.max/file": "a folder"}),
        ("1:cpu:/", {"cpu/cpu.cfs_quota_us": "100000"}),
    ],
)
def test_absent_and_odd_files_state_no_quota(
    groups: str | bytes, files: dict[str, str], tmp_path: Path
) -> None:
    assert cpu_quota(machine(tmp_path, groups, files)) is None


def test_a_machine_without_control_groups_has_no_quota(tmp_path: Path) -> None:
    assert cpu_quota(tmp_path) is None


@pytest.mark.parametrize(
    ("quota", "cores", "threads"),
    [
        ("10000", 8, 1),
        ("100000", 8, 1),
        ("150000", 8, 2),
        ("350000", 8, 4),
        # Eight cores of this machine of sixteen are four physical ones.
        ("600000", 8, 4),
        ("max", 8, 4),
        # The engine's own choice.
        ("max", 16, 0),
        ("800000", 16, 0),
        ("700000", 16, 7),
    ],
)
def test_engines_get_no_more_threads_than_the_quota_has_cores(
    quota: str, cores: int, threads: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = machine(tmp_path, "0::/", {"cpu.max": f"{quota} 100000"})
    for core in range(16):
        topology = root / f"sys/devices/system/cpu/cpu{core}/topology"
        topology.mkdir(parents=True)
        (topology / "thread_siblings_list").write_text(f"{core // 2 * 2}-{core // 2 * 2 + 1}\n")
    monkeypatch.setattr("os.cpu_count", lambda: 16)
    monkeypatch.setattr(cpu_affinity, "usable_cores", lambda: frozenset(range(cores)))
    assert engine_threads(0, root) == threads
    assert engine_threads(5, root) == 5
