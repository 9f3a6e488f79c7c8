# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""`evaluate --out`: recordings in, a folder with figures and a report out."""

from __future__ import annotations

import json
import os
import shutil
from hashlib import sha256
from pathlib import Path

import numpy as np
import onnx
import pytest
import yaml

from vit_perception.bundle.paths import find_bundle
from vit_perception.cli.__main__ import main

from ..bags.squares import record_squares
from ..evaluation.test_coco import write_dataset

ALIKE = ("metrics.json", "names.csv", "frames.csv", "errors.csv", "plan.json", "detections.mcap")
"""What has no times in it."""


@pytest.fixture(scope="module")
def bag(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return record_squares(tmp_path_factory.mktemp("bags") / "squares", count=30)


def _metrics(folder: Path) -> dict:
    return json.loads((folder / "metrics.json").read_text())


def _files(folder: Path) -> dict[str, bytes]:
    names = [*ALIKE, *(f"{each.relative_to(folder)}" for each in folder.rglob("*.[jn]p[gz]"))]
    return {name: (folder / name).read_bytes() for name in sorted(names)}


def test_a_recording_is_measured(
    bag: Path, toy_bundle_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "report"
    assert main(["evaluate", str(bag), "--bundle", str(toy_bundle_dir), "--out", str(out)]) == 0
    metrics = _metrics(out)
    (run,) = metrics["runs"]
    assert (metrics["pictures"], metrics["objects"]) == (30, 90)
    assert run["key"] == "toy.fp32"
    assert run["boxes"]["AP50"] > 0.5
    assert run["published"]["true"] + run["published"]["missed"] == 90
    assert metrics["command"] == "vit-perception evaluate squares --bundle toy --out report"
    printed = capsys.readouterr().out
    assert "30 pictures with 90 things, 3 names asked at once" in printed
    assert "toy.fp32" in printed
    page = (out / "report.html").read_text()
    assert "Evaluation of 1 run on 30 pictures" in page
    timing = json.loads((out / "timing.json").read_text())
    assert timing["frames"] == 30
    assert timing["runs"]["toy.fp32"]["session_ms"]["p50"] > 0


def test_it_is_the_same_each_time_and_resumed_and_in_processes(
    bag: Path, toy_bundle_dir: Path, tmp_path: Path
) -> None:
    other = tmp_path / "again" / "squares"
    shutil.copytree(bag, other)
    second = record_squares(tmp_path / "second", count=12)
    words = ["--bundle", str(toy_bundle_dir), "--precision", "fp32"]
    first = ["evaluate", str(bag), str(second), *words]
    assert main([*first, "--out", str(tmp_path / "a")]) == 0
    expected = _files(tmp_path / "a")
    assert main([*first, "--jobs", "2", "--out", str(tmp_path / "b")]) == 0
    assert _files(tmp_path / "b") == expected
    for path in (tmp_path / "b" / "rows").rglob("*.npz"):
        path.unlink()
        break
    again = ["evaluate", str(other), str(second), *words, "--out", str(tmp_path / "b")]
    assert main(again) == 0
    assert _files(tmp_path / "b") == expected


def test_two_bundles_are_compared(toy_bundle_dir: Path, tmp_path: Path) -> None:
    bag = record_squares(tmp_path / "squares", count=130)
    twin = tmp_path / "twin"
    shutil.copytree(toy_bundle_dir, twin)
    bundles = ["--bundle", str(toy_bundle_dir), "--bundle", str(twin)]
    assert main(["evaluate", str(bag), *bundles, "--out", str(tmp_path / "report")]) == 0
    metrics = _metrics(tmp_path / "report")
    assert [run["key"] for run in metrics["runs"]] == ["toy.fp32", "twin.fp32"]
    (difference,) = metrics["differences"]
    assert difference["verdict"] == "cannot tell"
    assert difference["AP50"]["difference"] == 0
    assert difference["AP50"]["low"] <= 0 <= difference["AP50"]["high"]


def test_a_broken_recording_is_told_and_the_others_measured(
    bag: Path, toy_bundle_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cut = record_squares(tmp_path / "cut", count=40)
    description = cut / "metadata.yaml"
    description.write_text(
        description.read_text().replace("message_count: 40", "message_count: 50")
    )
    bad = tmp_path / "bad.mcap"
    bad.write_bytes(b"no bag at all")
    out = tmp_path / "report"
    words = ["--bundle", str(toy_bundle_dir), "--out", str(out)]
    assert main(["evaluate", str(bag), str(cut), str(bad), *words]) == 1
    metrics = _metrics(out)
    sources = {source["title"]: source for source in metrics["sources"]}
    assert any("no bag" in each["damage"] for each in sources.values())
    assert metrics["pictures"] == 70
    errors = capsys.readouterr().err
    assert "bad.mcap: expected a bag file" in errors
    assert "expected 50 messages" in errors
    assert str(tmp_path) not in (out / "metrics.json").read_text()


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ([], "--out: expected a folder for the report of recordings"),
        (["--out", "OUT", "--limit", "3"], "--limit: expected without --out only"),
        (["--out", "OUT", "--rate", "2"], "--rate: expected --realtime beside it"),
        (["--out", "OUT", "--topic", "/none"], "expected image topic /none, found "),
        (["--out", "OUT", "--truth-topic", "/none"], "/none"),
        (["--out", "OUT", "--precision", "int3"], "int3"),
        (["--out", "BAG"], "expected a place outside the input"),
        (["--out", "OUT", "--score-threshold", "0"], "--score-threshold: expected 0.001 or more"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    bag: Path,
    toy_bundle_dir: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    line: str,
) -> None:
    places = {"OUT": str(tmp_path / "out"), "BAG": str(bag / "report")}
    options = [places.get(word, word) for word in words]
    assert main(["evaluate", str(bag), "--bundle", str(toy_bundle_dir), *options]) == 2
    error = capsys.readouterr().err
    assert line in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out" / "metrics.json").exists()


def test_results_do_not_depend_on_where_it_runs(
    bag: Path, toy_bundle_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = tmp_path / "odd" / os.fsdecode(b"b\xff")
    shutil.copytree(bag, odd)
    damaged = tmp_path / "odd" / "cut.mcap"
    content = next(bag.glob("*.mcap")).read_bytes()
    damaged.write_bytes(content[: len(content) // 2])
    paths, found = (bag, odd, damaged), []
    for folder in (bag.parent, tmp_path, None):
        if folder is not None:
            monkeypatch.chdir(folder)
        given = [str(each) if folder is None else os.path.relpath(each) for each in paths]
        out = tmp_path / f"out{len(found)}"
        assert main(["evaluate", *given, "--bundle", str(toy_bundle_dir), "--out", str(out)]) == 1
        found.append(_files(out))
    assert found[0] == found[1] == found[2]
    assert str(tmp_path) not in found[0]["metrics.json"].decode()


def test_a_source_that_is_there_twice_is_refused(
    bag: Path, toy_bundle_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    link = tmp_path / "link"
    link.symlink_to(bag)
    (file,) = bag.glob("*.mcap")
    words = ["--bundle", str(toy_bundle_dir), "--out", str(tmp_path / "out")]
    for other, found in ((link, "found it again"), (file, f"found its bag {bag} as well")):
        assert main(["evaluate", str(bag), str(other), *words]) == 2
        error = capsys.readouterr().err
        assert f"{other}: expected each source once, {found}" in error
        assert error.count("\n") == 1


def test_names_that_are_on_no_label_are_told(
    bag: Path, toy_bundle_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["evaluate", str(bag), "--bundle", str(toy_bundle_dir), "--names", "red, gren, blue"]
    assert main([*words, "--out", str(tmp_path / "out")]) == 0
    assert "asked for, but on no label: gren, blue\n" in capsys.readouterr().err
    assert _metrics(tmp_path / "out")["objects"] == 30


def test_labels_that_cannot_be_asked_for_are_named_with_their_source(
    bag: Path, toy_bundle_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = {
        "images": [{"id": 1, "index": 0}],
        "annotations": [],
        "categories": [{"id": 1, "name": "red\x1b[2J"}],
    }
    file = tmp_path / "truth.json"
    file.write_text(json.dumps(document))
    words = ["evaluate", str(bag), "--bundle", str(toy_bundle_dir), "--truth-file", str(file)]
    assert main([*words, "--out", str(tmp_path / "out")]) == 2
    *_, line = capsys.readouterr().err.splitlines()
    assert "squares /camera/image_raw/compressed: labels: name " in line
    assert line.endswith("it has a control character; choose what to ask for with --names")


def test_files_of_other_pictures_are_refused(
    bag: Path, toy_bundle_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["evaluate", str(bag), "--bundle", str(toy_bundle_dir), "--out", str(tmp_path / "a")]
    assert main(words) == 0
    (shard,) = (tmp_path / "a" / "rows").rglob("*.npz")
    shutil.copy(shard, shard.with_name("00000064.npz"))
    assert main(words) == 2
    assert "expected results of 30 pictures, found 60" in capsys.readouterr().err


def test_a_damaged_file_of_results_is_told_by_its_place_in_the_folder(
    bag: Path, toy_bundle_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    second, out = record_squares(tmp_path / "second", count=12), tmp_path / "out"
    words = ["evaluate", str(bag), str(second), "--bundle", str(toy_bundle_dir), "--out", str(out)]
    assert main(words) == 0
    (shard,) = (out / "rows").glob("second_*/*.npz")
    shard.write_bytes(b"no results")
    capsys.readouterr()
    assert main(words) == 1
    assert f"evaluate: {shard.relative_to(out)}: expected " in capsys.readouterr().err
    metrics = _metrics(out)
    assert metrics["pictures"] == 30
    assert metrics["sources"][1]["damage"].startswith(f"{shard.relative_to(out)}: expected ")
    assert str(tmp_path) not in (out / "metrics.json").read_text()


def test_a_recording_without_a_whole_picture_is_one_line(
    toy_bundle_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_dataset(tmp_path / "set")
    (folder / "images" / "1.jpg").write_bytes(b"no picture")
    words = ["--bundle", str(toy_bundle_dir), "--out", str(tmp_path / "out")]
    assert main(["evaluate", str(folder), *words]) == 2
    error = capsys.readouterr().err
    assert error.startswith("vit-perception evaluate: set/images/1.jpg: expected a picture, found")
    assert error.count("\n") == 1


def test_a_folder_of_another_measurement_is_refused(
    bag: Path, toy_bundle_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["evaluate", str(bag), "--bundle", str(toy_bundle_dir), "--out", str(tmp_path / "a")]
    assert main(words) == 0
    assert main([*words, "--names", "red"]) == 2
    assert "found another one: names" in capsys.readouterr().err


@pytest.mark.slow
def test_a_spoiled_bundle_is_found_worse(tmp_path: Path) -> None:
    bundle = find_bundle("")
    spoiled = tmp_path / "spoiled"
    shutil.copytree(bundle, spoiled)
    _add_noise(spoiled, "model.onnx")
    words = ["--bundle", str(bundle), "--bundle", str(spoiled), "--out", str(tmp_path / "report")]
    assert main(["evaluate", str(bundle.parents[1] / "samples" / "photos"), *words]) == 0
    (difference,) = _metrics(tmp_path / "report")["differences"]
    assert difference["verdict"] == "worse"
    assert difference["AP50"]["high"] < 0


def _add_noise(folder: Path, file: str) -> None:
    """Adds a third of their spread to the weights of all convolutions."""
    model = onnx.load(folder / file)
    chance = np.random.default_rng(0)
    for weights in model.graph.initializer:
        values = onnx.numpy_helper.to_array(weights)
        if values.ndim == 4:
            noise = chance.normal(0, values.std() / 3, values.shape).astype(values.dtype)
            weights.CopyFrom(onnx.numpy_helper.from_array(values + noise, weights.name))
    onnx.save(model, folder / file)
    manifest = yaml.safe_load((folder / "bundle.yaml").read_text())
    manifest["sha256"][file] = sha256((folder / file).read_bytes()).hexdigest()
    (folder / "bundle.yaml").write_text(yaml.safe_dump(manifest, sort_keys=False))
