# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The committed photographs are a sound set of labels."""

from __future__ import annotations

import json
from typing import Any

import pytest

from vit_perception.bundle.samples import sample_photographs
from vit_perception.evaluation.dataset import load_dataset
from vit_perception.images.media import read_picture


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    text = (sample_photographs() / "annotations.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def test_every_picture_opens_with_the_stated_size(document: dict[str, Any]) -> None:
    for image in document["images"]:
        picture = read_picture(sample_photographs() / "images" / image["file_name"])
        assert picture.image.shape == (image["height"], image["width"], 3)


def test_files_and_list_agree_and_the_licence_names_each(document: dict[str, Any]) -> None:
    listed = [image["file_name"] for image in document["images"]]
    files = sorted(path.name for path in (sample_photographs() / "images").iterdir())
    assert sorted(listed) == files
    top = {path.name for path in sample_photographs().iterdir()}
    assert top == {"images", "annotations.json", "LICENCE.md"}
    licence = (sample_photographs() / "LICENCE.md").read_text(encoding="utf-8")
    for name in listed:
        assert licence.count(f"| {name} | ") == 1


def test_boxes_lie_in_their_pictures(document: dict[str, Any]) -> None:
    sizes = {image["id"]: (image["width"], image["height"]) for image in document["images"]}
    for entry in document["annotations"]:
        x, y, width, height = entry["bbox"]
        assert min(x, y) >= 0
        assert min(width, height) > 0
        assert x + width <= sizes[entry["image_id"]][0]
        assert y + height <= sizes[entry["image_id"]][1]
        assert entry["area"] == width * height


def test_entries_are_told_apart_and_refer_to_each_other(document: dict[str, Any]) -> None:
    ids = {
        key: [entry["id"] for entry in document[key]]
        for key in ("images", "categories", "annotations")
    }
    assert all(len(found) == len(set(found)) for found in ids.values())
    named = {a["category_id"] for a in document["annotations"]}
    assert named <= set(ids["categories"])
    assert {a["image_id"] for a in document["annotations"]} == set(ids["images"])
    # What is nowhere but in crowds is asked for as well: it may then be found falsely.
    assert named == set(ids["categories"])


def test_each_entry_has_a_line_of_its_own() -> None:
    lines = (sample_photographs() / "annotations.json").read_text(encoding="utf-8").splitlines()
    for line in lines:
        assert line.count('"id":') <= 1


def test_evaluation_reads_the_set(document: dict[str, Any]) -> None:
    data = load_dataset(sample_photographs())
    crowds = sum(a["iscrowd"] for a in data.annotations)
    assert (len(data.pictures), len(data.annotations) - crowds, crowds) == (121, 374, 120)
    assert data.parts() == ("real",)
    assert not data.has_masks
    assert data.names == tuple(c["name"] for c in document["categories"])
