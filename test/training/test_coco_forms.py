# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""COCO files as annotation tools write them: evaluation and training read the same."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

from test.input.places import NO_FILES  # noqa: E402
from test.training import toy  # noqa: E402
from vit_perception.evaluation.coco_file import MAX_BYTES  # noqa: E402
from vit_perception.evaluation.dataset import (  # noqa: E402
    Dataset,
    EvaluationError,
    load_dataset,
)
from vit_perception.rle import decode_mask  # noqa: E402
from vit_perception.training.annotations import load_pictures  # noqa: E402
from vit_perception.training.pictures import DataError, Picture  # noqa: E402

pytestmark = pytest.mark.torch

Document = dict[str, Any]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy.write_pictures(tmp_path_factory.mktemp("plain") / "data", 2)


def document_of(plain: Path) -> Document:
    found: Document = json.loads((plain / "annotations.json").read_text())
    return found


def written(folder: Path, plain: Path, document: Document, encoding: str = "utf-8") -> Path:
    folder.mkdir()
    (folder / "images").symlink_to(plain / "images")
    (folder / "annotations.json").write_text(json.dumps(document), encoding=encoding)
    return folder


def both(folder: Path) -> tuple[Dataset, list[Picture]]:
    return load_dataset(folder), load_pictures((str(folder),))[0]


def refusal(folder: Path) -> str:
    """Returns the one line of both readers, without file and line of the text."""
    lines = []
    for error, load in (
        (EvaluationError, lambda: load_dataset(folder)),
        (DataError, lambda: load_pictures((str(folder),))),
    ):
        with pytest.raises(error) as refused:
            load()
        line = str(refused.value)
        assert line.isprintable()
        lines.append(line.removeprefix(f"{folder}/annotations.json").partition(": ")[2])
    assert lines[0] == lines[1]
    return lines[0]


def _each(key: str, **changes: Callable[[dict[str, Any]], object]) -> Callable[[Document], None]:
    def change(document: Document) -> None:
        for entry in document[key]:
            entry.update({name: make(entry) for name, make in changes.items()})

    return change


def _string_ids(document: Document) -> None:
    _each("images", id=lambda i: f"{i['id']:012d}")(document)
    _each("categories", id=lambda c: f" {c['id']}")(document)
    _each(
        "annotations",
        id=lambda a: str(a["id"]),
        image_id=lambda a: float(a["image_id"]),
        category_id=lambda a: str(a["category_id"]),
    )(document)


def _root(name: str) -> Callable[[Document], None]:
    """Adds a category of which the others are kinds, as Roboflow does."""

    def change(document: Document) -> None:
        own = name or document["categories"][0]["name"]
        _each("categories", supercategory=lambda _: own)(document)
        document["categories"].insert(0, {"id": 0, "name": own, "supercategory": "none"})

    return change


@pytest.mark.parametrize(
    "change",
    [
        _string_ids,
        _root("shapes"),
        _root(""),
        _each("annotations", area=lambda _: None, iscrowd=lambda _: None),
        _each("annotations", iscrowd=lambda _: False),
        _each("categories", name=lambda c: f" {c['name']}  "),
        _each("annotations", names=lambda a: [f"{name} " for name in a["names"]]),
        _each("images", file_name=lambda i: "images/" + i["file_name"]),
        _each("images", file_name=lambda i: "images\\" + i["file_name"]),
        lambda document: document.pop("info", None),
    ],
)
def test_what_is_certain_is_read_alike(
    change: Callable[[Document], None], plain: Path, tmp_path: Path
) -> None:
    document = document_of(plain)
    change(document)
    data, pictures = both(written(tmp_path / "data", plain, document))
    expected, wanted = both(plain)
    assert data.categories == expected.categories
    assert [a["id"] for a in data.annotations] == [a["id"] for a in expected.annotations]
    assert [a["area"] > 0 for a in data.annotations] == [True] * 4
    assert [p.path.name for p in data.pictures] == [p.path.name for p in expected.pictures]
    assert [p.path for p in data.pictures] == [p.path for p in pictures]
    for found, same in zip(pictures, wanted, strict=True):
        np.testing.assert_array_equal(found.labels.boxes, same.labels.boxes)
        np.testing.assert_array_equal(found.labels.objects, same.labels.objects)
        assert found.segments == same.segments


