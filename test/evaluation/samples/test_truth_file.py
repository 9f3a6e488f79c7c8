# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""COCO files whose pictures are images of bags."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vit_perception.evaluation.errors import EvaluationError
from vit_perception.evaluation.samples.bag import BagSequence, bag_sequences
from vit_perception.evaluation.samples.sample import FrameTruth, Sample
from vit_perception.evaluation.samples.truth_file import read_truth_file
from vit_perception.rle import decode_mask

from .recorded import FRONT, HEIGHT, WIDTH, WRIST, coco, image, record, stamp


def read(
    path: Path, images: list[dict[str, Any]], things: list[dict[str, Any]]
) -> list[tuple[list[FrameTruth | None], BagSequence]]:
    """The truth of each image, and the sequence, of each camera of a bag beside the file."""
    file = read_truth_file(coco(path / "truth.json", images, things))
    found = []
    for sequence in bag_sequences(path / "bag", truth=file):
        truths = [each.truth for each in sequence.samples() if isinstance(each, Sample)]
        found.append((truths, sequence))
    return found


@pytest.fixture
def camera(tmp_path: Path) -> Path:
    """A folder with a bag of four images of one camera."""
    record(tmp_path / "bag", [image(i) for i in range(4)])
    return tmp_path


FORMS: list[dict[str, Any]] = [
    {"stamp": stamp(2)},
    {"stamp": str(stamp(2))},
    {"stamp": "1700000000.200000000"},
    {"index": 2},
    {"stamp": stamp(2), "index": 2, "topic": FRONT, "recording": "bag"},
    {"stamp": 0, "index": 2},
    {"file_name": f"{stamp(2)}.jpg"},
    {"file_name": f"images/{stamp(2)}.png"},
    {"file_name": f"C:\\labels\\front_image_compressed_{stamp(2)}.jpg"},
    {"file_name": f"{stamp(2)}.jpg", "topic": FRONT},
]


@pytest.mark.parametrize("entry", FORMS)
def test_entries_say_which_image_they_mean(camera: Path, entry: dict[str, Any]) -> None:
    ((found, sequence),) = read(camera, [entry], [{"image_id": 1}])
    assert [each is not None for each in found] == [False, False, True, False]
    assert found[2] is not None
    assert (found[2].names, found[2].ids, found[2].parts) == (("cup",), ("",), ("",))
    np.testing.assert_array_equal(found[2].boxes, [[12, 8, 22, 18]])
    assert (sequence.names(), sequence.notes, sequence.unused()) == (("cup", "box"), (), {})


@pytest.mark.parametrize(
    "entry",
    [
        {"stamp": stamp(2) + 1},
        {"index": 4},
        {"stamp": stamp(2), "index": 1},
        {"file_name": "rear_1700000000200000000.jpg"},
        {"stamp": stamp(2), "topic": "/rear"},
        {"stamp": stamp(2), "recording": "another"},
    ],
)
def test_entries_of_no_image_are_counted(camera: Path, entry: dict[str, Any]) -> None:
    ((found, sequence),) = read(camera, [{"index": 0}, entry], [{"image_id": 2}])
    assert [each is not None for each in found] == [True, False, False, False]
    if "recording" in entry:
        assert (sequence.notes, sequence.unused()) == ((), {})
    elif "topic" in entry or "rear" in entry.get("file_name", ""):
        assert sequence.notes == ("truth.json: entries of topics without images in the bag: 1",)
        assert sequence.unused() == {}
    else:
        assert (sequence.notes, sequence.unused()) == ((), {"without a picture": 1})


def test_a_file_of_another_recording_is_told(camera: Path) -> None:
    entries = [{"index": place, "recording": name} for place, name in enumerate(("b", "a", "b"))]
    ((found, sequence),) = read(camera, entries, [])
    assert found == [None] * 4
    expected = "truth.json: expected entries of the recording bag, found "
    assert sequence.notes == (f"{expected}those of 'a, b'",)
    ((_, sequence),) = read(camera, [], [])
    assert sequence.notes == (f"{expected}none",)


