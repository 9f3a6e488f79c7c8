# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What tells one kind of machine from another, as far as the speed of engines goes."""

from __future__ import annotations

import platform
from pathlib import Path

from vit_perception.engine.cpu_affinity import usable_cores
from vit_perception.engine.cpu_quota import ROOT

_CPU = frozenset(
    (
        "vendor_id",
        "cpu family",
        "model",
        "model name",
        "stepping",
        "flags",
        "CPU implementer",
        "CPU architecture",
        "CPU variant",
        "CPU part",
        "CPU revision",
        "Features",
        "Hardware",
    )
)
_MOST = 2**20


def machine(root: Path = ROOT) -> str:
    """Returns the kind of this machine: its processor, usable cores, board and NVIDIA GPUs.

    Two of one kind give the same text, whatever they are called; absent files say nothing.

    Args:
        root: folder that holds `proc`.
    """
    lines = dict.fromkeys([platform.machine(), f"cores: {len(usable_cores())}"])
    for line in _text(root / "proc" / "cpuinfo").splitlines():
        name, _, value = line.partition(":")
        if name.strip() in _CPU:
            lines[f"{name.strip()}: {value.strip()}"] = None
    lines[f"board: {_text(root / 'proc' / 'device-tree' / 'model')}"] = None
    for gpu in sorted((root / "proc" / "driver" / "nvidia" / "gpus").glob("*/information")):
        for line in _text(gpu).splitlines():
            if line.startswith("Model:"):
                lines[f"gpu: {line.removeprefix('Model:').strip()}"] = None
    return "\n".join(lines)


def _text(file: Path) -> str:
    try:
        with file.open(encoding="utf-8", errors="replace") as opened:
            return opened.read(_MOST)
    except OSError:
        return ""
