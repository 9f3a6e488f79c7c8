# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""One kind of machine is told from another, in a folder that stands for `/`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from vit_perception.engine.machine import machine

XEON = """\
processor\t: {number}
model name\t: Intel(R) Xeon(R) Processor
cpu MHz\t\t: {speed}
flags\t\t: fpu avx512f avx512_vnni
"""


def _root(folder: Path, **files: str | bytes) -> Path:
    for name, text in files.items():
        file = folder / "proc" / name.replace("__", "/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def test_one_kind_is_the_same_at_any_time(tmp_path: Path) -> None:
    first, second = (
        _root(tmp_path / f"{n}", cpuinfo=XEON.format(number=n, speed=2000.0 + n)) for n in (0, 1)
    )
    assert machine(first) == machine(second)
    assert "model name: Intel(R) Xeon(R) Processor" in machine(first)


@pytest.mark.parametrize(
    "files",
    [
        {"cpuinfo": XEON.replace("Xeon(R) Processor", "Xeon(R) Gold")},
        {"cpuinfo": XEON.replace(" avx512_vnni", "")},
        {"cpuinfo": XEON, "device-tree__model": b"NVIDIA Jetson Orin Nano\0"},
        {"cpuinfo": XEON, "driver__nvidia__gpus__0__information": "Model: \t RTX A2000\nIRQ: 9"},
        {"cpuinfo": b"\xff\xfe"},
        {},
    ],
)
def test_another_kind_is_told(files: dict[str, str | bytes], tmp_path: Path) -> None:
    known = machine(_root(tmp_path / "known", cpuinfo=XEON))
    other = machine(_root(tmp_path / "other", **files))
    assert other != known
    assert other == machine(_root(tmp_path / "other", **files))


def test_other_cores_are_another_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    here = machine()
    cores = len(os.sched_getaffinity(0)) + 1
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)))
    assert machine() == here.replace(f"cores: {cores - 1}", f"cores: {cores}")