def test_everything_coco_says_of_a_thing(camera: Path) -> None:
    polygon = [12, 8, 22, 8, 22, 18, 12, 18]
    things: list[dict[str, Any]] = [
        {"image_id": 1, "segmentation": [polygon], "area": 77.5, "part": "novel"},
        {"image_id": 1, "category_id": 2, "bbox": [0, 0, 64, 48], "iscrowd": 1},
        {"image_id": 2, "segmentation": {"size": [48, 64], "counts": [0, 48, 48 * 63]}},
    ]
    things[1]["segmentation"] = {"size": [48, 64], "counts": [48 * 64]}
    ((found, _),) = read(camera, [{"index": 0}, {"index": 1}, {"index": 2}], things)
    first, second, third = found[:3]
    assert first is not None and second is not None and third is not None
    assert (first.names, first.parts) == (("cup", "box"), ("novel", ""))
    assert first.crowds.tolist() == [False, True]
    np.testing.assert_array_equal(first.areas, [77.5, 64 * 48])
    assert first.masks is not None and second.masks is not None
    expected = np.zeros((HEIGHT, WIDTH), np.bool_)
    expected[8:18, 12:22] = True
    np.testing.assert_array_equal(decode_mask(first.masks[0]), expected)
    assert not decode_mask(first.masks[1]).any()
    assert decode_mask(second.masks[0]).sum() == 48 and decode_mask(second.masks[0])[:, 0].all()
    assert (len(third), third.masks) == (0, ())


def test_a_thing_without_a_mask(camera: Path) -> None:
    outline = [[12, 8, 22, 8, 22, 18, 12, 18]]
    things = [{"image_id": 1}, {"image_id": 1, "segmentation": outline}]
    ((found, _),) = read(camera, [{"index": 0}], things)
    assert found[0] is not None and found[0].masks is None


def test_entries_without_a_size(camera: Path) -> None:
    none = {"width": None, "height": None}
    outline = [[12, 8, 22, 8, 22, 18, 12, 18]]
    things: list[dict[str, Any]] = [
        {"image_id": 1, "segmentation": outline, "bbox": [-9, 0, 19, 10]},
        {"image_id": 2, "segmentation": {"size": [48, 64], "counts": [48 * 64]}},
    ]
    ((found, sequence),) = read(camera, [{"index": 0, **none}, {"index": 1, **none}], things)
    assert found[0] is not None and found[1] is not None
    assert found[0].masks is None and found[1].masks is not None
    np.testing.assert_array_equal(found[0].boxes, [[0, 0, 10, 10]])
    assert sequence.notes == (
        "truth.json: entries without height and width, so that outlines are no masks: 2",
    )


def test_cameras_share_entries_without_a_topic(tmp_path: Path) -> None:
    record(tmp_path / "bag", [image(0), image(0, WRIST, "wrist"), image(1, WRIST, "wrist")])
    entries = [{"stamp": stamp(0)}, {"index": 1, "topic": WRIST}, {"index": 5, "topic": WRIST}]
    front, wrist = read(tmp_path, entries, [])
    assert [each is not None for each in front[0]] == [True]
    assert [each is not None for each in wrist[0]] == [True, True]
    assert (front[1].unused(), wrist[1].unused()) == ({}, {"without a picture": 1})


def test_bags_of_one_file(tmp_path: Path) -> None:
    for name in ("one", "two"):
        record(tmp_path / name, [image(0)])
    entries = [{"index": 0, "recording": "one"}, {"index": 0, "recording": "two"}]
    things = [{"image_id": 2, "category_id": 2}]
    file = read_truth_file(coco(tmp_path / "truth.json", entries, things))
    names = []
    for name in ("one", "two"):
        (sequence,) = bag_sequences(tmp_path / name, truth=file)
        (sample,) = sequence.samples()
        assert isinstance(sample, Sample) and sample.truth is not None
        names.append(sample.truth.names)
        assert sequence.unused() == {}
    assert names == [(), ("box",)]


def test_images_of_one_stamp_are_told_apart_by_their_places(tmp_path: Path) -> None:
    record(tmp_path / "bag", [image(0), image(1, when=stamp(0))])
    entries = [{"stamp": stamp(0), "index": 1}, {"stamp": stamp(0), "index": 0}]
    ((found, _),) = read(tmp_path, entries, [{"image_id": 1}])
    assert [len(each) for each in found if each is not None] == [0, 1]


