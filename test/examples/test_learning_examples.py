# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The examples that train small networks run as their first lines say."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")

pytestmark = [pytest.mark.torch, pytest.mark.slow]
ROOT = Path(__file__).resolve().parents[2]


def said(name: str) -> str:
    """Returns what an example prints."""
    result = subprocess.run(
        [sys.executable, f"examples/{name}.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_textures_are_told_apart_with_fewer_frequencies() -> None:
    figures = re.findall(r"([\d.]+) M multiply-adds +(\d+)% right", said("texture_classes"))
    costs, right = zip(*((float(cost), int(share)) for cost, share in figures), strict=True)
    assert costs[0] > costs[1] > costs[2]
    assert min(right) > 60
    assert right[1] >= right[0]


def test_what_lies_far_apart_is_compared_through_latents() -> None:
    text = said("far_apart")
    right = [int(share) for share in re.findall(r"(\d+)% right", text)]
    assert right[0] < 75 < 90 < right[1]
    assert "without it there are 12 groups of 16 tokens" in text


def test_what_is_held_is_not_forgotten() -> None:
    found = re.findall(
        r"(\d+)% of characters wrong, names (\d+)% of shapes", said("learn_to_read")
    )
    (alone, forgotten), (held, kept) = ((int(x), int(y)) for x, y in found)
    assert max(alone, held) < 20
    assert forgotten < 70 < 90 < kept
