# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Mask metrics with answers known by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from test.evaluation.measured import measured
from vit_perception.detections import Detections
from vit_perception.evaluation.results import MASKS_PER_PICTURE
from vit_perception.evaluation.tables import format_tables
from vit_perception.frame import Frame
from vit_perception.images.compressed import encode_jpeg
from vit_perception.masks import Masks
from vit_perception.rle import encode_mask

pytest.importorskip("hotcoco")

HEIGHT, WIDTH = 60, 80
BOX = (10, 20, 50, 40)  # x1 y1 x2 y2


def write_dataset(folder: Path, part: str = "train") -> Path:
    """One picture with one spoon that fills its box."""
    left, top, right, bottom = BOX
    mask = np.zeros((HEIGHT, WIDTH), np.bool_)
    mask[top:bottom, left:right] = True
    spoon = {
        "id": 1,
        "image_id": 1,
        "category_id": 1,
        "bbox": [left, top, right - left, bottom - top],
        "area": (right - left) * (bottom - top),
        "iscrowd": 0,
        "part": part,
        "segmentation": encode_mask(mask),
    }
    document = {
        "images": [{"id": 1, "file_name": "1.jpg", "width": WIDTH, "height": HEIGHT}],
        "categories": [{"id": 1, "name": "spoon"}],
        "annotations": [spoon],
    }
    (folder / "images").mkdir(parents=True)
    picture = np.full((HEIGHT, WIDTH, 3), 60, np.uint8)
    (folder / "images" / "1.jpg").write_bytes(encode_jpeg(picture))
    (folder / "annotations.json").write_text(json.dumps(document))
    return folder


def answers(*rows: tuple[float, tuple[int, int, int, int]]) -> Any:
    """Spoons with the right box, whose masks fill the given rectangles."""

    def predict(frame: Frame) -> Detections:
        crops = [np.ones((b - t, r - x), np.bool_) for _, (x, t, r, b) in rows]
        origins = np.array([mask[:2] for _, mask in rows], np.int64)
        return Detections(
            boxes=np.array([BOX] * len(rows), np.float32),
            scores=np.array([score for score, _ in rows], np.float32),
            labels=np.zeros(len(rows), np.int64),
            names=("spoon",),
            vocabulary_version=0,
            masks=Masks(origins, tuple(crops), HEIGHT, WIDTH),
        )

    return predict


def test_a_perfect_mask_is_one(tmp_path: Path) -> None:
    metrics = measured(write_dataset(tmp_path / "data"), answers((0.9, BOX)))
    for row in (metrics["overall"], metrics["parts"]["train"]):
        assert (row["mask_AP"], row["mask_AP50"]) == pytest.approx((1, 1))
        assert (row["mask_AP50_strict"], row["mask_AP50_small"]) == pytest.approx((1, 1))
    assert metrics["masks_per_picture"] == MASKS_PER_PICTURE
    assert "masks of the best 300 boxes" in format_tables(metrics)


def test_a_shifted_mask_counts_at_the_overlaps_it_reaches(tmp_path: Path) -> None:
    # 10 of 40 columns to the right: 30 shared of 50, IoU 0.6. The box is right at all ten
    # thresholds, the mask at 0.50, 0.55 and 0.60.
    shifted = (BOX[0] + 10, BOX[1], BOX[2] + 10, BOX[3])
    row = measured(write_dataset(tmp_path / "data"), answers((0.9, shifted)))["overall"]
    assert row["AP"] == pytest.approx(1)
    assert row["mask_AP50"] == pytest.approx(1)
    assert row["mask_AP"] == pytest.approx(0.3)


def test_a_surer_wrong_mask_halves_the_precision(tmp_path: Path) -> None:
    predict = answers((0.9, (60, 0, 70, 10)), (0.8, BOX))
    row = measured(write_dataset(tmp_path / "data"), predict)["overall"]
    assert row["mask_AP50"] == pytest.approx(0.5)


def test_masks_beyond_the_limit_do_not_count(tmp_path: Path) -> None:
    wrong = (60, 0, 70, 10)
    rows = [(0.9 - 0.001 * number, wrong) for number in range(MASKS_PER_PICTURE)]
    predict = answers(*rows, (0.1, BOX))
    row = measured(write_dataset(tmp_path / "data"), predict)["overall"]
    assert row["mask_AP50"] == 0


def test_masks_come_from_their_own_predictor_where_one_is_given(tmp_path: Path) -> None:
    def without(frame: Frame) -> Detections:
        boxes = np.array([BOX], np.float32)
        return Detections(boxes, np.ones(1, np.float32), np.zeros(1, np.int64), ("spoon",), 0)

    folder = write_dataset(tmp_path / "data")
    metrics = measured(folder, without, predict_masks=answers((0.9, BOX)))
    assert metrics["overall"]["mask_AP50"] == pytest.approx(1)
    assert metrics["detections"] == 1


def test_no_masks_are_measured_where_the_predictor_or_the_dataset_has_none(tmp_path: Path) -> None:
    def without(frame: Frame) -> Detections:
        return Detections.empty(("spoon",), 0)

    folder = write_dataset(tmp_path / "data")
    metrics = measured(folder, without)
    assert metrics["masks_per_picture"] is None
    assert "mask_AP" not in metrics["overall"]
    document = json.loads((folder / "annotations.json").read_text())
    document["annotations"][0]["segmentation"] = []
    (folder / "annotations.json").write_text(json.dumps(document))
    assert measured(folder, answers((0.9, BOX)))["masks_per_picture"] is None
