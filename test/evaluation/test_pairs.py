# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from vit_perception.detections import Detections
from vit_perception.evaluation.dataset import load_dataset
from vit_perception.evaluation.pairs import evaluate_pairs
from vit_perception.evaluation.results import Predict
from vit_perception.frame import Frame
from vit_perception.images.compressed import encode_jpeg

RED, BLUE = (0, 0, 20, 20), (40, 0, 60, 20)


def write_pairs(folder: Path) -> Path:
    """Two pictures with a red and a blue mug each; both are asked for."""
    annotations = [
        {
            "id": 10 * picture + number,
            "image_id": picture,
            "category_id": 1,
            "bbox": [box[0], box[1], 20, 20],
            "part": "train",
        }
        for picture in (1, 2)
        for number, box in enumerate((RED, BLUE))
    ]
    images = [
        {
            "id": picture,
            "file_name": f"{picture}.jpg",
            "asks": [
                {
                    "phrase": f"{colour} mug",
                    "annotation": 10 * picture + number,
                    "other": 10 * picture + 1 - number,
                    "part": part,
                }
                for number, colour in enumerate(("red", "blue"))
            ],
        }
        for picture, part in ((1, "train"), (2, "unseen"))
    ]
    document = {
        "images": images,
        "categories": [{"id": 1, "name": "mug"}],
        "annotations": annotations,
    }
    (folder / "images").mkdir(parents=True)
    for picture in (1, 2):
        pixels = np.full((40, 80, 3), 60 * picture, np.uint8)
        (folder / "images" / f"{picture}.jpg").write_bytes(encode_jpeg(pixels))
    (folder / "annotations.json").write_text(json.dumps(document))
    return folder


def found(names: Sequence[str], *rows: tuple[float, tuple[int, int, int, int]]) -> Detections:
    return Detections(
        boxes=np.array([row[1] for row in rows], np.float32).reshape(-1, 4),
        scores=np.array([row[0] for row in rows], np.float32),
        labels=np.zeros(len(rows), np.int64),
        names=tuple(names),
        vocabulary_version=0,
    )


def test_right_wrong_elsewhere_and_no_box(tmp_path: Path) -> None:
    asked: list[tuple[str, ...]] = []

    def ask(names: Sequence[str]) -> Predict:
        asked.append(tuple(names))

        def predict(frame: Frame) -> Detections:
            first = frame.image.mean() < 90
            if names == ("red mug",):
                # Right in the first picture, in the second on half of its neighbourhood.
                return found(names, (0.9, RED), (0.8, BLUE)) if first else found(names)
            # The surest box is on the other one; in the second picture it overlaps by 0.33.
            return (
                found(names, (0.2, BLUE), (0.3, RED))
                if first
                else found(names, (0.9, (50, 0, 70, 20)))
            )

        return predict

    told: list[tuple[int, int]] = []
    pairs = evaluate_pairs(
        load_dataset(write_pairs(tmp_path / "data")), ask, lambda *done: told.append(done)
    )
    assert asked == [("red mug",), ("blue mug",)] * 2
    assert told == [(1, 2), (2, 2)]
    assert pairs["overall"] == {
        "asked": 4,
        "accuracy": 0.25,
        "right": 1,
        "on_other": 1,
        "elsewhere": 1,
        "no_box": 1,
    }
    assert list(pairs["parts"]) == ["train", "unseen"]
    assert pairs["parts"]["train"]["accuracy"] == pytest.approx(0.5)
    assert pairs["parts"]["unseen"]["accuracy"] == 0


def test_only_the_asks_of_the_pictures_that_are_read(tmp_path: Path) -> None:
    data = load_dataset(write_pairs(tmp_path / "data"), limit=1)
    assert [ask.phrase for ask in data.asks] == ["red mug", "blue mug"]
    assert {ask.part for ask in data.asks} == {"train"}
