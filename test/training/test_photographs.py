# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Photographs among rendered pictures: what is held out, what is not labelled, what is drawn."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from test.training import toy  # noqa: E402
from vit_perception.export.detector import portable  # noqa: E402
from vit_perception.input.yaml_file import read_yaml  # noqa: E402
from vit_perception.training.annotations import load_pictures  # noqa: E402
from vit_perception.training.augment import fit, mirror, mosaic  # noqa: E402
from vit_perception.training.batches import BatchSource  # noqa: E402
from vit_perception.training.photographs import (  # noqa: E402
    PhotographSet,
    drawing_odds,
    photograph_sets,
    read_held_out,
)
from vit_perception.training.phrases import build_phrase_book  # noqa: E402
from vit_perception.training.pictures import DataError  # noqa: E402
from vit_perception.training.recipe import (  # noqa: E402
    Recipe,
    RecipeError,
    load_recipe,
    recipe_from,
)

pytestmark = pytest.mark.torch

ROOT = Path(__file__).parents[2]
RECIPES = ROOT / "recipes"
REAL = Path(os.environ.get("VIT_PERCEPTION_SHARED", ROOT.parent / "shared")) / "real"


def write_photographs(folder: Path, names: list[list[str]], scores: list[float] | None = None):  # noqa: ANN201
    """One white square a picture, named by its category alone, as sets of photographs do."""
    toy.write_pictures(folder, len(names), seed=4)
    content = json.loads((folder / "annotations.json").read_text())
    kinds = list(dict.fromkeys(tuple(each) for each in names))
    content["categories"] = [
        {"id": i, "name": kind[0], "names": list(kind)} for i, kind in enumerate(kinds)
    ]
    kept = []
    for index, own in enumerate(names):
        first = next(a for a in content["annotations"] if a["image_id"] == index + 1)
        plain = {key: first[key] for key in ("id", "image_id", "bbox", "area", "iscrowd")}
        plain["category_id"] = kinds.index(tuple(own))
        if scores is not None:
            plain["box_score"] = scores[index]
        kept.append(plain)
    content["annotations"] = kept
    (folder / "annotations.json").write_text(json.dumps(content))
    return folder


@pytest.fixture
def rendered(tmp_path: Path) -> Path:
    return toy.write_pictures(tmp_path / "rendered", 12)


def test_names_come_from_the_category(tmp_path: Path, rendered: Path) -> None:
    folder = write_photographs(tmp_path / "photos", [["glass jar", "jar"], ["bottle"]])
    pictures, described = load_pictures((str(rendered),), [PhotographSet(str(folder))])
    assert [each.source for each in pictures] == [0] * 12 + [1, 1]
    assert [described[each.labels.objects[0]].names for each in pictures[12:]] == [
        ("glass jar", "jar"),
        ("bottle",),
    ]
    assert not any(len(each.labels.regions) for each in pictures)


def test_what_is_held_out_is_not_read(tmp_path: Path, rendered: Path) -> None:
    write_photographs(tmp_path / "photos", [["jar"], ["bottle"], ["jar"]])
    (tmp_path / "held.txt").write_text("# remarks\n\nphotos/00001.png\nelsewhere/00002.png\n")
    recipe = Recipe(
        data=(str(rendered),),
        photographs=(str(tmp_path / "photos"),),
        photograph_share=0.5,
        held_out=str(tmp_path / "held.txt"),
    )
    pictures, _ = load_pictures(recipe.data, photograph_sets(recipe))
    assert [each.path.name for each in pictures if each.source] == ["00000.png", "00002.png"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("photos/00009.png\n", "expected pictures of 'photos', found '00009.png', which is none"),
        ("# one\n00001.png\n", "held.txt:2: expected FOLDER/FILE, found '00001.png'"),
        ("photos/images/00001.png\n", "held.txt:1: expected FOLDER/FILE, found"),
    ],
)
def test_a_list_that_holds_nothing_out_is_refused(
    tmp_path: Path, rendered: Path, text: str, message: str
) -> None:
    write_photographs(tmp_path / "photos", [["jar"], ["bottle"]])
    (tmp_path / "held.txt").write_text(text)
    recipe = Recipe(
        data=(str(rendered),),
        photographs=(str(tmp_path / "photos"),),
        photograph_share=0.5,
        held_out=str(tmp_path / "held.txt"),
    )
    with pytest.raises(DataError) as caught:
        photograph_sets(recipe)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(DataError, match="expected a readable file, found No such file"):
        read_held_out(tmp_path / "nothing.txt")


