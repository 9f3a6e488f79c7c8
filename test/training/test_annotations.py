# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Annotation files: what is wrong with one is named with file and line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip("torch")

from test.training import toy  # noqa: E402
from vit_perception.training.annotations import load_pictures  # noqa: E402
from vit_perception.training.pictures import DataError, read, read_owner  # noqa: E402

pytestmark = pytest.mark.torch


def refusal_of(folder: Path) -> str:
    with pytest.raises(DataError) as error:
        load_pictures((str(folder),))
    assert str(error.value).isprintable()
    return str(error.value)


def edited(folder: Path, change: Callable[[dict[str, Any]], object], indent: int | None) -> Path:
    """A data set of two pictures and four objects whose annotations are changed."""
    toy.write_pictures(folder, 2)
    file = folder / "annotations.json"
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content, indent=indent))
    return file


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bbox": [1, 2, 3]}, "expected a bbox [x, y, width, height], found [1, 2, 3]"),
        ({"bbox": None}, "expected a bbox [x, y, width, height], found None"),
        ({"bbox": "1234"}, "expected a bbox [x, y, width, height], found '1234'"),
        ({"category_id": 99}, "expected a known category, found 99"),
        ({"category_id": {}}, "category_id: expected an integer, found {}"),
        ({"bbox": [90, 0, 20, 10]}, "inside 96x96 px, found [90.0, 0.0, 20.0, 10.0]"),
        ({"bbox": [0, 0, 0, 10]}, "expected a bbox [x, y, width, height] of some px"),
        ({"bbox": [0, 0, float("nan"), 10]}, "expected a bbox [x, y, width, height], found [0"),
        ({"bbox": [float("nan"), 0, 10, 10]}, "expected a bbox [x, y, width, height], found [nan"),
        ({"bbox": [float("-inf"), 0, 10, 10]}, "expected a bbox [x, y, width, height], found [-i"),
        ({"area": "9"}, "expected a finite area, found '9'"),
        ({"iscrowd": "yes"}, "iscrowd: expected 0 or 1, found 'yes'"),
        ({"names": []}, "names: expected at least one name"),
        ({"names": None}, "names: expected at least one name"),
        ({"names": "mug"}, "names: expected a list of words, found 'mug'"),
        ({"names": ["mug", 3]}, "names: expected a list of words, found ['mug', 3]"),
        ({"names": [" "]}, "names: expected a list of words, found [' ']"),
        ({"object": 7}, "object: expected the id of an object, found 7"),
        ({"colours": [["red"]]}, "colours: expected a list of words, found [['red']]"),
        ({"segmentation": [[1, 2, 3, 4]]}, "segmentation: expected polygons [x, y, ...]"),
        ({"segmentation": {"size": [9, 9], "counts": ""}}, "size [96, 96], found [9, 9]"),
        ({"segmentation": {"size": [96, 96], "counts": "PPPP"}}, "segmentation: expected"),
        (
            {"segmentation": {"size": [96, 96], "counts": "0"}},
            "segmentation: expected runs that fill 9216",
        ),
        (
            {"segmentation": {"size": [96, 96], "counts": [9215]}},
            "segmentation: expected runs that fill 9216 px, found 9215 px",
        ),
    ],
)
def test_a_broken_annotation_is_named(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    file = edited(tmp_path / "data", lambda c: c["annotations"][2].update(change), 1)
    lines = file.read_text().splitlines()
    begin = next(n for n, text in enumerate(lines) if '"annotations"' in text)
    entry = [n for n, text in enumerate(lines) if n > begin and text == "  {"][2]
    found = refusal_of(file.parent)
    assert found.startswith(f"{file}:{entry + 1}: annotation 3: ")
    assert message in found


def test_an_annotation_is_found_by_its_place_where_its_id_is_no_help(tmp_path: Path) -> None:
    def spoil(content: dict[str, Any]) -> None:
        for entry in content["annotations"]:
            entry["id"] = 1
        content["annotations"][3]["bbox"] = []

    file = edited(tmp_path / "data", spoil, 1)
    lines = file.read_text().splitlines()
    begin = next(n for n, text in enumerate(lines) if '"annotations"' in text)
    entry = [n for n, text in enumerate(lines) if n > begin and text == "  {"][3]
    assert refusal_of(file.parent).startswith(f"{file}:{entry + 1}: annotation 1: ")
    assert refusal_of(edited(tmp_path / "b", lambda c: c["annotations"].insert(0, 5), 1).parent)
    one_line = edited(tmp_path / "c", lambda c: c["annotations"][1].pop("bbox"), None)
    assert refusal_of(one_line.parent).startswith(f"{one_line}:1: annotation 2: ")


def test_orphans_and_absent_pictures_are_counted(tmp_path: Path) -> None:
    file = edited(tmp_path / "a", lambda c: c["annotations"][2].update(image_id=99), 1)
    assert refusal_of(file.parent) == (
        f"{file}: annotation 3: expected an image of the file, found image_id 99 "
        "(1 of 4 annotations have no image)"
    )
    file = edited(tmp_path / "b", lambda c: c["images"][1].update(file_name="absent.png"), 1)
    assert refusal_of(file.parent) == (
        f"{file}: image 2: expected a picture {file.parent}/images/absent.png, found no such file "
        "(1 of 2 are missing)"
    )
    file = edited(tmp_path / "c", lambda c: c["annotations"][2].update(id=1), 1)
    assert refusal_of(file.parent) == f"{file}: expected every annotation id once, found 1 again"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda i: i.update(file_name=3), "image 2: file_name: expected a file's name, found 3"),
        (lambda i: i.pop("file_name"), "image 2: file_name: expected a file's name, found none"),
        (lambda i: i.update(file_name="../x"), "image 2: file_name: expected a file inside the"),
        (lambda i: i.pop("width"), "image 2: expected height and width in px, found [96, None]"),
        (lambda i: i.update(width=0), "image 2: expected height and width in px, found [96, 0]"),
        (lambda i: i.update(height="96"), "image 2: expected height and width in px, found"),
        (lambda i: i.update(id=1), "image 1: expected an id of its own, found it twice"),
        (lambda i: i.update(id=[]), "image: id: expected an integer, found []"),
        (lambda i: i.update(id="img-1"), "image: id: expected an integer, found 'img-1'"),
    ],
)
def test_a_broken_image_entry_is_named(
    tmp_path: Path, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    file = edited(tmp_path / "data", lambda c: change(c["images"][1]), 1)
    lines = file.read_text().splitlines()
    entry = [n for n, text in enumerate(lines) if text == "  {"][1]
    assert refusal_of(file.parent).startswith(f"{file}:{entry + 1}: {message}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{\n"images": [,', ": expected JSON, found Expecting value at line 2"),
        ("[]", ": expected COCO keys, found []"),
        ('{"images": [], "annotations": {}, "categories": []}', ": annotations: expected a list"),
        (
            '{"images": [], "annotations": [], "categories": [5]}',
            ": categories: expected COCO entries, found 5",
        ),
        ('{"images": [], "annotations": []}', ": expected COCO keys, found no categories"),
        ("[" * 100_000, ": expected JSON, found nesting that is too deep"),
    ],
)
def test_files_that_are_no_annotations_are_refused(
    tmp_path: Path, text: str, message: str
) -> None:
    (tmp_path / "annotations.json").write_text(text)
    assert refusal_of(tmp_path).startswith(f"{tmp_path}/annotations.json{message}")


