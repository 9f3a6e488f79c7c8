# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from vit_perception.bundle.bundle import Bundle
from vit_perception.cli.__main__ import main
from vit_perception.cli.quantize import add_arguments
from vit_perception.compression.gate.gate import BUDGET, MAX_DROP
from vit_perception.compression.quantization.method_names import METHODS

from ..compression.deep_toy import deep_toy_graph, write_squares
from ..small_disk import on_small_disk
from ..toy_bundle import write_toy_bundle


@pytest.fixture
def source(tmp_path: Path) -> Path:
    write_toy_bundle(tmp_path / "toy", graphs={"fp32": deep_toy_graph("relu")})
    return tmp_path / "toy"


def test_a_graph_is_added_and_shown(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = write_squares(tmp_path / "data", 4), tmp_path / "out"
    arguments = ["quantize", str(source), "--data", str(data), "--out", str(out)]
    assert main([*arguments, "--count", "3", "--method", "minmax"]) == 0
    said = capsys.readouterr()
    report = tmp_path / "out-report"
    assert said.out.endswith(f"-> {out}, {report / 'report.html'}\n")
    figures = json.loads((report / "quantization.json").read_text())
    assert figures["convolutions"] == {"fewer_bits": 3, "all": 4}
    assert figures["pictures"] == 3 and figures["limit"] == 0.05
    assert figures["drop"] == round(1 - figures["chosen"]["agreement"], 6) <= 0.05
    assert f"{figures['chosen']['agreement']:.4f}" in said.out
    assert "3 of 3 layers are in eight bits" in (report / "report.html").read_text()
    assert list(Bundle.load(out).graphs) == ["fp32", "int8"]
    assert main(["info", str(out)]) == 0
    assert "fp32: model.onnx, int8: model.int8.onnx" in capsys.readouterr().out
    picture = data / "images" / "000.png"
    found = tmp_path / "found"
    detect = ["detect", str(picture), "--bundle", str(out), "--out", str(found)]
    assert main([*detect, "--precision", "int8"]) == 0


def test_the_methods_told_are_those_that_there_are() -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    told = next(action for action in parser._actions if action.dest == "method")
    assert all(method in str(told.help) for method in METHODS)
    assert told.type is not None
    assert [told.type(method) for method in METHODS] == list(METHODS)  # type: ignore[operator]


@pytest.mark.torch
def test_a_method_of_a_paper_runs_on_the_network_of_a_bundle(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch")
    from ..export.test_detector import small_bundle

    small_bundle(tmp_path / "small", prototypes=8)
    data, out = write_squares(tmp_path / "data", 3), tmp_path / "out"
    arguments = ["quantize", str(tmp_path / "small"), "--data", str(data), "--out", str(out)]
    assert main([*arguments, "--method", "mse", "--max-drop", "1"]) == 0
    assert (
        "60 of 60 layers are in eight bits, by mse; 60 layers have what" in capsys.readouterr().out
    )
    card = (out / "MODEL_CARD.md").read_text()
    assert "ranges by percentile over 3 pictures of data; 60 of 60 layers by mse" in card


def test_the_limits_told_are_those_that_hold() -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    told = {action.dest: action for action in parser._actions}
    limits = f"AP ({MAX_DROP[True]}) or, without labels, agreement ({MAX_DROP[False]})"
    assert limits in str(told["max_drop"].help)
    assert told["budget"].default == BUDGET and f"({BUDGET})" in str(told["budget"].help)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"--data": "absent"},
            "absent: expected a bag, a data set or a folder of pictures, found no such file",
        ),
        ({"--data": "empty"}, "expected pictures or videos"),
        (
            {"--precision-name": "fp32"},
            "precision name: expected at most 40 of a-z, 0-9",
        ),
        ({"--out": "data"}, "data: expected a bundle or an empty folder to replace"),
        ({"--method": "mse"}, "expected weights.safetensors in the bundle"),
    ],
)
def test_what_cannot_be_is_one_line(
    source: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    changes: dict[str, str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    write_squares(Path("data"), 1)
    Path("empty").mkdir()
    options = {"--data": "data", "--out": "out", **changes}
    assert (
        main(["quantize", str(source), *(part for pair in options.items() for part in pair)]) == 2
    )
    said = capsys.readouterr().err
    assert said.startswith("vit-perception quantize: ")
    assert message in said
    assert said.count("\n") == 1
    assert not Path("out").exists()


@pytest.mark.parametrize("place", ["out", "temporary files"])
def test_a_full_disk_is_one_line_and_leaves_nothing(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    disk = tmp_path / "disk"
    out = disk / "out"
    named: Path = out
    if place != "out":
        monkeypatch.setenv("TMPDIR", str(disk))
        out, named = tmp_path / "out", disk
    data = write_squares(tmp_path / "data", 2)
    outcome = on_small_disk(
        disk, "12k", "-m", "vit_perception.cli",
        "quantize", str(source), "--data", str(data), "--out", str(out),
    )  # fmt: skip
    assert outcome.code == 2
    assert outcome.stderr.startswith(f"vit-perception quantize: {named}: expected to write ")
    assert outcome.stderr.count("\n") == 1
    # What was measured stays, for the next attempt.
    assert {Path(each).parts[0] for each in outcome.left} <= {"out-report"}
    assert not (tmp_path / "out").exists()