def test_recipes_with_photographs_hold_some_out() -> None:
    """No recipe trains on the photographs that measure bundles."""
    found = 0
    for path in sorted(RECIPES.glob("*.yaml")):
        content = read_yaml(path)
        if isinstance(content, dict) and any(
            str(key).startswith("photographs") for key in content
        ):
            assert content["held_out"] == "real_held_out.txt", path
            assert not any("samples" in str(value) for value in content.values()), path
            found += 1
    assert found
    listed = read_held_out(RECIPES / "real_held_out.txt")
    assert len(listed) >= 60


@pytest.mark.skipif(not REAL.is_dir(), reason="the photographs are not here")
def test_the_held_out_photographs_are_not_read(tmp_path: Path, rendered: Path) -> None:
    (tmp_path / "real").symlink_to(REAL)
    text = (RECIPES / "tabletop_small.yaml").read_text()
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "small.yaml").write_text(text.replace("../data/real", "../real"))
    (tmp_path / "recipes" / "real_held_out.txt").write_bytes(
        (RECIPES / "real_held_out.txt").read_bytes()
    )
    recipe = load_recipe(tmp_path / "recipes" / "small.yaml")
    sets = photograph_sets(recipe)
    listed = read_held_out(Path(recipe.held_out))
    pictures, _ = load_pictures((str(rendered),), sets)
    folders = [Path(each.folder).name for each in sets]
    read = {f"{folders[each.source - 1]}/{each.path.name}" for each in pictures if each.source}
    assert len(read) > 1000
    assert not read & listed
    alone = [replace(each, held_out=frozenset()) for each in sets]
    everything, _ = load_pictures((str(rendered),), alone)
    assert len(everything) > len(pictures)
    boxes = 0
    for folder in {name.split("/")[0] for name in listed}:
        content = json.loads((REAL / folder / "annotations.json").read_text())
        ids = {
            image["id"]
            for image in content["images"]
            if f"{folder}/{Path(image['file_name']).name}" in listed
        }
        boxes += sum(each["image_id"] in ids for each in content["annotations"])
    assert boxes >= 500


def test_pictures_with_doubtful_boxes_are_left_out(tmp_path: Path, rendered: Path) -> None:
    folder = write_photographs(tmp_path / "photos", [["jar"], ["jar"], ["jar"]], [0.2, 0.3, 1.5])
    chosen = PhotographSet(str(folder), least_box_score=0.3)
    pictures, _ = load_pictures((str(rendered),), [chosen])
    assert [each.path.name for each in pictures if each.source] == ["00001.png", "00002.png"]
    write_photographs(tmp_path / "wrong", [["jar"]], [float("nan")])
    with pytest.raises(DataError, match="box_score: expected a number from 0, found"):
        load_pictures((str(rendered),), [PhotographSet(str(tmp_path / "wrong"))])


def test_regions_follow_the_picture(tmp_path: Path) -> None:
    folder = write_photographs(tmp_path / "photos", [["jar"]] * 4)
    chosen = PhotographSet(str(folder), complete=False)
    pictures, _ = load_pictures((), [chosen])
    rng = np.random.default_rng(2)
    for _ in range(8):
        view = mirror(fit(pictures[0], 64, rng))
        np.testing.assert_allclose(view.labels.regions, [[0, 0, 64, 64]])
        view = mosaic(pictures, 64, rng)
        assert view.labels.sources.tolist() == [1] * 4
        covered = np.zeros((64, 64), int)
        for x1, y1, x2, y2 in np.round(view.labels.regions).astype(int):
            covered[y1:y2, x1:x2] += 1
        assert (covered == 1).all()


