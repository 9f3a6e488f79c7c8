# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What commands write: never over their input, whole or not at all, and under any name."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vit_perception.bundle.bundle import Bundle
from vit_perception.cli.__main__ import main
from vit_perception.detections import Detections
from vit_perception.evaluation.tables import format_lvis, format_tables
from vit_perception.images.media import write_picture
from vit_perception.output import lock
from vit_perception.output.lock import sole_writer_in

from ..bags.squares import record_squares
from ..small_disk import on_small_disk
from ..toy_bundle import toy_picture

FORGED = "a[/b]\n:smile: 100\x1b[2J"


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    write_picture(folder / "images" / "1.png", toy_picture(128, 192, {"red": (1, 1)})[0])
    box = {"bbox": [16, 16, 32, 32], "area": 1024, "iscrowd": 0, "part": FORGED}
    document = {
        "images": [{"id": 1, "file_name": "1.png", "width": 192, "height": 128}],
        "categories": [{"id": 1, "name": "red"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, **box}],
    }
    (folder / "annotations.json").write_text(json.dumps(document))
    return folder


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Any:
    def line(*arguments: str) -> str:
        assert main(arguments) == 2
        printed = capsys.readouterr()
        assert printed.out == "" and printed.err.count("\n") == 1
        return printed.err.removeprefix(f"vit-perception {arguments[0]}: ").rstrip("\n")

    return line


def test_metrics_do_not_replace_what_they_are_made_of(
    dataset: Path, tmp_path: Path, toy_bundle_dir: Path, refused: Any
) -> None:
    pytest.importorskip("hotcoco")
    bundle = tmp_path / "bundle"
    shutil.copytree(toy_bundle_dir, bundle)
    wordings = tmp_path / "wordings.yaml"
    wordings.write_text("other: {red: crimson}")
    link = tmp_path / "link.json"
    link.symlink_to(dataset / "images" / "1.png")
    inputs = (dataset / "annotations.json", dataset / "images" / "1.png", wordings, link)
    options = ("--bundle", str(bundle), "--wordings", str(wordings))
    for target in (*inputs, bundle / "model.onnx"):
        before = target.read_bytes()
        line = refused("evaluate", str(dataset), *options, "--json", str(target))
        assert line.startswith(f"{target}: expected a file to write, found the input ")
        assert target.read_bytes() == before


@pytest.mark.parametrize("place", ["/proc/metrics.json", ".", "{data}"])
def test_metrics_are_tried_before_the_work(dataset: Path, place: str, refused: Any) -> None:
    target = place.format(data=dataset)
    options = ("--json", target, "--bundle", "absent")
    line = refused("evaluate", str(dataset), *options)
    assert line.startswith(f"{target}: expected ") and "absent" not in line