def test_empty_and_absent_data_sets_are_refused(tmp_path: Path) -> None:
    assert "found No such file" in refusal_of(tmp_path)
    content = {"images": [], "annotations": [], "categories": []}
    (tmp_path / "annotations.json").write_text(json.dumps(content))
    assert refusal_of(tmp_path) == f"{tmp_path}: expected at least one picture, found none"


def test_masks_and_boxes_are_those_that_were_written(tmp_path: Path) -> None:
    pictures, described = load_pictures((str(toy.write_pictures(tmp_path / "data", 2)),))
    assert len(described) == len(set(described))
    for picture in pictures:
        owner = read_owner(picture)
        assert (picture.height, picture.width) == owner.shape == read(picture).shape[:2]
        for row, (x1, y1, x2, y2) in enumerate(picture.labels.boxes):
            ys, xs = np.nonzero(owner == row)
            assert len(ys)
            assert (xs.min() >= x1, xs.max() < x2, ys.min() >= y1, ys.max() < y2) == (True,) * 4


def test_a_thing_is_an_asset_in_its_colours(tmp_path: Path) -> None:
    folder = toy.write_pictures(tmp_path / "data", 4)
    file = folder / "annotations.json"
    content = json.loads(file.read_text())
    looks = [("a", ["red"]), ("a", ["blue"]), ("a", ["red"]), ("b", ["red"]), (None, ["red"])]
    for entry, (asset, colours) in zip(content["annotations"], looks, strict=False):
        entry |= {"names": ["thing"], "object": asset, "colours": colours}
    del content["annotations"][5]["object"]
    file.write_text(json.dumps(content))
    pictures, _ = load_pictures((str(folder),))
    things = np.concatenate([picture.labels.things for picture in pictures])
    assert things[:6].tolist() == [0, 1, 0, 2, -1, -1]


def test_pictures_that_cannot_be_decoded_or_have_another_size_are_named(tmp_path: Path) -> None:
    pictures, _ = load_pictures((str(toy.write_pictures(tmp_path / "data", 2)),))
    pictures[0].path.write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"00000\.png: expected a picture"):
        read(pictures[0])
    cv2.imwrite(str(pictures[1].path), np.zeros((96, 95, 3), np.uint8))
    with pytest.raises(DataError, match=r"00001\.png: expected 96x96 px as annot.*, found 95x96"):
        read(pictures[1])
