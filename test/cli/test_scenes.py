# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from vit_perception.cli.__main__ import main


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--size", "416"),
        ("--size", "10x10"),
        ("--objects", "5-3"),
        ("--count", "0"),
        ("--workers", "0"),
        ("--seed", "-1"),
    ],
)
def test_an_option_that_cannot_be_used_is_named(
    option: str, value: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["scenes", "--assets", str(tmp_path), "--out", str(tmp_path / "out")]
    assert main([*words, f"{option}={value}"]) == 2
    error = capsys.readouterr().err
    assert option in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_folder_without_assets_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["scenes", "--assets", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert "meta.json" in error
    assert error.count("\n") == 1
