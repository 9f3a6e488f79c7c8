# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The example runs as its first lines say."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "python_api.py"


def test_the_example_finds_something_on_the_picture_that_it_names() -> None:
    [line] = [
        line for line in EXAMPLE.read_text(encoding="utf-8").splitlines() if "python " in line
    ]
    _, *words = shlex.split(line)
    result = subprocess.run(
        [sys.executable, *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    first, *_, last = result.stdout.splitlines()
    assert "detections with masks" in first
    assert not first.startswith("<0")
    [entry] = json.loads(last)
    assert {"image_id", "category", "bbox", "score", "segmentation"} <= entry.keys()


def test_without_arguments_it_says_how_to_call_it() -> None:
    result = subprocess.run(
        [sys.executable, EXAMPLE], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 1
    assert "python examples/python_api.py" in result.stderr
