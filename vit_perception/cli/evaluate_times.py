# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""How long a measurement took, and on what machine: what no two runs have in common."""

from __future__ import annotations

import argparse
import os
import platform
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vit_perception.evaluation.rows.run import Run

_CPU_INFO = Path("/proc/cpuinfo")


def timing(
    folder: Path,
    keys: Sequence[str],
    runs: Sequence[Run],
    args: argparse.Namespace,
    began: float,
    realtime: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Returns the content of timing.json.

    Args:
        folder: of the measurement.
        keys: of the sequences that count.
        runs: in the order of the plan.
        args: with provider, threads, jobs and ray.
        began: when the command began, of `time.monotonic`.
        realtime: what the live node made of it, by run; None without.
    """
    from vit_perception.cli.runs import engine_of
    from vit_perception.cli.versions import package_versions
    from vit_perception.engine.cpu_affinity import usable_cores
    from vit_perception.evaluation.rows.reading import times_of
    from vit_perception.evaluation.rows.times import summarised
    from vit_perception.evaluation.rows.workers import network_threads

    versions = package_versions()
    return {
        "machine": {
            "cpu": _cpu(),
            "cores": len(usable_cores()),
            "python": versions["python"],
            "onnxruntime": versions.get("onnxruntime", versions.get("onnxruntime-gpu", "")),
        },
        "provider": args.provider,
        "threads": network_threads(
            engine_of(args),
            jobs=args.jobs if len(keys) > 1 else 1,
            on_fleet=args.ray is not None,
        ),
        "jobs": "ray" if args.ray is not None else args.jobs,
        "wall_s": round(time.monotonic() - began, 3),
        **summarised(times_of(folder, keys), [run.key for run in runs]),
        "realtime": realtime,
    }


def _cpu() -> str:
    """Returns the name of the processor."""
    try:
        lines = _CPU_INFO.read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or os.uname().machine)
