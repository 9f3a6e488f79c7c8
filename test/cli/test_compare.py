# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""`vit-perception compare`: two runs on a recording without labels."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from vit_perception.bundle.samples import sample_bag
from vit_perception.cli.__main__ import main

from ..bags.recordings import jpeg, record_compressed
from ..bags.squares import record_squares
from ..toy_bundle import write_toy_segmentation_bundle

NAMES = ("--names", "red, green, cyan")


def compare(*options: object) -> int:
    return main(["compare", *map(str, options)])


def figures(out: Path) -> dict:
    return json.loads((out / "agreement.json").read_text())


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path]:
    """Two folders of one bundle with masks; the second publishes less."""
    first = tmp_path / "first"
    write_toy_segmentation_bundle(first)
    write_toy_segmentation_bundle(tmp_path / "second", score_threshold=0.995)
    return first, tmp_path / "second"


def test_copies_of_a_bundle_agree(
    tmp_path: Path, two: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    first, _ = two
    copy = Path(shutil.copytree(first, tmp_path / "copy"))
    bag, out = record_squares(tmp_path / "bag", 70, height=64, width=96), tmp_path / "out"
    assert compare(bag, "--bundle", first, "--bundle", copy, "--out", out, *NAMES) == 0
    found = figures(out)
    assert found["agreement"]["value"] == 1.0
    assert found["masks"]["iou"] == 1.0
    assert found["differ_most"] == []
    assert [run["bundle"] for run in found["runs"]] == ["first", "copy"]
    assert found["command"] == (
        "vit-perception compare bag --bundle first --bundle copy --precision fp32 "
        "--names 'red, green, cyan' --out agreement"
    )
    told = capsys.readouterr().out
    assert "copy fp32 and first fp32 agree in 1.000 of what they publish" in told
    assert f"-> {out / 'report.html'}" in told
    assert str(tmp_path) not in (out / "agreement.json").read_text()


def test_thresholds_are_those_of_a_robot_and_the_report_shows_where_they_matter(
    tmp_path: Path, two: tuple[Path, Path]
) -> None:
    bag, out = record_squares(tmp_path / "bag", count=4), tmp_path / "out"
    options = ("--bundle", two[0], "--bundle", two[1], "--out", out, *NAMES)
    assert compare(bag, *options) == 0
    found = figures(out)
    assert (found["boxes"]["a"], found["boxes"]["b"]) == (12, 0)
    assert found["agreement"]["value"] == 0
    assert len(found["differ_most"]) == 4
    assert (out / "report.html").read_text().count("data:image/jpeg") == 4
    # Thresholds that are given hold for both.
    assert compare(bag, *options[:4], "--out", tmp_path / "same", *NAMES, "--score", "0.6") == 0
    assert figures(tmp_path / "same")["agreement"]["value"] == 1


def test_it_goes_on_where_it_was_ended_and_writes_the_same(
    tmp_path: Path, two: tuple[Path, Path]
) -> None:
    bag, out = record_squares(tmp_path / "bag", 70, height=64, width=96), tmp_path / "out"
    options = (bag, "--bundle", two[0], "--bundle", two[1], *NAMES)
    assert compare(*options, "--out", out) == 0
    shards = sorted((out / "rows").rglob("*.npz"))
    before = shards[0].stat().st_mtime_ns
    first = {name: (out / name).read_bytes() for name in ("agreement.json", "report.html")}
    shards[1].unlink()
    (out / "agreement.json").unlink()
    assert compare(*options, "--out", out) == 0
    assert shards[0].stat().st_mtime_ns == before
    assert {name: (out / name).read_bytes() for name in first} == first
    # Results of others are not taken for those of these pictures.
    stray = shards[0].with_name("00000128.npz")
    shutil.copyfile(shards[0], stray)
    assert compare(*options, "--out", out) == 2
    stray.unlink()
    # Another question is not mixed with it.
    assert compare(bag, "--bundle", two[0], "--bundle", two[1], "--out", out) == 2


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ((), "expected two runs, of two --bundle or of two precisions"),
        (("--bundle", "first", "--bundle", "first"), "found 1: first.fp32"),
        (
            ("--bundle", "first", "--bundle", "second", "--score-threshold", "0.0001"),
            "--score-threshold: expected 0.001 or more, as detections below are not kept",
        ),
        (("bag", "--bundle", "first", "--bundle", "second"), "expected each source once"),
        (("--precision", "fp32,int8"), "int8"),
        (("--bundle", "absent", "--bundle", "first"), "absent"),
    ],
)
def test_what_cannot_be_compared_is_told_in_one_line(
    tmp_path: Path,
    two: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: tuple[str, ...],
    line: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    record_squares(tmp_path / "bag", count=1)
    given = options if "--bundle" in options else ("--bundle", "first", *options)
    assert compare("bag", *given, "--out", "out") == 2
    told = capsys.readouterr().err
    assert line in told
    assert len(told.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_broken_images_and_bags_are_told_and_the_rest_is_compared(
    tmp_path: Path, two: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    bag = record_compressed(tmp_path / "bag", [jpeg(0), b"\xff\xd8\xff broken", jpeg(2)])
    (tmp_path / "none.mcap").write_bytes(b"nothing")
    bundles = ("--bundle", two[0], "--bundle", two[1])
    assert compare(bag, tmp_path / "none.mcap", *bundles, "--out", tmp_path / "out") == 1
    found = figures(tmp_path / "out")
    assert found["frames"] == 2
    assert found["sources"][0]["left_out"] == {"jpeg": 1}
    assert "expected a bag file" in found["sources"][1]["damage"]
    told = capsys.readouterr().err
    assert "left out" in told and "expected a bag file" in told
    empty = record_compressed(tmp_path / "empty", [b"\xff\xd8\xff broken"])
    assert compare(empty, *bundles, "--out", tmp_path / "nothing") == 2
    assert "expected pictures to compare on, found none" in capsys.readouterr().err


def test_inputs_are_not_written_into(tmp_path: Path, two: tuple[Path, Path]) -> None:
    bag = record_squares(tmp_path / "bag", count=1)
    bundles = ("--bundle", two[0], "--bundle", two[1])
    for out in (bag / "out", two[0] / "out"):
        assert compare(bag, *bundles, "--out", out) == 2
        assert not out.exists()


def test_names_of_files_may_have_bytes_that_are_no_text(
    tmp_path: Path, two: tuple[Path, Path]
) -> None:
    bag = record_squares(tmp_path / "b\udcffg", count=1)
    first = two[0].rename(tmp_path / "f\udcff")
    bundles = ("--bundle", first, "--bundle", two[1])
    assert compare(bag, *bundles, "--out", tmp_path / "out") == 0
    found = figures(tmp_path / "out")
    assert found["sources"][0]["title"].startswith(r"'b\udcffg'")
    assert found["runs"][0]["bundle"] == r"'f\udcff'"


@pytest.mark.slow
def test_precisions_of_the_released_bundle_agree_on_the_sample_recording(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert compare(sample_bag(), "--precision", "fp32,int8", "--out", out) == 0
    found = figures(out)
    assert found["frames"] == 60
    assert found["agreement"]["value"] > 0.9
    assert found["masks"]["iou"] > 0.9
    assert (out / "report.html").stat().st_size < 5_000_000
