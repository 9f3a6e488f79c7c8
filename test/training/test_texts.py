# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What pictures are asked for: true phrases of every kind, and negatives that are hard."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from test.training import toy  # noqa: E402
from vit_perception.bundle.regions_file import ANYTHING  # noqa: E402
from vit_perception.training.annotations import load_pictures  # noqa: E402
from vit_perception.training.augment import View  # noqa: E402
from vit_perception.training.batches import BatchSource  # noqa: E402
from vit_perception.training.phrases import build_phrase_book  # noqa: E402
from vit_perception.training.pictures import Labelled  # noqa: E402
from vit_perception.training.recipe import Recipe  # noqa: E402
from vit_perception.training.truth import TRUE  # noqa: E402

pytestmark = pytest.mark.torch

ODDS = {"category": 0.4, "name": 0.2, "colour": 0.2, "material": 0.1, "caption": 0.1}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Toy pictures whose shapes have a synonym, a colour, a material and a caption."""
    folder = toy.write_pictures(tmp_path_factory.mktemp("data"), 40, size=64)
    file = folder / "annotations.json"
    content = json.loads(file.read_text())
    for entry in content["annotations"]:
        colour, shape = entry["names"][0].split()
        entry |= {"names": [shape, f"{shape} thing"], "colours": [colour]}
        entry |= {"material": "wood", "caption": f"{colour} {shape} on noise"}
    file.write_text(json.dumps(content))
    return folder


def source(data: Path, **options: object) -> BatchSource:
    values = {"size": 64, "batch": 8, "texts": 20, "steps": 50, "mosaic": 0.0, **ODDS, **options}
    recipe = Recipe(data=(str(data),), **values)
    pictures, described = load_pictures(recipe.data)
    book = build_phrase_book(described, toy.encode, anything=recipe.anything > 0)
    return BatchSource(recipe, pictures, book)


def test_an_object_is_spoken_of_as_often_in_each_way_as_the_recipe_says(data: Path) -> None:
    batches = source(data)
    book, rng = batches.book, np.random.default_rng(0)
    row = next(i for i, d in enumerate(book.descriptions) if d.colours == ("blue",))
    shape = book.descriptions[row].names[0]
    texts = [book.texts[batches._spoken(row, rng)] for _ in range(4000)]
    expected = {
        shape: ODDS["category"] + ODDS["name"] / 2,
        f"{shape} thing": ODDS["name"] / 2,
        f"blue {shape}": ODDS["colour"] / 2,
        f"blue {shape} thing": ODDS["colour"] / 2,
        f"wooden {shape}": ODDS["material"] / 2,
        f"wooden {shape} thing": ODDS["material"] / 2,
        f"blue {shape} on noise": ODDS["caption"],
    }
    assert set(texts) == set(expected)
    for text, share in expected.items():
        # Five standard deviations.
        spread = 5 * (share * (1 - share) / len(texts)) ** 0.5
        assert abs(texts.count(text) / len(texts) - share) < spread, text


def test_with_a_second_phrase_every_object_is_asked_for_by_its_category_too(data: Path) -> None:
    batches = source(data, second=1.0)
    book, rng = batches.book, np.random.default_rng(0)
    present = np.arange(len(book.descriptions))
    for _ in range(50):
        first = [batches._spoken(int(row), rng) for row in present]
        second = batches._seconds(present, first, rng)
        for row, pair in enumerate(zip(first, second, strict=True)):
            assert book.category[row] in pair
            assert all(text in sum(book.spoken[row], ()) for text in pair)


def test_objects_without_a_kind_of_phrase_are_called_by_their_category(tmp_path: Path) -> None:
    batches = source(toy.write_pictures(tmp_path / "plain", 40, size=64))
    rng = np.random.default_rng(0)
    for row, described in enumerate(batches.book.descriptions):
        assert {batches.book.texts[batches._spoken(row, rng)] for _ in range(20)} == {
            described.names[0]
        }


def test_an_object_meets_its_own_name_with_another_colour_as_false(data: Path) -> None:
    batches = source(data, hard=0.5)
    book, rng = batches.book, np.random.default_rng(0)
    for row, described in enumerate(book.descriptions):
        others = set(toy.COLOURS) - set(described.colours)
        shape = described.names[0]
        same_name = {
            f"{colour} {noun}"
            for colour in others
            for noun in (*described.names, f"{shape} on noise")
        }
        alone = Labelled(
            np.array([[0, 0, 9, 9]], np.float32), np.array([row]), np.array([False]), np.array([0])
        )
        asked = batches._texts(alone, rng, plain=False)
        hard = [at for at, text in enumerate(asked) if book.texts[text] in same_name]
        assert hard, described
        view = View(np.zeros((64, 64, 3), np.uint8), alone, np.zeros((16, 16), np.int16))
        targets = batches._targets([view], [asked], np.array([False]))
        # Black and white, say, are neither: see `colour_truth`.
        false = ~targets.labels[0, 0, hard] & ~targets.ignored[0, 0, hard]
        assert false.any(), described
        assert targets.labels[0, 0].any()


def test_pictures_in_false_colours_are_asked_for_without_colour(data: Path) -> None:
    batches = source(data, repaint=1.0, texts=10)
    for step in range(4):
        for texts in batches[step].texts:
            assert not batches.book.coloured[texts].any()


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_the_name_for_anything_is_true_of_every_object(data: Path, share: float) -> None:
    plain, asked = source(data, repaint=0.5), source(data, repaint=0.5, anything=share)
    anything = asked.book.texts.index(ANYTHING)
    assert ANYTHING not in plain.book.texts
    alone = ~np.eye(len(asked.book.texts), dtype=bool)[anything]
    np.testing.assert_array_equal(asked.book.truth[:, alone], plain.book.truth)
    assert all(anything not in group for kinds in asked.book.rivals for group in kinds)
    times = 0
    for step in range(20):
        batch = asked.batch(step)
        there = (batch.texts == anything).any(dim=1)
        times += int(there.sum())
        for row in there.nonzero()[:, 0]:
            column = batch.texts[row].tolist().index(anything)
            targets = batch.targets
            assert torch.equal(targets.labels[row, :, column], targets.valid[row])
            # What is in view keeps a phrase of its own.
            others = targets.labels[row].clone()
            others[:, column] = False
            assert others[targets.valid[row]].any(dim=1).all()
    # Five standard deviations, and what is drawn as a random text.
    spread = 5 * (share * (1 - share) / 160) ** 0.5 + 0.35 * (1 - share)
    assert abs(times / 160 - share) <= spread


def test_the_name_for_anything_stays_true_where_objects_bear_it(tmp_path: Path) -> None:
    folder = toy.write_pictures(tmp_path / "data", 10, size=64)
    file = folder / "annotations.json"
    content = json.loads(file.read_text())
    content["annotations"][0]["names"] = [ANYTHING]
    file.write_text(json.dumps(content))
    book = source(folder, anything=1.0, texts=4).book
    assert book.texts.count(ANYTHING) == 1
    assert (book.truth[:, book.texts.index(ANYTHING)] == TRUE).all()
