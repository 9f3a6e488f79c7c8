# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Recipes and data sets: what is wrong is named; batches depend on seed and step alone."""

from __future__ import annotations

from pathlib import Path
from typing import get_args, get_type_hints

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from test.images.oriented import encoded, scene, turned  # noqa: E402
from test.training import toy  # noqa: E402
from vit_perception.models.layers import ACTIVATIONS  # noqa: E402
from vit_perception.training.annotations import load_pictures  # noqa: E402
from vit_perception.training.augment import fit, mirror, mosaic  # noqa: E402
from vit_perception.training.batches import BatchSource  # noqa: E402
from vit_perception.training.phrases import build_phrase_book  # noqa: E402
from vit_perception.training.pictures import (  # noqa: E402
    DataError,
    Labelled,
    Picture,
    read,
)
from vit_perception.training.recipe import (  # noqa: E402
    Recipe,
    RecipeError,
    load_recipe,
    recipe_from,
)

pytestmark = pytest.mark.torch


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("data: [a]\nstep: 3\n", "recipe.yaml: expected 'steps', found 'step'"),
        ("data: [a]\nfoo: 3\n", "recipe.yaml: expected one of data, photographs,"),
        ("data: [a]\nsteps: many\n", "steps: expected an integer, found 'many'"),
        ("data: [a]\nsize: 300\n", "size: expected a multiple of 32, found 300"),
        ("steps: 3\n", "data: expected a list of texts, found nothing"),
        ("data: []\n", "data: expected at least one data set folder, found none"),
        ("- 1\n", "expected a mapping, found [1]"),
        ("data: [\n", "recipe.yaml: expected safe YAML, found"),
        ("data: &a [b]\nname: *a\n", "expected safe YAML, found an alias"),
        ("data: [1]\n", "data: expected a list of texts, found [1]"),
        ("data: [a]\nseed: true\n", "seed: expected an integer 0..2147483648, found True"),
        (
            "data: [a]\nprototypes: 33\n",
            "recipe.yaml: prototypes: expected an integer 0..32, found 33",
        ),
        ("data: [a]\nema: 1.5\n", "ema: expected a number 0..1, found 1.5"),
        ("data: [a]\nlearning_rate: .nan\n", "learning_rate: expected a number 0..1, found nan"),
        ("data: [a]\ncategory: 0.7\n", "caption: expected a sum of 1, found 1.2"),
        ("data: [a]\nactivation: gelu\n", "activation: expected silu or relu, found 'gelu'"),
        ("data: [a]\narchitecture: ''\n", "architecture: expected a text, found ''"),
    ],
)
def test_a_wrong_recipe_is_refused_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    with pytest.raises(RecipeError) as error:
        load_recipe(path)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_data_folders_are_relative_to_the_recipe(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text("data: [data/train]\nlearning_rate: 1\n")
    recipe = load_recipe(tmp_path / "recipe.yaml")
    assert recipe.data == (str(tmp_path / "data" / "train"),)
    assert recipe.learning_rate == 1.0
    assert isinstance(recipe.learning_rate, float)


@pytest.mark.parametrize("backbone", ["", "shvit_s1"])
def test_a_recipe_survives_its_plain_values(backbone: str) -> None:
    recipe = Recipe(data=("a", "b"), backbone=backbone, activation="relu", seed=3)
    assert recipe_from(recipe.as_dict(), "checkpoint.pt") == recipe


@pytest.mark.parametrize("values", [None, [], "data", {"data": ["a"], 1: 2}])
def test_values_that_are_no_recipe_are_refused(values: object) -> None:
    with pytest.raises(RecipeError, match=r"^checkpoint\.pt: expected "):
        recipe_from(values, "checkpoint.pt")


def test_recipes_allow_the_activations_of_the_layers() -> None:
    assert get_args(get_type_hints(Recipe)["activation"]) == tuple(ACTIVATIONS)


def test_boxes_follow_the_pixels(tmp_path: Path) -> None:
    """The shapes are saturated, the ground is grey: boxes must frame the coloured pixels."""
    pictures, _ = load_pictures((str(toy.write_pictures(tmp_path / "data", 12)),))
    rng = np.random.default_rng(5)
    checked = 0
    for turn in range(24):
        if turn % 2:
            view = mosaic([pictures[i] for i in rng.integers(0, 12, 4)], 192, rng)
        else:
            view = mirror(fit(pictures[turn % 12], 192, rng))
        image, labels = view.image, view.labels
        for box, hidden in zip(labels.boxes, labels.hidden, strict=True):
            x1, y1, x2, y2 = np.round(box).astype(int)
            inside = image[y1:y2, x1:x2].astype(int)
            spread = inside.max(axis=2) - inside.min(axis=2)
            if hidden or (spread > 120).mean() < 0.2:
                continue  # hidden, black or white: colour cannot tell them
            near = box + np.array([-6, -6, 6, 6])
            meets = (labels.boxes[:, :2] < near[2:]).all(1) & (labels.boxes[:, 2:] > near[:2]).all(
                1
            )
            if meets.sum() > 1:
                continue  # a neighbour's colour would count
            around = image[max(0, y1 - 6) : y2 + 6, max(0, x1 - 6) : x2 + 6].astype(int)
            coloured = ((around.max(axis=2) - around.min(axis=2)) > 120).sum()
            assert (spread > 120).sum() >= 0.9 * coloured
            checked += 1
    assert checked >= 15


def test_owners_follow_the_pixels(tmp_path: Path) -> None:
    """The ground is grey: where a coloured shape is seen, the owner map says so."""
    pictures, _ = load_pictures((str(toy.write_pictures(tmp_path / "data", 12)),))
    rng = np.random.default_rng(6)
    owned = coloured = 0
    for turn in range(24):
        if turn % 2:
            view = mosaic([pictures[i] for i in rng.integers(0, 12, 4)], 192, rng)
        else:
            view = mirror(fit(pictures[turn % 12], 192, rng))
        cells = view.image[2::4, 2::4].astype(int)
        # Noise never is as colourful; a cell at a rim may fall on either side.
        shape = (cells.max(axis=2) - cells.min(axis=2)) > 140
        coloured += np.count_nonzero(shape)
        owned += np.count_nonzero(view.owner[shape] >= 0)
        assert view.owner.max() < len(view.labels.boxes)
        for row, box in enumerate(view.labels.boxes):
            ys, xs = np.nonzero(view.owner == row)
            if len(ys):
                assert (xs * 4 + 2 >= box[0] - 2).all()
                assert (xs * 4 + 2 <= box[2] + 2).all()
                assert (ys * 4 + 2 >= box[1] - 2).all()
                assert (ys * 4 + 2 <= box[3] + 2).all()
    assert coloured > 500
    assert owned > 0.9 * coloured


def test_a_batch_depends_on_seed_and_step_alone(tmp_path: Path) -> None:
    data = toy.write_pictures(tmp_path / "data", 8)
    recipe = Recipe(data=(str(data),), size=64, batch=4, texts=8, steps=10, mosaic=0.5)
    pictures, described = load_pictures(recipe.data)
    book = build_phrase_book(described, toy.encode)
    first, again = (BatchSource(recipe, pictures, book)[3] for _ in range(2))
    assert torch.equal(first.images, again.images)
    assert torch.equal(first.texts, again.texts)
    assert torch.equal(first.targets.boxes, again.targets.boxes)
    assert torch.equal(first.targets.owner, again.targets.owner)
    assert torch.equal(first.targets.things, again.targets.things)
    other = BatchSource(recipe, pictures, book)[4]
    assert not torch.equal(first.images, other.images)
    for row, texts in enumerate(first.texts):
        assert len(set(texts.tolist())) == recipe.texts
        # Whatever is in view is asked for by a true phrase.
        assert first.targets.labels[row][first.targets.valid[row]].any(dim=1).all()


@pytest.mark.parametrize("repaint", [0.0, 0.5])
def test_things_are_known_again_in_other_pictures_but_not_in_false_colours(
    tmp_path: Path, repaint: float
) -> None:
    data = toy.write_pictures(tmp_path / "data", 60)
    recipe = Recipe(
        data=(str(data),), size=64, batch=24, texts=8, steps=1, mosaic=0.5, repaint=repaint
    )
    pictures, described = load_pictures(recipe.data)
    batch = BatchSource(recipe, pictures, build_phrase_book(described, toy.encode)).batch(0)
    things = batch.targets.things.numpy()
    count = 1 + max(each.labels.things.max() for each in pictures)
    painted = (things >= count).any(axis=1)
    assert repaint / 4 <= painted.mean() <= repaint * 2
    plain = things[~painted][things[~painted] >= 0]
    assert len(np.unique(plain)) < len(plain)
    seen: set[int] = set()
    for row in things[painted]:
        inside = set(row[row >= 0].tolist())
        assert min(inside) >= count
        assert not inside & seen
        seen |= inside


def test_a_picture_that_cannot_be_read_comes_out_of_the_source_as_an_error(tmp_path: Path) -> None:
    """Raised in a loader's process, it would reach people with a traceback inside."""
    data = toy.write_pictures(tmp_path / "data", 1)
    recipe = Recipe(data=(str(data),), size=64, batch=1, texts=2, steps=10)
    pictures, described = load_pictures(recipe.data)
    source = BatchSource(recipe, pictures, build_phrase_book(described, toy.encode))
    pictures[0].path.write_bytes(b"no picture")
    found = source[0]
    assert isinstance(found, DataError)
    assert str(found).startswith(f"{pictures[0].path}: expected a picture, found picture file: ")


def test_pictures_are_read_upright_and_of_the_annotated_size(tmp_path: Path) -> None:
    labels = Labelled(np.zeros((0, 4)), *(np.zeros(0) for _ in range(3)))
    for orientation in range(1, 9):
        path = tmp_path / f"{orientation}.png"
        path.write_bytes(encoded("png", turned(scene(32, 48), orientation), orientation))
        np.testing.assert_array_equal(read(Picture(path, 32, 48, labels, ())), scene(32, 48))
        with pytest.raises(DataError) as caught:
            read(Picture(path, 48, 32, labels, ()))
        assert str(caught.value) == f"{path}: expected 32x48 px as annotated, found 48x32"


def test_more_texts_than_the_data_have_are_refused(tmp_path: Path) -> None:
    data = toy.write_pictures(tmp_path / "data", 1)
    recipe = Recipe(data=(str(data),), texts=3)
    pictures, described = load_pictures(recipe.data)
    with pytest.raises(RecipeError, match="texts must be at most the data's 2 phrases, found 3"):
        BatchSource(recipe, pictures, build_phrase_book(described, toy.encode))
