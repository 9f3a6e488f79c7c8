# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""`--precision auto` of the commands: taken and told, or refused where figures are made."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vit_perception.cli.__main__ import main
from vit_perception.images.media import write_picture

from ..bags.squares import record_squares
from ..measured import Measured
from ..toy_bundle import SQUARES, toy_picture, write_toy_int8_bundle

WORDS = "int8 13.1 ms; fp32 29.4 ms"


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def options(tmp_path: Path) -> list[str]:
    """The bundle and what is asked of it."""
    bundle = write_toy_int8_bundle(tmp_path / "toy")
    return ["--bundle", str(bundle.directory), "--precision", "auto"]


def test_detect_takes_it_once(
    tmp_path: Path, options: list[str], measured: Measured, capsys: pytest.CaptureFixture[str]
) -> None:
    picture, out = tmp_path / "a.png", tmp_path / "out"
    write_picture(picture, toy_picture(64, 96, SQUARES)[0])
    for _ in range(2):
        assert main(["detect", str(picture), "--out", str(out), *options]) == 0
        assert f"vit-perception detect: auto on cpu: {WORDS}\n" in capsys.readouterr().err
        about = json.loads((out / "run.json").read_text())
        assert (about["precision"], about["choice"]) == ("int8", WORDS)
        assert about["detections"] == 3
    assert measured.count == 1
    assert main(["detect", str(picture), "--out", str(out), *options[:2]]) == 0
    assert "auto" not in capsys.readouterr().err
    about = json.loads((out / "run.json").read_text())
    assert (about["precision"], about["choice"]) == ("fp32", "")


def test_replay_takes_it(
    tmp_path: Path, options: list[str], measured: Measured, capsys: pytest.CaptureFixture[str]
) -> None:
    bag = record_squares(tmp_path / "bag", count=2, height=64, width=96)
    assert main(["replay", str(bag), "--out", str(tmp_path / "new"), *options]) == 0
    assert f"vit-perception replay: auto on cpu: {WORDS}\n" in capsys.readouterr().err


def test_label_takes_it(
    tmp_path: Path, options: list[str], measured: Measured, capsys: pytest.CaptureFixture[str]
) -> None:
    bag = record_squares(tmp_path / "bag", count=2, height=64, width=96)
    assert main(["label", str(bag), "--out", str(tmp_path / "new"), *options]) == 0
    assert f"vit-perception label: auto on cpu: {WORDS}\n" in capsys.readouterr().err


def test_teach_takes_it(
    tmp_path: Path, options: list[str], measured: Measured, capsys: pytest.CaptureFixture[str]
) -> None:
    """This bundle cannot be taught, which is found after it was opened."""
    picture = tmp_path / "a.png"
    write_picture(picture, toy_picture(64, 96, SQUARES)[0])
    shown = ["--box", "8,0,16,16", "--name", "mug", "--out", str(tmp_path / "mine")]
    assert main(["teach", str(picture), *shown, *options]) == 2
    assert f"vit-perception teach: auto on cpu: {WORDS}\n" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["precision", "provider"])
@pytest.mark.parametrize("command", ["evaluate", "compare", "tune"])
def test_where_figures_are_made_it_is_refused(
    command: str, option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    arguments = [str(tmp_path), "--out", str(out), f"--{option}", "auto"]
    assert main([command, *arguments]) == 2
    assert capsys.readouterr().err == (
        f"vit-perception {command}: --{option}: expected the one that the figures hold for, found "
        "'auto'\n"
    )
    assert not out.exists()


def test_benchmark_wants_names(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["benchmark", *options]) == 2
    assert "expected precision fp32 or int8, found 'auto'" in capsys.readouterr().err
