# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hotcoco import COCO, COCOeval

from test.scenes.pack import add_split_pairs, write_boxes
from vit_perception.rle import decode_mask
from vit_perception.scenes import coco
from vit_perception.scenes.catalogue import load_catalogue
from vit_perception.scenes.dataset import DatasetError, write_dataset
from vit_perception.scenes.recipe import Recipe

pytestmark = pytest.mark.usefixtures("rendering")

SMALL = Recipe(count=6, seed=1, width=128, height=96, most=6, views=6)


@pytest.fixture(scope="module")
def written(pack: Path, tmp_path_factory: pytest.TempPathFactory, rendering: None) -> Path:
    directory = tmp_path_factory.mktemp("train")
    result = write_dataset(pack, directory, SMALL)
    assert result.pictures == 6
    assert {entry.id for entry in result.skipped} == {"bad_mesh", "no_texture", "giant"}
    return directory


def read(directory: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(
        (directory / "annotations.json").read_text(encoding="utf-8")
    )
    return document


def picture_bytes(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (directory / "images").iterdir()}


def test_every_annotation_has_a_line_of_its_own(written: Path) -> None:
    lines = (written / "annotations.json").read_text(encoding="utf-8").splitlines()
    alone = [json.loads(line.rstrip(",")) for line in lines if '"segmentation"' in line]
    assert alone == read(written)["annotations"]


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
    evaluation = COCOeval(truth, truth.loadRes(found), "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    assert evaluation.stats[0] == pytest.approx(1.0)


def test_annotations_say_what_a_thing_is(written: Path) -> None:
    document = read(written)
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


def test_an_interrupted_run_goes_on(pack: Path, tmp_path: Path) -> None:
    """Labels of a chunk that are there already are kept; the pictures are as of one run."""
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    recipe = replace(SMALL, count=65, views=2, width=64, height=64)
    sprites = tmp_path / "sprites"
    write_dataset(pack, whole, recipe, sprites=sprites)
    shutil.copytree(whole, broken)
    document = read(broken)
    (broken / "annotations.json").unlink()
    labels = broken / "labels"
    labels.mkdir()
    first = [_record(document, index) for index in range(60)]
    (labels / "0000000.json").write_text(json.dumps(first), encoding="utf-8")
    (labels / "0000060.json.part").write_text("[{", encoding="utf-8")
    for index in range(60, 65):
        (broken / "images" / f"{index:07d}.jpg").unlink()
    result = write_dataset(pack, broken, recipe, sprites=sprites)
    assert (result.pictures, result.made) == (65, 5)
    assert picture_bytes(broken) == picture_bytes(whole)
    ours, theirs = (d / "annotations.json" for d in (broken, whole))
    assert ours.read_bytes() == theirs.read_bytes()
    assert not labels.exists()


def _record(document: dict[str, Any], index: int) -> dict[str, Any]:
    image = dict(document["images"][index])
    own = [a for a in document["annotations"] if a["image_id"] == image["id"]]
    keep = [{k: v for k, v in a.items() if k not in ("id", "image_id")} for a in own]
    return {"index": image.pop("id") - 1, **image, "annotations": keep}


def test_a_folder_keeps_its_recipe(pack: Path, written: Path) -> None:
    with pytest.raises(DatasetError, match=r"recipe\.json: .* another seed"):
        write_dataset(pack, written, replace(SMALL, seed=2))


def test_the_test_part_holds_every_part_of_the_split(pack: Path, tmp_path: Path) -> None:
    recipe = replace(SMALL, part="test", count=12, fewest=3, most=6)
    write_dataset(pack, tmp_path, recipe)
    document = read(tmp_path)
    parts = {annotation["part"] for annotation in document["annotations"]}
    assert parts == {"train", "val_instances", "novel"}


def test_masks_are_what_the_boxes_surround(written: Path) -> None:
    document = read(written)
    for image in document["images"]:
        own = [a for a in document["annotations"] if a["image_id"] == image["id"]]
        masks = [decode_mask(a["segmentation"]) for a in own]
        assert not masks or np.sum(masks, axis=0).max() == 1
        for annotation, mask in zip(own, masks, strict=True):
            assert mask.shape == (image["height"], image["width"])
            assert int(mask.sum()) == annotation["area"]
            assert list(cv2.boundingRect(mask.view(np.uint8))) == annotation["bbox"]


TABLE = replace(
    SMALL,
    kind="table",
    count=4,
    fewest=3,
    most=4,
    views=2,
    width=160,
    height=120,
    class_maps=True,
)


@pytest.fixture(scope="module")
def tables(pack: Path, tmp_path_factory: pytest.TempPathFactory, rendering: None) -> Path:
    directory = tmp_path_factory.mktemp("tables")
    result = write_dataset(pack, directory, TABLE)
    assert result.pictures == 4
    assert result.unmade == ()
    counts = [0] * 4
    for annotation in read(directory)["annotations"]:
        counts[annotation["image_id"] - 1] += not annotation["ignore"]
    # At least `fewest` things to ask for, as composed pictures have.
    assert min(counts) >= 3
    return directory


def test_tables_carry_depth_camera_and_poses(tables: Path) -> None:
    """An object's origin, seen through camera and depth, lies where the depth says it is."""
    assert COCO(str(tables / "annotations.json")).getAnnIds()
    document = read(tables)
    for image in document["images"]:
        depth = cv2.imread(str(tables / "depth" / image["depth"]), cv2.IMREAD_UNCHANGED)
        assert (depth.dtype, depth.shape) == (np.uint16, (image["height"], image["width"]))
        matrix = np.array(image["camera"]["K"]).reshape(3, 3)
        camera = np.array(image["camera"]["pose"]).reshape(4, 4)
        assert image["camera"]["name"]
        for annotation in document["annotations"]:
            if annotation["image_id"] != image["id"] or annotation["area"] < 20:
                continue
            pose = np.array(annotation["pose"]).reshape(4, 4)
            np.testing.assert_allclose(pose[:3, :3] @ pose[:3, :3].T, np.eye(3), atol=1e-4)
            rows, columns = np.nonzero(decode_mask(annotation["segmentation"]))
            metres = depth[rows, columns] / 1000
            rays = np.linalg.inv(matrix) @ np.stack([columns, rows, np.ones_like(rows)])
            points = camera[:3, :3] @ (rays * metres) + camera[:3, 3:]
            own = pose[:3, :3].T @ (points - pose[:3, 3:])
            # Every box of the pack lies within 0.31 m of the middle of its bottom.
            assert np.linalg.norm(own, axis=0).max() < 0.32


def test_class_maps_agree_with_the_masks(tables: Path) -> None:
    document = read(tables)
    classes = document["info"]["classes"]
    for image in document["images"]:
        found = cv2.imread(str(tables / "class_maps" / image["class_map"]), cv2.IMREAD_UNCHANGED)
        assert (found.dtype, found.shape) == (np.uint8, (image["height"], image["width"]))
        assert found.max() < len(classes)
        assert (found == classes.index("support")).mean() > 0.05
        things = found == classes.index("thing")
        for annotation in document["annotations"]:
            if annotation["image_id"] == image["id"]:
                assert things[decode_mask(annotation["segmentation"])].all()


def test_tables_have_the_same_bytes_again(pack: Path, tables: Path, tmp_path: Path) -> None:
    write_dataset(pack, tmp_path, TABLE, workers=2)
    assert picture_bytes(tmp_path) == picture_bytes(tables)
    for folder in ("depth", "class_maps"):
        for path in (tables / folder).iterdir():
            assert (tmp_path / folder / path.name).read_bytes() == path.read_bytes()
    ours, theirs = (d / "annotations.json" for d in (tmp_path, tables))
    assert ours.read_bytes() == theirs.read_bytes()


def test_pairs_are_asked_for_both_ways(tmp_path: Path, pack: Path) -> None:
    root = add_split_pairs(pack, tmp_path / "assets", [("crate_red", "crate_green")])
    recipe = replace(
        TABLE,
        part="test",
        choose="pairs",
        count=2,
        views=1,
        depth=False,
        arrangements={"scattered": 1.0},
    )
    result = write_dataset(root, tmp_path / "out", recipe)
    document = read(tmp_path / "out")
    assert not (tmp_path / "out" / "depth").exists()
    assert result.asks == 4
    by_id = {annotation["id"]: annotation for annotation in document["annotations"]}
    for image in document["images"]:
        first, second = image["asks"]
        assert (first["annotation"], first["other"]) == (second["other"], second["annotation"])
        for ask in image["asks"]:
            asked, other = by_id[ask["annotation"]], by_id[ask["other"]]
            assert asked["image_id"] == other["image_id"] == image["id"]
            assert ask["phrase"] == f"{asked['colours'][0]} crate"
            assert asked["object"] != other["object"]
            assert min(asked["visible_fraction"], other["visible_fraction"]) >= 0.7
            assert ask["part"] == "unseen"


def test_objects_of_several_folders_stand_together(pack: Path, tmp_path: Path) -> None:
    more = write_boxes(tmp_path / "more", ["disc_red"])
    write_dataset([pack, more], tmp_path / "out", replace(SMALL, count=12, fewest=4))
    document = read(tmp_path / "out")
    assert "disc_red" in {annotation["object"] for annotation in document["annotations"]}
    assert "disc" in {category["name"] for category in document["categories"]}


def test_a_mesh_the_renderer_refuses_is_left_out_of_tables(pack: Path, tmp_path: Path) -> None:
    more = write_boxes(tmp_path / "more", ["disc_red", "ring_blue"])
    mesh = more / "objects" / "ring_blue" / "mesh.obj"
    # Four points of one plane: a picture has no inside for physics to weigh.
    corners = "v 0 0 0\nv 0.1 0 0\nv 0.1 0.1 0\nv 0 0.1 0\n"
    mesh.write_text(corners + "f 1 2 9\n", encoding="utf-8")
    result = write_dataset([pack, more], tmp_path / "out", replace(TABLE, count=2))
    reasons = {entry.id: entry.reason for entry in result.skipped}
    assert reasons["ring_blue"]
    assert "\n" not in reasons["ring_blue"]


def test_objects_made_in_code_join_training_but_no_novel_name(pack: Path, tmp_path: Path) -> None:
    from vit_perception.scenes.parametric import write_parametric

    write_parametric(tmp_path / "made", count=6, seed=SMALL.seed)
    made = load_catalogue(tmp_path / "made").assets
    novel = made[0].category
    root = add_split_pairs(pack, tmp_path / "assets", [], novel=[novel])
    recipe = replace(SMALL, parametric=6, count=4, fewest=6, views=4)
    result = write_dataset(root, tmp_path / "out", recipe)
    assert result.left_out == sum(novel in asset.names for asset in made)
    drawn = [a for a in read(tmp_path / "out")["annotations"] if a["object"].startswith("p_")]
    assert drawn
    for annotation in drawn:
        assert novel not in annotation["names"]
        assert annotation["part"] == "train"


def test_a_picture_that_cannot_be_made_is_left_out_with_its_reason() -> None:
    empty = {"width": 64, "height": 64, "annotations": []}
    records = [{"index": 0, "unmade": "scene 0: no way"}, {"index": 1, "file_name": "a", **empty}]
    document = coco.assemble(records, ["crate"], {})
    assert [image["id"] for image in document["images"]] == [2]
    assert document["info"]["unmade"] == [{"index": 0, "unmade": "scene 0: no way"}]
