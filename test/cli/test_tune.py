# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""`vit-perception tune` on pictures that the toy detector half knows, and on bags."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
import yaml

from vit_perception.bundle.bundle import Bundle
from vit_perception.bundle.samples import COMPRESSED_TOPIC
from vit_perception.cli.__main__ import main
from vit_perception.frame import Frame
from vit_perception.parameters.detector import DetectorParameters, validate
from vit_perception.perceiver.perceiver import Perceiver

from ..bags.foreign import change_metadata, information
from ..bags.recordings import record_raw
from ..bags.squares import record_squares
from ..evaluation.tuning.pale import pictures, write_pictures

pytest.importorskip("hotcoco")
pytest.importorskip("optuna")


@pytest.fixture(scope="module")
def pale(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of labelled pictures; do not write into it."""
    return write_pictures(tmp_path_factory.mktemp("data") / "pale")


def arguments(source: Path, bundle: Path, out: Path, *words: str) -> list[str]:
    return ["tune", str(source), "--bundle", str(bundle), "--out", str(out), *words]


def parameters(file: Path) -> DetectorParameters:
    return validate(yaml.safe_load(file.read_text())["/**"]["ros__parameters"])


def test_thresholds_that_are_better_are_written(
    pale: Path, toy_bundle_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new" / "tuned.yaml"
    assert main(arguments(pale, toy_bundle_dir, out)) == 0
    told = capsys.readouterr()
    assert told.err == ""
    assert "pictures: 14 to choose on, 6 held out with 12 objects; 3 names" in told.out
    assert "\nBetter: F1 on the held-out pictures is 0.800 in place of 0.500" in told.out
    text = out.read_text()
    values = yaml.safe_load(text)["/**"]["ros__parameters"]
    assert set(values) == {"score_threshold", "iou_threshold"}
    assert 0.14 <= values["score_threshold"] <= 0.42
    comments = [line for line in text.splitlines() if line.startswith("#")]
    assert comments[1] == ("# vit-perception tune pale --bundle toy --out tuned.yaml")
    digest = Bundle.load(toy_bundle_dir).sha256["model.onnx"]
    assert f"# bundle: toy, fp32, sha256 of the graph {digest}" in comments
    assert comments[-1].startswith("# Better: F1 on the held-out pictures is 0.800")
    assert str(tmp_path) not in text


def test_names_that_the_node_does_not_look_for_by_itself_are_told(
    pale: Path, toy_bundle_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = Path(shutil.copytree(pale, tmp_path / "pale"))
    document = json.loads((source / "annotations.json").read_text())
    used = {each["category_id"] for each in document["annotations"]}
    kept = [each for each in document["categories"] if each["id"] in used]
    (source / "annotations.json").write_text(json.dumps({**document, "categories": kept}))
    line = (
        "the figures hold for the names that are labelled: red, blue; the node looks for the 3 of "
        "the bundle, unless its vocabulary is set, as --names does in this file"
    )
    out = tmp_path / "tuned.yaml"
    assert main(arguments(source, toy_bundle_dir, out)) == 0
    assert capsys.readouterr().out.startswith(f"{line}\n")
    assert f"# {line}\n" in out.read_text()
    assert parameters(out).vocabulary == ()
    assert main(arguments(source, toy_bundle_dir, out, "--names", "red, blue")) == 0
    assert line not in capsys.readouterr().out
    assert parameters(out).vocabulary == ("red", "blue")


def test_the_file_gives_the_figures_that_it_tells(
    pale: Path, toy_bundle_dir: Path, tmp_path: Path
) -> None:
    """With what the node makes of the file, on the held-out pictures."""
    out = tmp_path / "tuned.yaml"
    words = ("--per-class", "--names", "red, blue, green", "--parameter", "score_threshold")
    assert main(arguments(pale, toy_bundle_dir, out, *words)) == 0
    loaded = parameters(out)
    assert loaded.vocabulary == ("red", "blue", "green")
    assert len(loaded.class_thresholds) == 2
    counted = re.search(r"# held out, found: .*\((\d+) true, (\d+) false", out.read_text())
    assert counted is not None
    bundle = Bundle.load(toy_bundle_dir)
    perceiver = Perceiver(bundle, settings=loaded.settings(), threads=1)
    found = [perceiver(Frame(sample.frame.image)) for sample in pictures(20)[14:]]
    assert sum(map(len, found)) == sum(map(int, counted.groups()))


def test_the_same_words_write_the_same_bytes(
    pale: Path, toy_bundle_dir: Path, tmp_path: Path
) -> None:
    out = tmp_path / "tuned.yaml"
    written = []
    for _ in range(2):
        assert main(arguments(pale, toy_bundle_dir, out, "--per-class", "--trials", "30")) == 0
        written.append(out.read_bytes())
    assert written[0] == written[1]


def test_what_may_be_no_better_is_written_only_if_asked_for(
    toy_bundle_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bag = record_squares(tmp_path / "bag", count=20)
    out = tmp_path / "tuned.yaml"
    words = arguments(bag, toy_bundle_dir, out, "--names", "red, green", "--trials", "0")
    assert main(words) == 1
    told = capsys.readouterr().out
    assert "No better: " in told
    assert told.endswith("no file is written; --anyway writes it\n")
    assert not out.exists()
    assert main([*words, "--anyway", "--class-agnostic-nms", "--max-detections", "9"]) == 0
    loaded = parameters(out)
    assert (loaded.score_threshold, loaded.iou_threshold) == (0.6, 0.3)
    assert loaded.class_agnostic_nms
    assert loaded.max_detections == 9
    assert "# data: bag_camera_image_raw_compressed\n" in out.read_text()


def test_what_is_left_of_a_damaged_bag_is_used(
    toy_bundle_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bag = record_squares(tmp_path / "bag", count=40)
    topics = information(bag)["topics_with_message_count"]
    assert isinstance(topics, list)
    for each in topics:
        each["message_count"] += 3 * (each["topic_metadata"]["name"] == COMPRESSED_TOPIC)
    change_metadata(bag, topics_with_message_count=topics)
    out = tmp_path / "tuned.yaml"
    words = arguments(bag, toy_bundle_dir, out, "--names", "red, green", "--trials", "0")
    assert main([*words, "--anyway"]) == 2
    told = capsys.readouterr()
    assert f"expected 43 messages on {COMPRESSED_TOPIC}, found 40" in told.err
    assert str(tmp_path) not in told.err
    assert "held out" in told.out
    assert parameters(out).score_threshold == 0.6


def test_present_settings_are_compared_with(
    pale: Path, toy_bundle_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "tuned.yaml"
    words = (
        "--score-threshold",
        "0.05",
        "--iou-threshold",
        "0.4",
        "--parameter",
        "score_threshold",
    )
    assert main(arguments(pale, toy_bundle_dir, out, *words)) == 0
    assert "present: score_threshold 0.05, iou_threshold 0.4" in capsys.readouterr().out
    assert parameters(out).iou_threshold == 0.4
    assert "--score-threshold 0.05 --iou-threshold 0.4 --out tuned.yaml" in out.read_text()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--metric", "map"], "--metric: expected f1, ap or recall@precision=P with P above 0"),
        (["--metric", "recall@precision=2"], "found 'recall@precision=2'"),
        (["--parameter", "max_age"], "--parameter: expected score_threshold or iou_threshold"),
        (["--metric", "ap", "--per-class"], "--per-class: expected f1 or recall@precision=P"),
        (["--names", ""], "names: expected at least one"),
        (["--names-file", "absent.txt"], "absent.txt"),
        (["--truth-file", "absent.json"], "absent.json"),
        (["--precision", "int8"], "expected precision fp32, found 'int8'"),
        (["--out", "."], ".: expected a file, found a folder"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(
    words: list[str],
    told: str,
    pale: Path,
    toy_bundle_dir: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "tuned.yaml"
    assert main(arguments(pale, toy_bundle_dir, out, *words)) == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1
    assert not out.exists()


def test_recordings_without_labels_are_for_other_commands(
    toy_bundle_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bag = record_raw(tmp_path / "bag", 12)
    out = tmp_path / "tuned.yaml"
    for words in ([], ["--names", "red"]):
        assert main(arguments(bag, toy_bundle_dir, out, *words)) == 2
        error = capsys.readouterr().err
        assert "expected pictures with labels, found none; 'compare'" in error
        assert str(tmp_path) not in error


def test_inputs_are_not_written_over(
    pale: Path, toy_bundle_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = tmp_path / "names.txt"
    names.write_text("red\nblue\n")
    for file in (pale / "annotations.json", toy_bundle_dir / "bundle.yaml", names):
        before = file.read_bytes()
        assert main(arguments(pale, toy_bundle_dir, file, "--names-file", str(names))) == 2
        error = capsys.readouterr().err
        assert ("a file to write" if file == names else "a place outside the input") in error
        assert file.read_bytes() == before
    for folder in (pale / "images", toy_bundle_dir):
        assert main(arguments(pale, toy_bundle_dir, folder / "tuned.yaml", "--anyway")) == 2
        assert "expected a place outside the input" in capsys.readouterr().err
        assert not (folder / "tuned.yaml").exists()


def test_names_that_cannot_be_found_are_told_as_evaluate_does(
    pale: Path, toy_bundle_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "tuned.yaml"
    assert main(arguments(pale, toy_bundle_dir, out, "--names", "red, bleu")) == 0
    assert "asked for, but on no label: bleu\n" in capsys.readouterr().err
    source = Path(shutil.copytree(pale, tmp_path / "pale"))
    document = json.loads((source / "annotations.json").read_text())
    document["categories"].append({"id": 99, "name": "green\x1b[2J"})
    (source / "annotations.json").write_text(json.dumps(document))
    assert main(arguments(source, toy_bundle_dir, out)) == 2
    assert "pale: labels: name " in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize(("name", "objects"), [("tabletop", 216), ("photos", 63)])
def test_the_samples_are_better_or_it_is_said_that_they_are_not(
    name: str, objects: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "tuned.yaml"
    source = Path(__file__).resolve().parents[2] / "samples" / name
    status = main(["tune", str(source), "--out", str(out), "--trials", "20"])
    told = capsys.readouterr().out
    assert f"held out with {objects} objects" in told
    bounds = re.search(r"95 % interval ([+-][\d.]+) to ([+-][\d.]+)", told)
    better = bounds is not None and float(bounds[1]) > 0
    assert (status, out.exists()) == ((0, True) if better else (1, False))
    verdict = re.search(r"^(Better|Worse|No better|Cannot tell): F1", told, re.M)
    assert verdict is not None
    assert (verdict[1] == "Better") == better