def test_two_entries_of_one_image_are_one_line(camera: Path) -> None:
    for entries in (
        [{"stamp": stamp(2)}, {"stamp": stamp(2), "topic": FRONT}],
        [{"stamp": stamp(2)}, {"index": 2}],
    ):
        with pytest.raises(EvaluationError) as caught:
            read(camera, entries, [])
        assert str(caught.value).endswith(
            f"truth.json: expected one entry of frame 2 of {FRONT}, found 2"
        )
    for entry, words in (
        ({"index": 1}, "index 1"),
        (
            {"stamp": 7, "topic": FRONT, "recording": "bag"},
            f"recording bag, topic {FRONT}, stamp 7",
        ),
    ):
        with pytest.raises(EvaluationError) as caught:
            read(camera, [entry, entry], [])
        expected = "expected every image of a recording once, found "
        assert str(caught.value).endswith(f"truth.json: {expected}{words!r} again")


def test_names_of_files_that_mean_two_topics_are_refused(tmp_path: Path) -> None:
    record(tmp_path / "bag", [image(0, "/a/b"), image(0, "/a_b")])
    with pytest.raises(EvaluationError, match="expected a topic, as several are written 'a_b'"):
        read(tmp_path, [{"file_name": f"a_b_{stamp(0)}.jpg"}], [])


def test_a_picture_of_another_size_is_one_line(camera: Path) -> None:
    with pytest.raises(EvaluationError) as caught:
        read(camera, [{"index": 3, "width": 640, "height": 480}], [])
    assert str(caught.value).endswith(
        f"bag: {FRONT}: frame 3, stamp 1700000000.300000000: expected a picture of 640x480 px, as "
        "annotated, found 64x48 px"
    )


@pytest.mark.parametrize(
    ("entry", "line"),
    [
        ({}, "image 1: expected a stamp, an index, or the stamp in nanoseconds as the file_name"),
        ({"file_name": "shelf.jpg"}, "image 1: expected a stamp, an index, or the stamp in"),
        ({"stamp": 1.7e9}, "image 1: stamp: expected nanoseconds as an integer, or 'seconds."),
        ({"stamp": "1700000000.2"}, "image 1: stamp: expected nanoseconds as an integer"),
        ({"stamp": -1}, "image 1: stamp: expected nanoseconds"),
        ({"stamp": True}, "image 1: stamp: expected nanoseconds"),
        ({"index": -1}, "image 1: index: expected 0 or more, found -1"),
        ({"index": "1"}, "image 1: index: expected 0 or more, found '1'"),
        ({"index": 1, "topic": 7}, "image 1: topic: expected a name, found 7"),
        ({"index": 1, "recording": []}, "image 1: recording: expected a name"),
        ({"index": 1, "width": 0}, "image 1: expected height and width in px"),
        ({"index": 1, "id": None}, "image: id: expected an integer"),
    ],
)
def test_entries_that_are_none_are_one_line(
    tmp_path: Path, entry: dict[str, Any], line: str
) -> None:
    with pytest.raises(EvaluationError) as caught:
        read_truth_file(coco(tmp_path / "truth.json", [entry]))
    assert str(caught.value).startswith(f"{tmp_path}/truth.json: {line}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("thing", "line"),
    [
        ({"image_id": 9}, "annotation 1: expected an image of the file, found image_id 9"),
        ({"image_id": 1, "bbox": [0, 0, 70, 9]}, "annotation 1: expected a bbox"),
        ({"image_id": 1, "category_id": 9}, "annotation 1: expected a known category"),
        ({"image_id": 1, "segmentation": {"size": [9, 9], "counts": [81]}}, "annotation 1: segm"),
    ],
)
def test_things_that_are_none_are_one_line(
    tmp_path: Path, thing: dict[str, Any], line: str
) -> None:
    with pytest.raises(EvaluationError) as caught:
        read_truth_file(coco(tmp_path / "truth.json", [{"index": 1}], [thing]))
    assert str(caught.value).startswith(f"{tmp_path}/truth.json: {line}")


def test_ids_that_are_there_twice_are_one_line(tmp_path: Path) -> None:
    things = [{"image_id": 1, "id": 5}, {"image_id": 1, "id": 5}]
    with pytest.raises(EvaluationError, match="expected every annotation id once, found 5 again"):
        read_truth_file(coco(tmp_path / "truth.json", [{"index": 1}], things))
    path = tmp_path / "truth.json"
    path.write_text(json.dumps([1, 2]))
    with pytest.raises(EvaluationError, match="expected COCO keys, found"):
        read_truth_file(path)