def test_names_of_parts_and_kinds_do_not_forge_rows(
    dataset: Path, tmp_path: Path, toy_bundle_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("hotcoco")
    wordings = tmp_path / "wordings.yaml"
    wordings.write_text(json.dumps({FORGED: {"red": "cyan"}}))
    report = tmp_path / "metrics.json"
    options = ("--bundle", str(toy_bundle_dir), "--wordings", str(wordings))
    assert main(["evaluate", str(dataset), *options, "--json", str(report)]) == 0
    out = capsys.readouterr().out
    assert out.replace("\n", "").isprintable()
    rows = [line for line in out.splitlines() if "smile" in line]
    assert rows and all(line.startswith(ascii(FORGED)) for line in rows)
    metrics = json.loads(report.read_text())
    assert FORGED in metrics["parts"] and FORGED in metrics["wordings"]
    metrics["dataset"] = metrics["bundle"] = FORGED
    assert format_tables(metrics).replace("\n", "").isprintable()
    head = {"names": 1, "objects": 1, "measured": {"r": 1, "c": 1, "f": 1}}
    figures = dict.fromkeys(("AP", "AP50", "AP75", "APr", "APc", "APf"), 0.5)
    lvis = {**metrics, **head, "AP": figures, "fixed_AP": figures}
    assert format_lvis(lvis).replace("\n", "").isprintable()


def test_a_vocabulary_does_not_replace_its_input(
    tmp_path: Path, toy_bundle_dir: Path, refused: Any
) -> None:
    bundle = tmp_path / "bundle"
    shutil.copytree(toy_bundle_dir, bundle)
    names = tmp_path / "names.txt"
    names.write_text("red\n")
    options = ("--bundle", str(bundle), "--names-file", str(names), "--out")
    for target in (names, bundle / "vocabulary.npz", bundle / "bundle.yaml"):
        line = refused("vocabulary", *options, str(target))
        assert line.startswith(f"{target}: expected a file to write, found the input ")
    assert names.read_text() == "red\n"
    Bundle.load(bundle)
    line = refused("vocabulary", *options, "/proc/a.npz")
    assert line.startswith("/proc/a.npz: expected to write here, found ")


def test_a_benchmark_writes_over_nothing_else(
    tmp_path: Path, toy_bundle_dir: Path, refused: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("matplotlib")
    options = ("benchmark", "--bundle", str(toy_bundle_dir), "--rounds", "1", "--out")
    line = refused(*options, "/proc/out")
    assert line.startswith("/proc/out/benchmark.json: expected to write here, found ")
    out = tmp_path / "out"
    out.mkdir()
    for name in ("benchmark.png", "benchmark.json"):
        (out / name).write_text("[1]")
        assert refused(*options, str(out)) == (
            f"{out}/{name}: expected the file of an earlier benchmark, found another"
        )
    for name in os.listdir(out):
        (out / name).unlink()
    monkeypatch.setattr(lock, "PATIENCE", 0.1)
    with sole_writer_in(out):
        assert "expected one writer" in refused(*options, str(out))
    for _ in range(2):
        assert main([*options, str(out)]) == 0
    assert sorted(os.listdir(out)) == ["benchmark.json", "benchmark.png"]


def test_a_replay_does_not_write_into_its_bag(
    tmp_path: Path, toy_bundle_dir: Path, refused: Any
) -> None:
    bag = record_squares(tmp_path / "bag", count=1, height=64, width=96)
    (tmp_path / "link").symlink_to(bag)
    files = sorted(os.listdir(bag))
    for out in (bag, bag / "new", bag / "a" / "b", tmp_path / "link" / "new"):
        line = refused("replay", str(bag), "--bundle", str(toy_bundle_dir), "--out", str(out))
        assert line == f"{out}: expected a place outside the input {bag}, found one inside"
    assert sorted(os.listdir(bag)) == files


@pytest.mark.ros
def test_a_demo_writes_over_nothing_else(tmp_path: Path, refused: Any) -> None:
    bag = record_squares(tmp_path / "bag", count=1, height=64, width=96)
    line = refused("demo", "--bag", str(bag), "--out", str(bag / "seen"), "--non-interactive")
    assert line == f"{bag}/seen: expected a place outside the input {bag}, found one inside"
    video = tmp_path / "detections.mp4"
    video.touch()
    line = refused("demo", "--bag", str(bag), "--out", str(tmp_path), "--non-interactive")
    assert line == (f"{video}: expected no such file or one of an earlier demo, found another")
    line = refused("demo", "--bag", str(bag), "--out", "/proc/seen", "--non-interactive")
    assert line.startswith("/proc/seen/detector.yaml: expected to write here, found ")


def test_a_full_disk_is_one_line(dataset: Path, tmp_path: Path, toy_bundle_dir: Path) -> None:
    disk = tmp_path / "disk"
    bundle = ("--bundle", str(toy_bundle_dir))
    commands = {
        "metrics.json": ("4k", "evaluate", str(dataset), *bundle, "--json"),
        "names.npz": ("4k", "vocabulary", "--names", "red", *bundle, "--out"),
        "out": ("8k", "benchmark", *bundle, "--rounds", "1", "--out"),
    }
    for name, (size, *command) in commands.items():
        target = disk / name
        done = on_small_disk(
            disk, size, "-c",
            "import sys; from pathlib import Path; from vit_perception.cli.__main__ import main;"
            f"Path({str(disk / 'fill')!r}).write_bytes(bytes(4096)); sys.exit(main(sys.argv[1:]))",
            *command, str(target),
        )  # fmt: skip
        assert done.code == 2, done
        assert done.stderr.count("\n") == 1
        assert f"{target}" in done.stderr and "No space left on device" in done.stderr
        assert set(done.left) <= {"fill", "out"}


def test_names_are_no_markup_in_tables(
    tmp_path: Path, toy_bundle_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from vit_perception.cli.benchmark_candidates import Candidate, Row
    from vit_perception.cli.benchmark_report import print_table
    from vit_perception.cli.demo_pictures import Pictures
    from vit_perception.cli.demo_report import print_pictures

    name = "x[/b]:smile:"
    nothing = Detections(
        np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64), (name,), 1
    )
    print_pictures(Pictures([Path(FORGED)], photographs={name: ((name,), nothing)}))
    print_table([Row(Candidate(name, "fp32", b"", (1, 1)), 1, 1, 1, 1, 1)], None)
    out = capsys.readouterr().out
    assert out.count(name) == 4
    assert "\x1b" not in out
