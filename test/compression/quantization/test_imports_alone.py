# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Each room can be the first that a program imports, beside any build of torchvision."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("torch")
pytestmark = pytest.mark.torch


@pytest.mark.parametrize("module", ["methods.quantize", "methods.repq", "simulation.wrapped"])
def test_it_can_be_imported_first(module: str) -> None:
    name = f"vit_perception.compression.quantization.{module}"
    done = subprocess.run(
        [sys.executable, "-c", f"import {name}"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
