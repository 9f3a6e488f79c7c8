# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Recipes and data sets: what is wrong is named; batches depend on seed and step alone."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from test.training import toy  # noqa: E402
from vit_perception.training.augment import fit, mirror, mosaic  # noqa: E402
from vit_perception.training.batches import BatchSource  # noqa: E402
from vit_perception.training.phrases import build_phrase_book  # noqa: E402
from vit_perception.training.pictures import (  # noqa: E402
    DataError,
    load_pictures,
    read,
    read_owner,
)
from vit_perception.training.recipe import Recipe, RecipeError, load_recipe  # noqa: E402

pytestmark = pytest.mark.torch


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("data: [a]\nstep: 3\n", "unknown key 'step', expected one of data"),
        ("data: [a]\nsteps: many\n", "steps must be int, found 'many'"),
        ("data: [a]\nsize: 300\n", "size must be a multiple of 32, found 300"),
        ("steps: 3\n", "missing key 'data'"),
        ("data: []\n", "data must name at least one"),
        ("- 1\n", "expected a mapping of recipe keys, found list"),
        ("data: [\n", "expected a YAML recipe"),
        ("data: [a]\nseed: true\n", "seed must be int, found True"),
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


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bbox": [1, 2, 3]}, "annotation 1: expected image_id, bbox and names"),
        ({"image_id": 99}, "annotation 1: expected image_id, bbox and names, found KeyError(99)"),
        ({"bbox": [90, 0, 20, 10]}, "annotation 1: expected a box inside 96x96"),
        ({"bbox": [0, 0, 0, 10]}, "annotation 1: expected a box inside 96x96"),
        ({"names": []}, "annotation 1: expected at least one name"),
        ({"segmentation": [[1, 2, 3, 4, 5, 6]]}, "annotation 1: expected run lengths of 96x96 px"),
        ({"segmentation": {"size": [9, 9], "counts": ""}}, "of 96x96 px, found [9, 9]"),
    ],
)
def test_a_broken_annotation_is_named(
    tmp_path: Path, change: dict[str, object], message: str
) -> None:
    folder = toy.write_pictures(tmp_path / "data", 2)
    file = folder / "annotations.json"
    content = json.loads(file.read_text())
    content["annotations"][0].update(change)
    file.write_text(json.dumps(content, indent=1))
    with pytest.raises(DataError) as error:
        load_pictures((str(folder),))
    lines = file.read_text().splitlines()
    line = next(n for n, text in enumerate(lines, 1) if n > _start(lines) and '"id": 1,' in text)
    assert str(error.value).startswith(f"{file}:{line}: ")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def _start(lines: list[str]) -> int:
    return next(n for n, text in enumerate(lines, 1) if '"annotations"' in text)


def test_a_broken_mask_is_named_when_it_is_read(tmp_path: Path) -> None:
    folder = toy.write_pictures(tmp_path / "data", 1)
    file = folder / "annotations.json"
    content = json.loads(file.read_text())
    content["annotations"][1]["segmentation"]["counts"] = "PPPP"
    file.write_text(json.dumps(content))
    pictures, _ = load_pictures((str(folder),))
    with pytest.raises(DataError, match=r"00000\.png: mask of object 1: expected"):
        read_owner(pictures[0], 96, 96)


def test_annotations_that_are_not_json_are_refused(tmp_path: Path) -> None:
    (tmp_path / "annotations.json").write_text('{\n"images": [,')
    with pytest.raises(DataError, match=r"annotations\.json:2: expected JSON"):
        load_pictures((str(tmp_path),))
    (tmp_path / "annotations.json").write_text("[]")
    with pytest.raises(DataError, match="expected COCO annotations"):
        load_pictures((str(tmp_path),))


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
    other = BatchSource(recipe, pictures, book)[4]
    assert not torch.equal(first.images, other.images)
    for row, texts in enumerate(first.texts):
        assert len(set(texts.tolist())) == recipe.texts
        # Whatever is in view is asked for by a true phrase.
        assert first.targets.labels[row][first.targets.valid[row]].any(dim=1).all()


def test_pictures_that_cannot_be_decoded_are_named(tmp_path: Path) -> None:
    folder = toy.write_pictures(tmp_path / "data", 1)
    pictures, _ = load_pictures((str(folder),))
    pictures[0].path.write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"00000\.png: expected a JPEG or PNG"):
        read(pictures[0])