def test_a_byte_order_mark_is_skipped(plain: Path, tmp_path: Path) -> None:
    data, pictures = both(written(tmp_path / "a", plain, document_of(plain), "utf-8-sig"))
    assert (len(data.annotations), len(pictures)) == (4, 2)


def test_masks_in_all_forms_become_one(plain: Path, tmp_path: Path) -> None:
    document = document_of(plain)
    polygon, listed, text, none = document["annotations"]
    left, top = 10, 20
    polygon["segmentation"] = [[left, top, left + 30, top, left + 30, top + 10, left, top + 10]]
    listed["segmentation"] = {"size": [96, 96], "counts": [96, 2, 96 * 95 - 2]}
    data, pictures = both(written(tmp_path / "a", plain, document))
    assert data.has_masks
    masks = [decode_mask(a["segmentation"]) for a in data.annotations]
    assert masks[0].sum() == 300 and masks[0][top : top + 10, left : left + 30].all()
    assert masks[1].sum() == 2 and masks[1][:2, 1].all()
    assert data.annotations[2]["segmentation"] == text["segmentation"]
    assert [s for p in pictures for s in p.segments] == [
        a["segmentation"] for a in data.annotations
    ]
    for number, empty in enumerate((None, [], [[]])):
        none["segmentation"] = empty
        data, pictures = both(written(tmp_path / f"b{number}", plain, document))
        assert (data.unmasked, data.has_masks) == (1, False)
        assert sum(s is None for p in pictures for s in p.segments) == 1


@pytest.mark.parametrize(
    ("segmentation", "message"),
    [
        ([[1, 2, 3, 4]], "expected polygons [x, y, ...] of at least three corners"),
        ([[1, 2, 3, 4, 5, 6, 7]], "expected polygons [x, y, ...] of at least three corners"),
        ([1, 2, 3, 4, 5, 6], "expected polygons [x, y, ...] of at least three corners, found 1"),
        ([[1, 2, 3, 4, 5, 1e12]], "expected polygons with corners in or near the picture"),
        ([[1, 2, 3, 4, 5, float("nan")]], "expected polygons with corners in or near the picture"),
        ([[1, 2, 3, 4, 5, "6"]], "expected polygons with corners in or near the picture"),
        ("mask.png", "expected polygons or run lengths, found 'mask.png'"),
        ({}, "expected the picture's size [96, 96], found None"),
        ({"size": [96, 96]}, "expected compressed counts, found None"),
        ({"size": [96, 96], "counts": [-1, 9217]}, "expected run lengths of 0 to 9216"),
        ({"size": [96, 96], "counts": [0.5]}, "expected run lengths of 0 to 9216"),
        ({"size": [96, 96], "counts": []}, "expected runs that fill 9216 px, found 0 px"),
    ],
)
def test_masks_that_cannot_be_are_refused_by_id(
    segmentation: object, message: str, plain: Path, tmp_path: Path
) -> None:
    document = document_of(plain)
    document["annotations"][2]["segmentation"] = segmentation
    found = refusal(written(tmp_path / "data", plain, document))
    assert found.startswith(f"annotation 3: segmentation: {message}")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            _each("annotations", image_id=lambda a: a["image_id"] + 1000 * (a["id"] % 2)),
            "annotation 1: expected an image of the file, found image_id 1001 "
            "(2 of 4 annotations have no image)",
        ),
        (
            _each("annotations", category_id=lambda a: 1000),
            "annotation 1: expected a known category, found 1000",
        ),
        (
            _each("images", id=lambda i: f"img-{i['id']}"),
            "image: id: expected an integer, found 'img-1'",
        ),
        (_each("images", id=lambda i: i["id"] + 0.5), "image: id: expected an integer, found 1.5"),
        (
            _each("annotations", image_id=lambda a: None),
            "annotation 1: image_id: expected an integer, found None",
        ),
        (
            _each("annotations", category_id=lambda a: True),
            "annotation 1: category_id: expected an integer, found True",
        ),
        (_each("categories", name=lambda c: " "), "category 1: expected a name, found ' '"),
        (_each("categories", name=lambda c: None), "category 1: expected a name, found None"),
        (
            _each("annotations", bbox=lambda a: [v / 96 for v in a["bbox"]]),
            "annotation 1: expected a bbox in px, found",
        ),
        (
            _each("annotations", bbox=lambda a: [80, 80, 90, 90]),
            "annotation 1: expected a bbox [x, y, width, height] inside 96x96 px, found [80.0, ",
        ),
        (
            _each("images", file_name=lambda i: "x" * 5000),
            "image 1: expected a picture ",
        ),
        (
            _each("images", file_name=lambda i: "\\..\\..\\..\\..\\..\\..\\..\\..\\etc\\passwd"),
            "image 1: ",
        ),
    ],
)
def test_what_is_not_certain_is_refused_alike(
    change: Callable[[Document], None], message: str, plain: Path, tmp_path: Path
) -> None:
    document = document_of(plain)
    change(document)
    assert refusal(written(tmp_path / "data", plain, document)).startswith(message)


