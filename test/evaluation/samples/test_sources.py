# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Bags and folders side by side, and folders as sequences."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from test.bags.reading import storages
from test.evaluation.test_coco import write_dataset
from vit_perception.bags.reader import BagError
from vit_perception.evaluation.dataset import load_dataset
from vit_perception.evaluation.errors import EvaluationError
from vit_perception.evaluation.samples.folder import FolderSequence
from vit_perception.evaluation.samples.sample import Sample
from vit_perception.evaluation.samples.sources import FailedSource, open_sequences
from vit_perception.images.compressed import encode_jpeg
from vit_perception.rle import decode_mask, encode_mask

from .recorded import DETECTIONS_KIND, FRONT, TRUTH, image, record, record_camera, stamp


def dataset(folder: Path) -> Path:
    """Two pictures: two mugs, and a spoon and a hat."""
    return write_dataset(folder)


def test_a_folder_is_a_sequence(tmp_path: Path) -> None:
    data = load_dataset(dataset(tmp_path / "my set"))
    sequence = FolderSequence(data)
    assert (sequence.key, sequence.title) == ("my_set", "my set")
    assert (sequence.names(), len(sequence)) == (("mug", "spoon", "hat"), 2)
    samples = list(sequence.samples())
    assert [each.number for each in samples] == [0, 1]
    for sample, names, parts, boxes in zip(
        samples,
        (("mug", "mug"), ("spoon", "hat")),
        (("val_instances", "train"), ("train", "novel")),
        ([[0, 0, 50, 50], [100, 100, 150, 150]], [[0, 0, 20, 20], [100, 0, 200, 100]]),
        strict=True,
    ):
        assert isinstance(sample, Sample) and sample.truth is not None
        assert (sample.name, sample.time) == (f"{sample.number + 1}.jpg", 0)
        assert sample.frame.image.shape == (160, 220, 3)
        assert (sample.truth.names, sample.truth.parts) == (names, parts)
        assert (sample.truth.masks, sample.truth.ids) == (None, ("", ""))
        np.testing.assert_array_equal(sample.truth.boxes, boxes)
        size = sample.truth.boxes[:, 2:] - sample.truth.boxes[:, :2]
        np.testing.assert_array_equal(sample.truth.areas, size.prod(axis=1))
    assert (sequence.notes, sequence.unused()) == ((), {})


def test_masks_and_crowds_of_a_folder(tmp_path: Path) -> None:
    path = dataset(tmp_path / "set") / "annotations.json"
    document = json.loads(path.read_text())
    mask = np.zeros((160, 220), np.bool_)
    mask[:50, :50] = True
    for each in document["annotations"]:
        each |= {"segmentation": encode_mask(mask), "area": 2500, "iscrowd": 1}
    path.write_text(json.dumps(document))
    first, _ = FolderSequence(load_dataset(path.parent)).samples()
    assert isinstance(first, Sample) and first.truth is not None
    assert first.truth.masks is not None and first.truth.crowds.all()
    np.testing.assert_array_equal(decode_mask(first.truth.masks[1]), mask)
    for each in document["images"]:
        each |= {"width": None, "height": None}
    path.write_text(json.dumps(document))
    (path.parent / "images" / "2.jpg").write_bytes(encode_jpeg(np.zeros((80, 80, 3), np.uint8)))
    with pytest.raises(EvaluationError, match=r"2.jpg: expected masks of \[80, 80\] px, found"):
        list(FolderSequence(load_dataset(path.parent)).samples())


def test_a_broken_picture_of_a_folder_is_one_line(tmp_path: Path) -> None:
    folder = dataset(tmp_path / "set")
    (folder / "images" / "2.jpg").write_bytes(b"\xff\xd8\xff")
    samples = FolderSequence(load_dataset(folder)).samples()
    assert next(samples).number == 0
    with pytest.raises(EvaluationError, match="^set/images/2.jpg: "):
        next(samples)


