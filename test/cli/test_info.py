# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from vit_perception.cli.__main__ import main

from ..bags.squares import record_squares


def test_a_bundle(toy_bundle_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(toy_bundle_dir), "--names"]) == 0
    text = capsys.readouterr().out
    for part in ("toy", "96x64 px", "red, green, blue", "score 0.6", "AP50", "model.onnx"):
        assert part in text
    assert text.splitlines()[-1] == "cyan"


def test_a_bag(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bag = record_squares(tmp_path / "bag", count=2, height=64, width=96)
    assert main(["info", str(bag)]) == 0
    assert "2  /ground_truth  [vision_msgs/msg/Detection2DArray]" in capsys.readouterr().out


def test_the_installation(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info"]) == 0
    assert "CPUExecutionProvider" in capsys.readouterr().out
