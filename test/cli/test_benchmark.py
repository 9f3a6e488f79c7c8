# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""`vit-perception benchmark`."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import pytest

from vit_perception.cli.__main__ import main
from vit_perception.cli.benchmark_candidates import Candidate, Row
from vit_perception.cli.benchmark_report import draw, front


def row(name: str, p50: float, accuracy: float | None, precision: str = "fp32") -> Row:
    return Row(Candidate(name, precision, b"", (64, 64), accuracy=accuracy), p50, p50, p50, 1.0, 0)


def test_a_bundle_needs_no_torch(
    toy_bundle_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    arguments = ["benchmark", "--bundle", str(toy_bundle_dir), "--rounds", "2", "--threads", "1"]
    assert main([*arguments, "--out", str(out), "--budget-ms", "1e9"]) == 0
    said = capsys.readouterr().out
    assert "1 threads, batch 1" in said and "within 1e+09 ms: 1 of 1." in said
    content = json.loads((out / "benchmark.json").read_text())
    (found,) = content["rows"]
    assert (found["precision"], found["ratio"], content["rounds"]) == ("fp32", 1.0, 2)
    assert 0 < found["min_ms"] <= found["p50_ms"] <= found["p95_ms"]
    assert found["memory_bytes"] > 0


@pytest.mark.torch
def test_backbones_with_a_reference(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch")
    arguments = ["benchmark", "--backbones", "shvit_s1", "--size", "64x96", "--rounds", "1"]
    arguments += ["--precision", "fp32", "--precision", "int8", "--threads", "1"]
    assert main([*arguments, "--out", str(tmp_path)]) == 0
    rows = {
        (each["name"], each["precision"]): each
        for each in json.loads((tmp_path / "benchmark.json").read_text())["rows"]
    }
    assert set(rows) == {
        (name, precision)
        for name in ("mobilenetv4_conv_small", "shvit_s1")
        for precision in ("fp32", "int8")
    }
    assert rows["mobilenetv4_conv_small", "fp32"]["ratio"] == 1.0
    shvit = rows["shvit_s1", "fp32"]
    assert shvit["size"] == [64, 96] and shvit["published_top1"] == 72.8 and shvit["front"]
    assert 5e6 < shvit["parameters"] < 6.4e6
    picture = cv2.imread(str(tmp_path / "benchmark.png"))
    assert picture.shape[0] > 500 and (picture != 255).any()
    assert "nothing faster has that published accuracy" in capsys.readouterr().out


@pytest.mark.torch
@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ([], "expected --bundle or --backbones, found neither"),
        (["--backbones", "yolo"], "backbone: expected one of "),
        (["--backbones", "shvit", "--precision", "fp16"], "expected fp32 or int8, found 'fp16'"),
        (["--bundle", "nowhere"], "nowhere"),
    ],
)
def test_mistakes(arguments: list[str], line: str, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch")
    assert main(["benchmark", *arguments]) == 2
    said = capsys.readouterr().err
    assert line in said and said.count("\n") == 1


def test_a_size_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["benchmark", "--backbones", "shvit", "--size", "big"])
    said = capsys.readouterr().err
    assert "expected HEIGHTxWIDTH of 32 to 8192 in steps of 1, found 'big'" in said


def test_the_front_is_of_one_precision() -> None:
    rows = [row("a", 5, 70.0), row("b", 9, 69.0), row("a", 3, 70.0, "int8"), row("c", 1, None)]
    assert front(rows) == {"a fp32", "a int8"}


def test_names_do_not_lie_on_each_other(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    rows = [row(f"a_long_name_{n}", 10 + n % 3 * 0.1, 75 + n * 0.05) for n in range(30)]
    draw(rows, {"a_long_name_0 fp32"}, tmp_path / "many.png")
    assert (tmp_path / "many.png").stat().st_size > 10_000
