# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from vit_perception.detections import Detections
from vit_perception.document import DocumentError
from vit_perception.evaluation.dataset import Dataset, EvaluationError, load_dataset
from vit_perception.evaluation.results import Predict, predict_all
from vit_perception.evaluation.wordings import evaluate_wordings, load_wordings, renamed
from vit_perception.frame import Frame
from vit_perception.images.compressed import encode_jpeg

pytest.importorskip("hotcoco")

RECIPE = Path(__file__).parents[2] / "recipes" / "wordings.yaml"
META = Path(__file__).parents[3] / "shared" / "assets" / "objects" / "meta.json"

NAMES = ("mug", "cup", "fork", "hat")
MUG, CUP, FORK = (0, 0, 20, 20), (40, 0, 60, 20), (0, 30, 20, 50)


def write_dataset(folder: Path) -> Dataset:
    """One picture with a mug, a cup and a fork; no hat."""
    document = {
        "images": [{"id": 1, "file_name": "1.jpg"}],
        "categories": [{"id": i, "name": name} for i, name in enumerate(NAMES, start=1)],
        "annotations": [
            {"id": i, "image_id": 1, "category_id": i, "bbox": [*box[:2], 20, 20]}
            for i, box in enumerate((MUG, CUP, FORK), start=1)
        ],
    }
    (folder / "images").mkdir(parents=True)
    picture = np.full((60, 80, 3), 60, np.uint8)
    (folder / "images" / "1.jpg").write_bytes(encode_jpeg(picture))
    (folder / "annotations.json").write_text(json.dumps(document))
    return load_dataset(folder)


def ask(names: Sequence[str]) -> Predict:
    """Knows its own names; of others only what is to drink from, surest on the cup."""
    known = {
        "mug": [(0.9, MUG)],
        "cup": [(0.9, MUG), (0.8, CUP)],
        "fork": [(0.9, FORK)],
        "something to drink from": [(0.9, CUP), (0.8, MUG)],
        "forks": [(0.9, MUG), (0.8, FORK)],
    }
    rows = [
        (score, number, box)
        for number, name in enumerate(names)
        for score, box in known.get(name, [])
    ]

    def predict(frame: Frame) -> Detections:
        return Detections(
            boxes=np.array([row[2] for row in rows], np.float32).reshape(-1, 4),
            scores=np.array([row[0] for row in rows], np.float32),
            labels=np.array([row[1] for row in rows], np.int64),
            names=tuple(names),
            vocabulary_version=0,
        )

    return predict


def test_phrases_take_the_place_of_their_names_once(tmp_path: Path) -> None:
    data = write_dataset(tmp_path / "data")
    drink = "something to drink from"
    names, targets = renamed(data, {"cup": drink, "mug": drink, "hat": "cap", "lamp": "light"})
    # Without a hat in the pictures, hats go on being asked for by their name.
    assert names == (drink, "fork", "hat")
    assert targets == {drink: (1, 2), "fork": (), "hat": ()}


def test_a_phrase_that_is_a_name_already_is_refused(tmp_path: Path) -> None:
    data = write_dataset(tmp_path / "data")
    with pytest.raises(EvaluationError, match="'mug': expected words .* found 'CUP'"):
        renamed(data, {"mug": "CUP"})


def test_own_names_and_other_words_side_by_side(tmp_path: Path) -> None:
    data = write_dataset(tmp_path / "data")
    own = predict_all(data, ask(data.names)).boxes
    wordings = {
        "plural": {"fork": "forks", "mug": "mugs"},
        "description": {"mug": "something to drink from", "cup": "something to drink from"},
        "nothing": {"lamp": "light"},
    }
    told: list[tuple[int, int]] = []
    report = evaluate_wordings(data, own, ask, wordings, lambda *done: told.append(done))
    assert told[-1] == (3, 3)
    # Forks: a mug is surer, precision 1/2. Mugs are not found.
    plural = report["plural"]
    assert (plural["categories"], plural["objects"]) == (2, 2)
    assert plural["names"]["fork"]["phrase"] == "forks"
    assert plural["names"]["fork"]["AP50_own"] == pytest.approx(1)
    assert plural["names"]["fork"]["AP50_other"] == pytest.approx(0.5)
    assert plural["names"]["mug"]["AP50_other"] == 0
    assert (plural["AP50_own"], plural["AP50_other"]) == pytest.approx((1, 0.25))
    # What is surer on the other thing to drink from is not held against either; the same
    # holds for "cup" on a mug.
    description = report["description"]
    assert description["names"]["cup"]["AP50_own"] == pytest.approx(1)
    assert (description["AP50_own"], description["AP50_other"]) == pytest.approx((1, 1))
    assert report["nothing"]["AP50_other"] is None


@pytest.mark.parametrize("text", ["- plural", "plural: mugs", "plural: {mug: 3}", "3: {a: b}"])
def test_wordings_of_another_form_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "wordings.yaml").write_text(text)
    with pytest.raises(DocumentError, match=r"wordings\.yaml: .*expected"):
        load_wordings(tmp_path / "wordings.yaml")


def test_the_recipe_has_enough_of_each_kind() -> None:
    wordings = load_wordings(RECIPE)
    assert list(wordings) == ["plural", "word order", "synonym", "description"]
    assert all(len(phrases) >= 25 for phrases in wordings.values())


@pytest.mark.skipif(not META.is_file(), reason="needs the asset pack")
def test_the_recipe_names_categories_in_words_that_no_object_has() -> None:
    objects = json.loads(META.read_text())
    categories = {one["category"] for one in objects}
    known = {name.lower() for one in objects for name in (*one["names"], one["caption"])}
    for phrases in load_wordings(RECIPE).values():
        assert set(phrases) <= categories
        assert not {phrase.lower() for phrase in phrases.values()} & known
