# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""`vit-perception label`: out to annotation tools, and back."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from vit_perception.bags.messages import IMAGE
from vit_perception.bags.writer import BagWriter
from vit_perception.bundle.samples import sample_bag
from vit_perception.cli.__main__ import main
from vit_perception.evaluation.dataset import load_dataset
from vit_perception.evaluation.samples.bag import bag_sequences
from vit_perception.evaluation.samples.sample import Sample
from vit_perception.evaluation.samples.truth_file import read_truth_file

from ..bags.foreign import change_metadata, information
from ..bags.recordings import jpeg, record_compressed
from ..bags.squares import record_squares

NAMES = ("--names", "red, green, cyan")


def label(*options: object) -> int:
    return main(["label", *map(str, options)])


@pytest.fixture
def labelled(tmp_path: Path, toy_bundle_dir: Path) -> tuple[Path, Path]:
    """A bag, and the folder of its proposals."""
    bag, out = record_squares(tmp_path / "bag", count=4), tmp_path / "labels"
    assert label(bag, "--out", out, "--bundle", toy_bundle_dir, *NAMES) == 0
    return bag, out


def test_proposals_are_told_and_written(
    tmp_path: Path, toy_bundle_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bag, out = record_squares(tmp_path / "bag", count=4), tmp_path / "labels"
    assert label(bag, "--out", out, "--bundle", toy_bundle_dir, *NAMES) == 0
    assert f"4 pictures, 12 things proposed -> {out}" in capsys.readouterr().out
    assert sorted(each.name for each in out.iterdir()) == [
        "annotations.json",
        "cvat.xml",
        "cvat_labels.json",
        "images",
        "label_studio.json",
        "label_studio.xml",
    ]
    data = load_dataset(out)
    assert data.names == ("cyan", "green", "red")
    assert len(data.annotations) == 12
    assert json.loads((out / "label_studio.json").read_text())[0]["data"]["image"].startswith(
        "/data/local-files/?d=images/bag_"
    )


@pytest.mark.parametrize("file", ["annotations.json", "cvat.xml", "export.json"])
def test_what_comes_back_is_true_of_the_images_of_the_bag(
    labelled: tuple[Path, Path], tmp_path: Path, file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    bag, out = labelled
    tasks = json.loads((out / "label_studio.json").read_text())
    exported = [
        {"id": number, "data": task["data"], "annotations": task["predictions"]}
        for number, task in enumerate(tasks)
    ]
    (out / "export.json").write_text(json.dumps(exported))
    back = tmp_path / "dataset"
    assert label("--read", out / file, "--pictures", out, "--out", back) == 0
    assert f"4 pictures, 12 things -> {back}" in capsys.readouterr().out
    assert len(load_dataset(back).annotations) == 12
    truth = read_truth_file(back / "annotations.json")
    (sequence,) = bag_sequences(bag, truth=truth)
    samples = [each for each in sequence.samples() if isinstance(each, Sample)]
    assert [sorted(each.truth.names) if each.truth else None for each in samples] == [
        ["cyan", "green", "red"]
    ] * 4
    assert not sequence.unused()


def test_a_recording_whose_name_is_no_text_comes_back(
    tmp_path: Path, toy_bundle_dir: Path
) -> None:
    bag, out = record_squares(tmp_path / "b\udcffg", count=2), tmp_path / "labels"
    assert label(bag, "--out", out, "--bundle", toy_bundle_dir, *NAMES) == 0
    back = tmp_path / "dataset"
    assert label("--read", out / "cvat.xml", "--pictures", out, "--out", back) == 0
    (sequence,) = bag_sequences(bag, truth=read_truth_file(back / "annotations.json"))
    samples = [each for each in sequence.samples() if isinstance(each, Sample)]
    assert [each.truth is not None for each in samples] == [True, True]


def test_names_that_differ_in_case_alone_are_told(
    labelled: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, out = labelled
    text = (out / "cvat.xml").read_text().replace('label="red"', 'label="Red"', 1)
    (tmp_path / "corrected.xml").write_text(text)
    given = ("--read", tmp_path / "corrected.xml", "--pictures", out)
    capsys.readouterr()
    assert label(*given, "--out", tmp_path / "dataset") == 0
    assert capsys.readouterr().err == (
        "vit-perception label: names that differ in case alone, taken as several: Red, red\n"
    )


def test_the_same_command_writes_the_same_bytes(
    labelled: tuple[Path, Path], tmp_path: Path, toy_bundle_dir: Path
) -> None:
    bag, out = labelled
    assert label(bag, "--out", tmp_path / "again", "--bundle", toy_bundle_dir, *NAMES) == 0
    for path in out.rglob("*"):
        if path.is_file():
            other = tmp_path / "again" / path.relative_to(out)
            assert path.read_bytes() == other.read_bytes()


def test_pictures_that_nobody_went_through_are_told(
    labelled: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, out = labelled
    tasks = json.loads((out / "label_studio.json").read_text())
    (out / "export.json").write_text(
        json.dumps(
            [
                {**task, "annotations": task["predictions"][: not n]}
                for n, task in enumerate(tasks[:3])
            ]
        )
    )
    back = tmp_path / "dataset"
    assert label("--read", out / "export.json", "--pictures", out, "--out", back) == 0
    told = capsys.readouterr()
    assert f"1 picture, 3 things; without 3 pictures of {out} -> {back}" in told.out
    assert "2 pictures not annotated yet, left out" in told.err


def test_some_formats_can_be_chosen(tmp_path: Path, toy_bundle_dir: Path) -> None:
    bag = record_squares(tmp_path / "bag", count=1)
    out = tmp_path / "labels"
    options = ("--format", "cvat", "--image-url", "http://host/", "--bundle", toy_bundle_dir)
    assert label(bag, "--out", out, *options) == 0
    assert not (out / "label_studio.json").exists()
    assert (out / "cvat.xml").exists()
    with pytest.raises(SystemExit):
        label(bag, "--out", tmp_path / "others", "--format", "voc")


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ((), "expected bags, or --read with --pictures, found neither"),
        (("bag", "--read", "x", "--pictures", "y"), "expected bags, or --read with --pictures"),
        (("--read", "x"), "--read and --pictures: expected both, found one of them"),
        (("absent",), "absent: expected a bag, found no such file or folder"),
        (("--read", "x", "--pictures", "absent"), "absent/annotations.json: expected a readable"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(
    tmp_path: Path,
    toy_bundle_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: tuple[str, ...],
    line: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert label(*options, "--out", "out", "--bundle", toy_bundle_dir) == 2
    told = capsys.readouterr().err
    assert line in told
    assert len(told.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_the_work_of_people_is_never_replaced(
    labelled: tuple[Path, Path], toy_bundle_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bag, out = labelled
    before = (out / "annotations.json").read_bytes()
    assert label(bag, "--out", out, "--bundle", toy_bundle_dir) == 2
    assert "expected a new folder, found one that is there" in capsys.readouterr().err
    assert (out / "annotations.json").read_bytes() == before
    for folder in (bag, toy_bundle_dir):
        assert label(bag, "--out", folder / "labels", "--bundle", toy_bundle_dir) == 2
        assert "expected a place outside the input" in capsys.readouterr().err
    assert label("--read", out / "cvat.xml", "--pictures", out, "--out", out / "d") == 2
    assert "expected a place outside the input" in capsys.readouterr().err


def test_broken_images_and_damaged_bags_are_told_and_the_rest_is_labelled(
    tmp_path: Path, toy_bundle_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bag = record_compressed(tmp_path / "bag", [jpeg(0), b"\xff\xd8\xff broken", jpeg(2)])
    assert label(bag, "--out", tmp_path / "labels", "--bundle", toy_bundle_dir) == 0
    told = capsys.readouterr()
    assert "2 pictures, 1 broken (jpeg)" in told.out
    assert "frame 1, stamp" in told.err

    counted = information(bag)["topics_with_message_count"]
    assert isinstance(counted, list)
    more = [topic | {"message_count": topic["message_count"] + 5} for topic in counted]
    change_metadata(bag, topics_with_message_count=more)
    assert label(bag, "--out", tmp_path / "damaged", "--bundle", toy_bundle_dir) == 2
    assert "expected 8 messages" in capsys.readouterr().err
    assert len(load_dataset(tmp_path / "damaged").pictures) == 2


def test_a_bag_without_pictures_is_told(
    tmp_path: Path, toy_bundle_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with BagWriter(tmp_path / "bag") as bag:
        bag.add_topic("/camera/image", IMAGE)
    assert label(tmp_path / "bag", "--out", tmp_path / "o", "--bundle", toy_bundle_dir) == 1
    assert "0 pictures, 0 things" in capsys.readouterr().out


def test_the_sample_recording_goes_round_with_masks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, back = tmp_path / "labels", tmp_path / "dataset"
    assert label(sample_bag(), "--seconds", 3, "--out", out) == 0
    assert "2 pictures, " in capsys.readouterr().out
    given = load_dataset(out)
    assert given.has_masks
    assert label("--read", out / "cvat.xml", "--pictures", out, "--out", back) == 0
    corrected = load_dataset(back)
    assert corrected.has_masks
    assert len(corrected.annotations) == len(given.annotations)
    assert corrected.names == given.names
    shutil.rmtree(out)
    assert len(load_dataset(back).pictures) == 2