@pytest.mark.parametrize(
    "name",
    [
        "/etc/hostname",
        "../annotations.json",
        "images/../../annotations.json",
        "..\\annotations.json",
        "a/../..",
        "images/",
        ".",
        "",
        "a\0b",
        "//etc/hostname",
    ],
)
def test_names_that_lead_out_of_the_folder_are_refused_alike(
    name: str, plain: Path, tmp_path: Path
) -> None:
    document = document_of(plain)
    document["images"][0]["file_name"] = name
    line = refusal(written(tmp_path / "data", plain, document))
    assert line.startswith("image 1: file_name: expected a file")
    assert line.endswith(f"found {name!r}")


@pytest.mark.parametrize("kind", NO_FILES)
def test_pictures_that_are_no_files_are_refused_alike(
    kind: str, plain: Path, tmp_path: Path
) -> None:
    document = document_of(plain)
    document["images"][0]["file_name"] = "../images/odd.png"
    folder = tmp_path / "data"
    written(folder, plain, document)
    (folder / "images").unlink()
    (folder / "images").mkdir()
    NO_FILES[kind](folder / "images" / "odd.png")
    assert "found no such file" in refusal(folder)


@pytest.mark.parametrize("kind", NO_FILES)
def test_annotations_that_are_no_file_are_refused_alike(kind: str, tmp_path: Path) -> None:
    NO_FILES[kind](tmp_path / "annotations.json")
    refusal(tmp_path)


def test_a_file_with_a_key_twice_is_refused_alike(plain: Path, tmp_path: Path) -> None:
    folder = written(tmp_path / "data", plain, document_of(plain))
    text = (folder / "annotations.json").read_text()
    (folder / "annotations.json").write_text(text.replace('"bbox":', '"id": 7, "bbox":', 1))
    assert refusal(folder) == "expected JSON, found the key 'id' twice"


def test_a_file_too_large_is_refused_alike(tmp_path: Path) -> None:
    with (tmp_path / "annotations.json").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    assert refusal(tmp_path) == "expected at most 2147483648 bytes, found more"


JUNK = (None, True, -1, 1.5, 10**30, float("nan"), float("inf"), "", " ", "x", "\ud800", [], {})


@pytest.mark.parametrize("key", ["images", "categories", "annotations"])
def test_any_junk_is_read_or_refused_alike(key: str, plain: Path, tmp_path: Path) -> None:
    document = document_of(plain)
    fields = [*document[key][1]]
    for number, (field, junk) in enumerate((f, j) for f in fields for j in (*JUNK, "absent")):
        spoiled = copy.deepcopy(document)
        if junk == "absent":
            del spoiled[key][1][field]
        else:
            spoiled[key][1][field] = junk
        folder = written(tmp_path / str(number), plain, spoiled)
        try:
            load_dataset(folder)
        except EvaluationError as error:
            line = str(error)
            assert line.isprintable()
            if field not in ("height", "width"):  # training needs them
                refusal(folder)
        else:
            try:
                load_pictures((str(folder),))
            except DataError as error:
                # What only training reads, and sizes, which only training needs.
                own = ("names", "colours", "object", "height", "width")
                assert field in own, (field, junk, error)