def test_what_may_be_there_unlabelled(tmp_path: Path, rendered: Path) -> None:
    """All names, or those that the set does not have."""
    named = write_photographs(tmp_path / "named", [["jar"], ["bottle"]])
    part = write_photographs(tmp_path / "part", [["carton"]])
    recipe = Recipe(
        data=(str(rendered),), photographs_by_name=(str(named),), photographs_in_part=(str(part),),
        photograph_share=1.0, size=64, batch=16, texts=20, steps=1, mosaic=0.0,
    )  # fmt: skip
    pictures, described = load_pictures(recipe.data, photograph_sets(recipe))
    book = build_phrase_book(described, toy.encode)
    batch = BatchSource(recipe, pictures, book).batch(0)
    own = {"jar", "bottle"}
    kinds = set()
    for row, texts in enumerate(batch.texts):
        asked = [book.texts[text] for text in texts]
        (unknown,) = batch.targets.unlabelled[row]
        kinds.add(bool(unknown.all()))
        if not unknown.all():
            assert [name for name, is_ in zip(asked, unknown, strict=True) if not is_] == [
                name for name in asked if name in own
            ]
        assert batch.targets.labels[row][batch.targets.valid[row]].any(dim=1).all()
    assert kinds == {True, False}


def test_the_share_of_photographs(tmp_path: Path, rendered: Path) -> None:
    folder = write_photographs(tmp_path / "photos", [["jar"]] * 3)
    recipe = Recipe(
        data=(str(rendered),), photographs=(str(folder),), photograph_share=0.3, size=64, texts=8,
        mosaic=0.0,
    )  # fmt: skip
    pictures, described = load_pictures(recipe.data, photograph_sets(recipe))
    source = BatchSource(recipe, pictures, build_phrase_book(described, toy.encode))
    rng = np.random.default_rng(0)
    drawn = [bool(source._drawn(rng, 1)[0].source) for _ in range(2000)]
    assert np.mean(drawn) == pytest.approx(0.3, abs=0.04)


def test_rare_things_are_drawn_more_often_than_they_are_there(
    tmp_path: Path, rendered: Path
) -> None:
    names = [["glass jar", "jar"]] * 8 + [["jar"]] + [["bottle"]]
    folder = write_photographs(tmp_path / "photos", names)
    pictures, described = load_pictures((str(rendered),), [PhotographSet(str(folder))])
    odds = drawing_odds([each for each in pictures if each.source], described)
    assert odds.sum() == pytest.approx(1)
    # Nine jars of two names count as one thing.
    assert odds[9] / odds[0] == pytest.approx(3)
    assert odds[8] == pytest.approx(odds[0])


def test_a_bundle_keeps_the_names_of_folders_and_files_alone() -> None:
    recipe = load_recipe(RECIPES / "tabletop_small.yaml")
    values = portable(recipe)
    assert not any("/" in str(value) for value in values.values())
    assert values["photographs_in_part"] == ["grocerystore"]
    assert values["held_out"] == "real_held_out.txt"
    assert recipe_from(values, "recipe.json").backbone_rate == recipe.backbone_rate


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("data: [a]\nphotographs: [b]\n", "photograph_share: expected a share if there are photo"),
        ("data: [a]\nphotograph_share: 0.3\n", "and 0 if there are none, found 0.3"),
        ("data: [a]\nfrozen: [stem]\n", "backbone: expected a backbone for frozen, found none"),
        ("data: [a]\nbackbone_weights: w\n", "expected a backbone for backbone_weights, found"),
        ("data: [a]\narithmetic: double\n", "arithmetic: expected half or full, found 'double'"),
    ],
)
def test_settings_that_do_not_go_together(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "recipe.yaml").write_text(text)
    with pytest.raises(RecipeError) as caught:
        load_recipe(tmp_path / "recipe.yaml")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
