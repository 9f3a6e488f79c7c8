# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Measures the memory of a graph in a new process, because engines keep memory they freed."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vit_perception.engine.factory import open_session
from vit_perception.engine.session import Session, TensorInfo
from vit_perception.processes.parent import tied
from vit_perception.wording import one_line

_RUNS = 3
_TIMEOUT = 300.0


class FootprintError(RuntimeError):
    """The measuring process failed; one line."""


def example_inputs(session: Session, classes: int = 80) -> dict[str, NDArray[np.generic]]:
    """Returns inputs for a graph: random pictures, and `classes` names if that axis is free.

    Args:
        session: an opened graph.
        classes: size of free axes.
    """
    generator = np.random.default_rng(0)

    def values(wanted: TensorInfo) -> NDArray[np.generic]:
        shape = [classes if size is None else size for size in wanted.shape]
        if wanted.dtype == "uint8":
            return generator.integers(0, 256, shape, np.uint8)
        return generator.random(shape).astype(wanted.dtype)

    return {wanted.name: values(wanted) for wanted in session.inputs}


def session_memory(model: bytes, *, provider: str = "cpu", threads: int = 0) -> int:
    """Returns the peak of RAM in bytes that opening and running a graph adds to the process.

    Args:
        model, provider, threads: as `open_session` takes them.

    Raises:
        FootprintError: the engine refuses the model in the other process.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        path.write_bytes(model)
        command = tied([sys.executable, "-m", __name__, str(path), provider, str(threads)])
        root = str(Path(__file__).resolve().parents[2])
        paths = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT,
            env={**os.environ, "PYTHONPATH": paths},
        )
    if done.returncode:
        said = FootprintError((done.stderr.strip().splitlines() or ["nothing said"])[-1])
        raise FootprintError(f"memory: expected a graph that runs, found {one_line(said)}")
    return int(done.stdout)


def _measure(path: Path, provider: str, threads: int) -> int:
    model = path.read_bytes()
    before = _resident("VmRSS")
    session = open_session(model, provider=provider, threads=threads)
    inputs = example_inputs(session)
    for _ in range(_RUNS):
        session.run(inputs)
    return _resident("VmHWM") - before


def _resident(field: str) -> int:
    """Returns bytes from Linux's status of this process."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    raise OSError(f"/proc/self/status: expected {field}, found none")


if __name__ == "__main__":
    print(_measure(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
