# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from vit_perception.scenes.recipe import KEYS, Recipe, RecipeError, load_recipe, recipe_from

RECIPES = Path(__file__).parents[2] / "recipes"


def read(path: Path) -> Recipe:
    return recipe_from(load_recipe(path), lambda key: f"{path}: {key}")


def refused(tmp_path: Path, text: str) -> str:
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RecipeError) as error:
        read(path)
    line = str(error.value)
    assert line.startswith(str(path))
    assert "\n" not in line
    return line.removeprefix(str(path))


@pytest.mark.parametrize(
    ("text", "expected", "found"),
    [
        ("vews: 2", "'views'", "'vews'"),
        ("hardlight: 0.3", "'hard_light'", "'hardlight'"),
        ("seed: yes", "an integer", "True"),
        ("count: 2.5", "an integer", "2.5"),
        ("count: 0", "1..", "0"),
        ("part: tests", "train or test", "'tests'"),
        ("size: 640", "size: expected AxB", "640"),
        ("size: 10x640", "size: expected an integer 64..4096", "10"),
        ("pictures: 640", "one of count, seed", "'pictures'"),
        ("objects: 9-3", "A <= B", "'9-3'"),
        ("hard_light: 2", "0..1", "2"),
        ("hard_light: dark", "a number", "'dark'"),
        ("distractors: .nan", "a number", "nan"),
        ("depth: 1", "true or false", "1"),
        ("arrangements: pile", "a mapping", "'pile'"),
        ("arrangements: {piles: 1}", "'pile'", "'piles'"),
        ("arrangements: {pile: -1}", "arrangements.pile: expected a number 0..", "-1"),
        ("arrangements: {pile: yes}", "a number", "True"),
        ("arrangements: {pile: 0}", "above 0", "none"),
        ("cameras: {d453: 1}", "'d4", "'d453'"),
        ("favoured: {spoon: 2}", "favoured: expected choose random and kind table", "composed"),
        ("favoured: {spoon: 0}", "favoured.spoon: expected a number 0.001..1000", "0"),
        ("choose: pairs", "part test and kind table", "part train"),
        ("[1, 2]", "a mapping", "[1, 2]"),
        ("seed: [1", "YAML", "no ',' or ']' at line 2"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_in_one_line(
    tmp_path: Path, text: str, expected: str, found: str
) -> None:
    line = refused(tmp_path, text)
    assert expected in line.partition("found")[0]
    assert found in line.partition("found")[2]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        RecipeError, match=r"none\.yaml: expected a readable file, found No such file"
    ):
        load_recipe(tmp_path / "none.yaml")


def test_what_is_not_said_follows_the_part() -> None:
    train, test = (recipe_from({"part": part}, str) for part in ("train", "test"))
    assert (train.fewest, train.most, train.views, train.choose) == (1, 25, 120, "random")
    assert (test.fewest, test.most, test.views, test.choose) == (3, 15, 16, "covering")
    assert recipe_from({"kind": "table"}, str).views == 20


def test_every_setting_has_a_key() -> None:
    pairs = {"size": {"width", "height"}, "objects": {"fewest", "most"}}
    set_by_keys = set().union(*(pairs.get(key, {key}) for key in KEYS))
    assert set_by_keys == {field.name for field in fields(Recipe)}


def test_the_recipes_of_the_test_set_are_what_the_figures_were_measured_with() -> None:
    scenes, pairs = read(RECIPES / "test_v1.yaml"), read(RECIPES / "test_v1_pairs.yaml")
    assert (scenes.part, scenes.kind, scenes.choose) == ("test", "table", "covering")
    assert (scenes.count, scenes.seed, scenes.fewest, scenes.most) == (500, 7, 3, 15)
    assert (scenes.width, scenes.height, scenes.parametric) == (640, 480, 0)
    assert (pairs.part, pairs.choose, pairs.views) == ("test", "pairs", 1)
    assert pairs.count >= 200
    assert read(RECIPES / "tabletop_scenes.yaml").part == "train"
    assert read(RECIPES / "tabletop_thin.yaml").favoured["spoon"] == 8
