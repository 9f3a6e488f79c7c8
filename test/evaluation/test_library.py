# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The metrics equal those of pycocotools."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from vit_perception.evaluation.coco_entries import Picture
from vit_perception.evaluation.dataset import Dataset
from vit_perception.evaluation.library import Curves, compare, compare_federated
from vit_perception.evaluation.lvis_dataset import LvisDataset
from vit_perception.evaluation.results import Found
from vit_perception.evaluation.truth import lenient, strict
from vit_perception.rle import encode_mask

pytest.importorskip("hotcoco")

PICTURES, NAMES, MOST = 20, 5, 40
SIDE = 120


def scattered(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    """Boxes x y w h, of all of COCO's sizes."""
    sides = rng.uniform(5, 200, (count, 2))
    return np.concatenate([rng.uniform(0, 400, (count, 2)), sides], axis=1)


def random_data(seed: int) -> tuple[Dataset, list[Found]]:
    """Things, crowds and detections near and off them, of few different scores.

    One picture has no things, one no detections, and of one name nothing is found.
    """
    rng = np.random.default_rng(seed)
    pictures = tuple(Picture(i, f"{i}.jpg", Path("x"), (480, 640)) for i in range(1, PICTURES + 1))
    annotations: list[dict[str, Any]] = []
    found: list[Found] = []
    for picture in pictures:
        things = 0 if picture.id == 3 else int(rng.integers(1, 9))
        boxes, names = scattered(rng, things), rng.integers(1, NAMES + 1, things)
        for box, name in zip(boxes.tolist(), names.tolist(), strict=True):
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": picture.id,
                    "category_id": name,
                    "bbox": box,
                    "area": 0.8 * box[2] * box[3],
                    "iscrowd": int(rng.random() < 0.1),
                    "part": ("train", "novel", "")[rng.integers(3)],
                    "segmentation": None,
                }
            )
        count = 0 if picture.id == 5 else int(rng.integers(0, MOST + 1))
        rows, labels = scattered(rng, count), rng.integers(1, NAMES, count)
        if things:
            source = rng.integers(0, things, count)
            near = rng.random(count) < 0.6
            rows[near] = boxes[source[near]] + rng.normal(0, 6, (int(near.sum()), 4))
            right = near & (rng.random(count) < 0.8) & (names[source] != NAMES)
            labels[right] = names[source[right]]
        corners = rows.copy()
        corners[:, 2:] = corners[:, :2] + np.maximum(rows[:, 2:], 1)
        scores = rng.integers(1, 30, count) / 30
        order = np.argsort(-scores, kind="stable")
        found.append(
            Found(
                picture.id,
                corners[order].astype(np.float32),
                scores[order].astype(np.float32),
                labels[order].astype(np.int64),
            )
        )
    names_of = {key: str(key) for key in range(1, NAMES + 1)}
    asked = frozenset(range(1, NAMES))
    return Dataset(Path("x"), pictures, names_of, tuple(annotations), (), asked), found


def with_masks(data: Dataset, found: list[Found]) -> tuple[Dataset, list[Found]]:
    """The same with an ellipse in every box, all in pictures of SIDE px."""
    y, x = np.mgrid[:SIDE, :SIDE]

    def ellipse(left: float, top: float, width: float, height: float) -> Any:
        """The mask of a box; pictures are 640 px wide."""
        wide, high = (max(side * SIDE / 640, 2) / 2 for side in (width, height))
        across, down = x - left * SIDE / 640 - wide, y - top * SIDE / 640 - high
        return encode_mask((across / wide) ** 2 + (down / high) ** 2 <= 1)

    annotations = tuple({**a, "segmentation": ellipse(*a["bbox"])} for a in data.annotations)
    masked = []
    for one in found:
        sides = one.boxes[:, 2:] - one.boxes[:, :2]
        boxes = np.concatenate([one.boxes[:, :2], sides], axis=1)
        masked.append(replace(one, masks=tuple(ellipse(*box) for box in boxes.tolist())))
    return replace(data, annotations=annotations), masked


def reference(
    data: Dataset | LvisDataset,
    annotations: list[dict[str, Any]],
    results: list[dict[str, Any]],
    categories: list[int],
    limits: list[int],
    kind: str,
) -> Curves:
    """What pycocotools makes of them."""
    truth = COCO()
    truth.dataset = {
        "images": [{"id": p.id, "height": SIDE, "width": SIDE} for p in data.pictures],
        "categories": [{"id": key} for key in categories],
        "annotations": annotations,
    }
    truth.createIndex()
    given = truth.loadRes(results) if results else truth
    evaluator = COCOeval(truth, given, kind)
    evaluator.params.catIds = categories
    evaluator.params.maxDets = limits
    evaluator.evaluate()
    evaluator.accumulate()
    return Curves(tuple(categories), evaluator.eval["precision"], evaluator.eval["recall"])