def test_bags_and_folders_side_by_side(tmp_path: Path) -> None:
    bag = record_camera(tmp_path / "bag")
    found = open_sequences([bag, dataset(tmp_path / "set"), bag, storages(bag)[0]])
    assert [each.key for each in found.sequences] == [
        "bag_front_image_compressed",
        "set",
        "bag_front_image_compressed_2",
        "bag_front_image_compressed_3",
    ]
    assert found.failed == ()
    assert found.names() == ("box", "cup", "mug", "spoon", "hat")


def test_a_broken_source_does_not_keep_the_others_from_being_read(tmp_path: Path) -> None:
    good, cut, absent = (tmp_path / name for name in ("good", "cut", "absent"))
    record_camera(good)
    (storage,) = storages(record_camera(cut))
    storage.write_bytes(b"nothing")
    other = record(tmp_path / "other", [image(0, "/other")])
    empty = tmp_path / "empty"
    empty.mkdir()
    paths = [absent, cut, good, empty, other]
    found = open_sequences(paths, topics=[FRONT], keep_going=True)
    assert [each.title for each in found.sequences] == [f"good {FRONT}"]
    expected = "expected a bag, or a folder with images/ and annotations.json, found"
    assert found.failed == (
        FailedSource("absent", f"absent: {expected} no such file or folder"),
        FailedSource(
            "cut",
            "cut: cut.mcap: expected a bag file (mcap, sqlite3, rosbag1), found one beginning "
            "with b'nothing'",
        ),
        FailedSource("empty", f"empty: {expected} a folder without either"),
        FailedSource("other", f"other: expected image topic {FRONT}, found /other"),
    )
    for path in paths:
        if path != good:
            with pytest.raises((BagError, EvaluationError)) as caught:
                open_sequences([good, path], topics=[FRONT])
            assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_bags_of_one_name_are_told_apart(tmp_path: Path) -> None:
    paths = [tmp_path / where / "run" for where in ("a/monday", "a/tuesday", "b/tuesday")]
    for path in paths:
        path.parent.mkdir(parents=True)
        record(path, [image(0), (TRUTH, stamp(0), b"")], kinds=DETECTIONS_KIND)
    found = open_sequences([*paths, dataset(tmp_path / "set")]).sequences
    names = ["monday/run", "a/tuesday/run", "b/tuesday/run"]
    assert [each.title for each in found] == [*(f"{name} {FRONT}" for name in names), "set"]
    for name, sequence in zip(names, found, strict=False):
        assert [note.partition(":")[0] for note in sequence.notes] == [name]
    broken = [path / "none" for path in paths[:2]]
    failed = open_sequences(broken, keep_going=True).failed
    assert [each.title for each in failed] == ["monday/run/none", "tuesday/run/none"]
    assert all(each.line.startswith(f"{each.title}: expected a bag") for each in failed)


def test_names_of_pictures_that_are_no_text_are_escaped(tmp_path: Path) -> None:
    folder = dataset(tmp_path / "set")
    odd = os.fsdecode(b"a\xff.jpg")
    (folder / "images" / "1.jpg").rename(folder / "images" / odd)
    document = json.loads((folder / "annotations.json").read_text())
    document["images"][0]["file_name"] = odd
    (folder / "annotations.json").write_text(json.dumps(document))
    first, _ = FolderSequence(load_dataset(folder)).samples()
    assert isinstance(first, Sample) and first.name == r"'a\udcff.jpg'"


def test_titles_are_as_they_were_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record_camera(tmp_path / "runs" / "a")
    monkeypatch.chdir(tmp_path)
    (sequence,) = open_sequences([Path("runs/a")]).sequences
    assert (sequence.title, sequence.key) == (f"runs/a {FRONT}", "a_front_image_compressed")
    monkeypatch.chdir(tmp_path / "runs" / "a")
    (sequence,) = open_sequences([Path(".")]).sequences
    assert sequence.key == "a_front_image_compressed"
