# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from vit_perception.evaluation.dataset import EvaluationError
from vit_perception.evaluation.lvis_dataset import asked_name, is_lvis, lvis_from

from .lvis_pictures import IDS, document, load, write

MUG = (10, 20, 50, 60)


def content() -> dict[str, Any]:
    """One picture with a mug, without hats; not all its spoons are marked."""
    return document({1: [("mug", MUG)]}, {1: ["hat"]}, {1: ["spoon"]})


def test_what_is_known_of_a_picture(tmp_path: Path) -> None:
    data = load(write(tmp_path, content()))
    assert data.name == "lvis.json"
    assert data.names == {7: "mug", 8: "spoon", 9: "hat"}
    assert data.frequencies == {7: "r", 8: "c", 9: "f"}
    assert data.absent == {1: {IDS["hat"]}}
    assert data.incomplete == {1: {IDS["spoon"]}}
    assert data.judged() == {1: {IDS["mug"], IDS["hat"]}}
    assert data.annotations[0]["bbox"] == [10, 20, 40, 40]
    picture = data.pictures[0]
    assert (picture.file_name, picture.size) == ("val2017/1.jpg", (120, 160))


def test_lvis_is_known_by_its_content() -> None:
    assert is_lvis(content())
    assert is_lvis({"images": [{"neg_category_ids": []}], "categories": []})
    assert is_lvis({"images": [], "categories": [{}, {"frequency": "r"}]})
    assert not is_lvis({"images": [{"id": 1}], "categories": [{"name": "mug"}]})
    assert not is_lvis({"images": None, "categories": ["frequency"]})


@pytest.mark.parametrize(
    ("synonyms", "name"),
    [
        (["aerosol_can", "spray_can"], "aerosol can"),
        (["arctic_(type_of_shoe)", "galosh"], "arctic"),
        (["football_(American)"], "football"),
        (["Dixie_cup", "paper_cup"], "Dixie cup"),
        (["first-aid_kit"], "first-aid kit"),
        (["car_(part)_(old)_door"], "car door"),
        ([], "the name"),
    ],
)
def test_names_that_are_asked_for(synonyms: list[str], name: str) -> None:
    category = {"id": 1, "name": "the_name", "synonyms": synonyms}
    assert asked_name(category) == name


def test_pictures_lie_in_their_folder_or_all_together(tmp_path: Path) -> None:
    path = write(tmp_path, content())
    folder = tmp_path / "images"
    assert load(path).pictures[0].path == folder / "val2017" / "1.jpg"
    (folder / "val2017" / "1.jpg").rename(folder / "1.jpg")
    assert load(path).pictures[0].path == folder / "1.jpg"
    with_file_name = content()
    with_file_name["images"][0]["file_name"] = "1.jpg"
    del with_file_name["images"][0]["coco_url"]
    path.write_text(json.dumps(with_file_name))
    assert load(path).pictures[0].path == folder / "1.jpg"
    (folder / "1.jpg").unlink()
    with pytest.raises(EvaluationError, match=r"images/1\.jpg: expected a picture"):
        load(path)


def test_the_first_pictures_only(tmp_path: Path) -> None:
    path = write(tmp_path, document({2: [("mug", MUG)], 1: [("hat", MUG)]}))
    data = load(path, limit=1)
    assert [picture.id for picture in data.pictures] == [1]
    assert [a["category_id"] for a in data.annotations] == [IDS["hat"]]
    with pytest.raises(EvaluationError, match="limit: expected at least 1 picture, found 0"):
        load(path, limit=0)


def test_objects_without_an_area_do_not_count(tmp_path: Path) -> None:
    data = load(write(tmp_path, document({1: [("mug", (10, 10, 10, 40))]})))
    assert data.annotations == ()
    assert data.judged() == {1: frozenset()}


def test_pictures_that_are_not_there_are_told_at_once(tmp_path: Path) -> None:
    path = write(tmp_path, document({1: [], 2: [], 3: []}))
    for number in (1, 3):
        (tmp_path / "images" / "val2017" / f"{number}.jpg").unlink()
    with pytest.raises(EvaluationError, match=r"1\.jpg: .* found none \(2 of 3 are missing\)"):
        load(path)


@pytest.mark.parametrize(
    ("place", "change", "complaint"),
    [
        ("images", {"neg_category_ids": None}, "image 1: neg_category_ids: expected a list"),
        ("images", {"neg_category_ids": [5]}, "neg_category_ids: expected known .* found 5"),
        ("images", {"neg_category_ids": [[7]]}, "expected LVIS entries, found TypeError"),
        (
            "images",
            {"not_exhaustive_category_ids": "7"},
            "not_exhaustive_category_ids: expected a",
        ),
        ("images", {"coco_url": 3}, "image 1: expected coco_url or file_name, found 3"),
        (
            "images",
            {"coco_url": "../../etc/passwd/../.."},
            "image 1: coco_url: expected a file inside",
        ),
        ("images", {"coco_url": "http://host/.."}, "image 1: coco_url: expected a file inside"),
        ("images", {"coco_url": "http://host"}, "image 1: coco_url: expected a file's name"),
        ("images", {"coco_url": "http://["}, r"image 1: coco_url: found 'http://\['"),
        ("images", {"coco_url": "/a\0b"}, "image 1: coco_url: expected a file's name"),
        ("images", {"id": "9" * 5000}, r"expected LVIS entries, found ValueError\("),
        ("images", {"height": "tall"}, "expected LVIS entries"),
        ("images", {"id": None}, "expected LVIS entries"),
        ("categories", {"frequency": "x"}, "category 7: frequency: expected r or c or f"),
        ("categories", {"synonyms": "mug"}, "category 7: expected synonyms or a name"),
        ("categories", {"synonyms": ["(mug)"]}, "category 7: expected synonyms or a name"),
        ("categories", {"synonyms": None, "name": 1}, "category 7: expected synonyms or a name"),
        ("annotations", {"category_id": 5}, "annotation 1: expected a known category, found 5"),
        ("annotations", {"bbox": [1, 2]}, "annotation 1: expected a bbox"),
    ],
)
def test_what_is_not_lvis_is_refused(
    place: str, change: dict[str, Any], complaint: str, tmp_path: Path
) -> None:
    spoiled = content()
    path = write(tmp_path, content())
    spoiled[place][0] |= change
    with pytest.raises(EvaluationError, match=complaint) as refused:
        lvis_from(spoiled, path, tmp_path / "images")
    assert str(refused.value).startswith(str(path))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("place", "field"),
    [
        ("images", "neg_category_ids"),
        ("images", "not_exhaustive_category_ids"),
        ("images", "coco_url"),
        ("categories", "frequency"),
        ("annotations", "bbox"),
    ],
)
def test_missing_fields_are_named(place: str, field: str, tmp_path: Path) -> None:
    spoiled = content()
    path = write(tmp_path, content())
    del spoiled[place][0][field]
    with pytest.raises(EvaluationError, match=field):
        lvis_from(spoiled, path, tmp_path / "images")


@pytest.mark.parametrize("place", ["images", "annotations", "categories"])
def test_ids_are_there_once(place: str, tmp_path: Path) -> None:
    twice = content()
    twice[place] *= 2
    with pytest.raises(EvaluationError, match="id once, found [17] again"):
        load(write(tmp_path, twice))


def test_a_file_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="expected pictures, found none"):
        load(write(tmp_path, document({})))
