# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The engines keep no device id and send nothing, unless the user has chosen otherwise."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SESSION = """
import sys
from pathlib import Path
from vit_perception.engine.factory import open_session
open_session(Path(sys.argv[1]).read_bytes(), provider=sys.argv[2], threads=1)
"""
VARIABLE = "import vit_perception, os; print(os.environ['ORT_DISABLE_TELEMETRY'])"


def run(code: str, home: Path, *arguments: str, **variables: str) -> str:
    """The output of a Python without this process's variables; CI's alone silence telemetry."""
    home.mkdir()
    environment = {"HOME": str(home), "TMPDIR": str(home), "PYTHONPATH": str(ROOT)} | variables
    command = [sys.executable, "-B", "-c", code, *arguments]
    return subprocess.run(
        command, env=environment, check=True, capture_output=True, text=True
    ).stdout


@pytest.mark.parametrize("provider", ["cpu", "openvino"])
def test_a_session_leaves_nothing_at_home(
    provider: str, toy_bundle_dir: Path, tmp_path: Path
) -> None:
    if provider == "openvino" and find_spec("openvino") is None:
        pytest.skip("the package openvino is not installed")
    graph = next(toy_bundle_dir.glob("*.onnx"))
    run(SESSION, tmp_path / "home", str(graph), provider)
    assert list((tmp_path / "home").rglob("*")) == []


@pytest.mark.parametrize("choice", ["0", "1", ""])
def test_a_choice_of_the_user_stays(choice: str, tmp_path: Path) -> None:
    printed = run(VARIABLE, tmp_path / "home", ORT_DISABLE_TELEMETRY=choice)
    assert printed == f"{choice}\n"


@pytest.mark.parametrize(
    "module",
    [
        "vit_perception.cli.benchmark_report",
        "vit_perception.compression.quantization.qdq",
        "vit_perception.engine.onnxruntime",
    ],
)
def test_it_is_off_before_any_module_imports_the_runtime(module: str, tmp_path: Path) -> None:
    code = f"import {module}, onnxruntime; onnxruntime.InferenceSession"
    run(code, tmp_path / "home")
    assert list((tmp_path / "home").rglob("*")) == []