def check_equal(ours: Curves | None, theirs: Curves) -> None:
    """Refuses any difference, of the last bit too."""
    assert ours is not None
    assert ours.categories == theirs.categories
    np.testing.assert_array_equal(ours.precision, theirs.precision)
    np.testing.assert_array_equal(ours.recall, theirs.recall)


@pytest.mark.parametrize("masks", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_they_equal_those_of_pycocotools(seed: int, masks: bool) -> None:
    data, found = random_data(seed)
    if masks:
        data, found = with_masks(data, found)
    for truth in (lenient(data, None), lenient(data, "novel"), strict(data, "train")):
        there = {(one.picture, int(key)) for one in found for key in one.categories}
        categories = list(truth.categories)
        annotations = truth.annotations(categories, there)
        results = [entry for one in found for entry in one.entries(categories)]
        kind = "segm" if masks else "bbox"
        theirs = reference(data, annotations, results, categories, [5, 100], kind)
        check_equal(compare(data, found, [truth], [5, 100])[0], theirs)


def test_many_pictures_are_compared_some_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    data, found = random_data(7)
    truths = [lenient(data, None), lenient(data, "novel")]
    at_once = compare(data, found, truths, [100])
    monkeypatch.setattr("vit_perception.evaluation.library._DETECTIONS_AT_ONCE", 50)
    for whole, parts in zip(at_once, compare(data, found, truths, [100]), strict=True):
        assert whole is not None
        check_equal(parts, whole)


def federated(seed: int) -> tuple[LvisDataset, list[Found]]:
    """The same things, each picture annotated for some names only."""
    data, found = random_data(seed)
    rng = np.random.default_rng(seed)
    annotations = tuple(a for a in data.annotations if not a["iscrowd"])
    there: dict[int, set[int]] = {picture.id: set() for picture in data.pictures}
    for annotation in annotations:
        there[annotation["image_id"]].add(annotation["category_id"])
    every = range(1, NAMES + 1)
    absent = {
        picture: frozenset(key for key in every if key not in inside and rng.random() < 0.4)
        for picture, inside in there.items()
    }
    incomplete = {
        picture: frozenset(key for key in sorted(inside) if rng.random() < 0.4)
        for picture, inside in there.items()
    }
    frequencies: Any = {key: "rcf"[key % 3] for key in every}
    return (
        LvisDataset(
            "x", data.pictures, data.categories, frequencies, annotations, absent, incomplete
        ),
        found,
    )


@pytest.mark.parametrize("seed", range(3))
def test_lviss_rules_are_those_of_pycocotools_with_regions(seed: int) -> None:
    """Not judged by COCO's rules is what is left out, and what lies in a crowd."""
    data, found = federated(seed)
    judged = data.judged()
    categories = sorted({a["category_id"] for a in data.annotations})
    everywhere = [
        {"image_id": picture, "category_id": key, "bbox": [-1e4, -1e4, 3e4, 3e4], "area": 9e8}
        for picture, keys in data.incomplete.items()
        for key in sorted(keys)
    ]
    annotations = [
        {**a, "id": number, "iscrowd": int(number > len(data.annotations))}
        for number, a in enumerate([*data.annotations, *everywhere], start=1)
    ]
    results = [
        entry
        for one in found
        for entry in one.entries(categories)
        if entry["category_id"] in judged[one.picture]
    ]
    theirs = reference(data, annotations, results, categories, [MOST], "bbox")
    check_equal(compare_federated(data, found), theirs)


@pytest.mark.parametrize(
    ("seed", "expected"),
    [
        (0, (0.130195059743, 0.211081396431, 0.147695792983, 0.005720572057, 0.247732150811)),
        (1, (0.124420371697, 0.226296719535, 0.131501480005, 0.208415841584, 0.285325925724)),
        (2, (0.130421803378, 0.221158515882, 0.123624084265, 0.0, 0.113296023284)),
    ],
)
def test_lviss_figures_are_those_of_another_library(
    seed: int, expected: tuple[float, ...]
) -> None:
    """Of faster-coco-eval 1.8, which was used here before."""
    curves = compare_federated(*federated(seed))
    assert curves is not None
    figures = (
        curves.average_precision(),
        curves.average_precision(overlap=0.5),
        curves.average_precision(overlap=0.75),
        curves.average_precision(size=1),
        curves.average_precision(size=3),
    )
    assert figures == pytest.approx(expected, abs=1e-11)
