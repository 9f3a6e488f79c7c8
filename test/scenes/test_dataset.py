# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from faster_coco_eval import COCO, COCOeval_faster

from vit_perception.scenes.dataset import DatasetError, Recipe, write_dataset

pytestmark = pytest.mark.usefixtures("rendering")

SMALL = Recipe(count=6, seed=1, width=128, height=96, most=6, views=6)


@pytest.fixture(scope="module")
def written(pack: Path, tmp_path_factory: pytest.TempPathFactory, rendering: None) -> Path:
    directory = tmp_path_factory.mktemp("train")
    result = write_dataset(pack, directory, SMALL)
    assert result.pictures == 6
    assert {entry.id for entry in result.skipped} == {"bad_mesh", "no_texture", "giant"}
    return directory


def picture_bytes(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (directory / "images").iterdir()}


def test_the_labels_load_and_score_as_coco(written: Path) -> None:
    truth = COCO(str(written / "annotations.json"))
    names = [category["name"] for category in truth.loadCats(truth.getCatIds())]
    assert names == sorted(names)
    assert truth.getCatIds() == list(range(1, len(names) + 1))
    assert len(truth.getImgIds()) == 6
    found = [
        {**{key: a[key] for key in ("image_id", "category_id", "bbox")}, "score": 0.9}
        for a in truth.dataset["annotations"]
    ]
    evaluation = COCOeval_faster(truth, truth.loadRes(found), "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    assert evaluation.stats[0] == pytest.approx(1.0)


def test_annotations_say_what_a_thing_is(written: Path) -> None:
    document = json.loads((written / "annotations.json").read_text(encoding="utf-8"))
    sizes = {image["id"]: (image["width"], image["height"]) for image in document["images"]}
    assert document["annotations"]
    for annotation in document["annotations"]:
        x, y, width, height = annotation["bbox"]
        assert 0 <= x < x + width <= sizes[annotation["image_id"]][0]
        assert 0 <= y < y + height <= sizes[annotation["image_id"]][1]
        assert annotation["part"] == "train"
        assert annotation["object"] not in ("crate_green", "tower_red")
        assert annotation["caption"].startswith(annotation["colours"][0])
        assert annotation["iscrowd"] == annotation["ignore"]


def test_the_same_recipe_gives_the_same_bytes_on_two_workers(
    pack: Path, written: Path, tmp_path: Path
) -> None:
    write_dataset(pack, tmp_path, SMALL, workers=2)
    assert picture_bytes(tmp_path) == picture_bytes(written)
    ours, theirs = (d / "annotations.json" for d in (tmp_path, written))
    assert ours.read_bytes() == theirs.read_bytes()


def test_an_interrupted_run_goes_on(
    pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Labels of a chunk that are there already are kept; the pictures are as of one run."""
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    recipe = replace(SMALL, count=125, views=2, width=64, height=64)
    sprites = tmp_path / "sprites"
    write_dataset(pack, whole, recipe, sprites=sprites)
    write_dataset(pack, broken, recipe, sprites=sprites)
    document = json.loads((broken / "annotations.json").read_text(encoding="utf-8"))
    (broken / "annotations.json").unlink()
    labels = broken / "labels"
    labels.mkdir()
    first = [_record(document, index) for index in range(120)]
    (labels / "0000000.json").write_text(json.dumps(first), encoding="utf-8")
    (labels / "0000120.json.part").write_text("[{", encoding="utf-8")
    for index in range(120, 125):
        (broken / "images" / f"{index:07d}.jpg").unlink()
    write_dataset(pack, broken, recipe, sprites=sprites)
    assert picture_bytes(broken) == picture_bytes(whole)
    ours, theirs = (d / "annotations.json" for d in (broken, whole))
    assert ours.read_bytes() == theirs.read_bytes()
    assert not labels.exists()


def _record(document: dict, index: int) -> dict:
    image = document["images"][index]
    own = [a for a in document["annotations"] if a["image_id"] == image["id"]]
    keep = [{k: v for k, v in a.items() if k not in ("id", "image_id")} for a in own]
    size = {"width": image["width"], "height": image["height"]}
    return {"index": index, "file_name": image["file_name"], **size, "annotations": keep}


def test_a_folder_keeps_its_recipe(pack: Path, written: Path) -> None:
    with pytest.raises(DatasetError, match=r"recipe\.json: .* another seed"):
        write_dataset(pack, written, replace(SMALL, seed=2))


def test_the_test_part_holds_every_part_of_the_split(pack: Path, tmp_path: Path) -> None:
    recipe = replace(SMALL, part="test", count=12, fewest=3, most=6)
    write_dataset(pack, tmp_path, recipe)
    document = json.loads((tmp_path / "annotations.json").read_text(encoding="utf-8"))
    parts = {annotation["part"] for annotation in document["annotations"]}
    assert parts == {"train", "val_instances", "novel"}


def test_tables_are_written_in_the_same_format(pack: Path, tmp_path: Path) -> None:
    recipe = replace(SMALL, kind="table", count=4, fewest=3, most=4)
    result = write_dataset(pack, tmp_path, recipe)
    assert result.pictures == 4
    assert result.annotations > 4
    assert COCO(str(tmp_path / "annotations.json")).getAnnIds()
