# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from vit_perception.detections import Detections, DetectionsError
from vit_perception.masks import Masks

NAMES = ("red mug", "spoon")


def arguments(count: int = 2) -> dict[str, Any]:
    return {
        "boxes": np.zeros((count, 4), np.float32),
        "scores": np.ones(count, np.float32),
        "labels": np.arange(count, dtype=np.int64),
        "names": NAMES,
        "vocabulary_version": 3,
    }


def test_length_and_class_names() -> None:
    detections = Detections(**arguments())
    assert len(detections) == 2
    assert [detections.class_name(i) for i in range(2)] == ["red mug", "spoon"]
    assert detections.masks is None


def test_empty_carries_names_and_version() -> None:
    empty = Detections.empty(NAMES, 7)
    assert (len(empty), empty.names, empty.vocabulary_version) == (0, NAMES, 7)
    assert empty.boxes.shape == (0, 4)


def test_masks_belong_to_detections_one_by_one() -> None:
    crops = (np.ones((2, 3), np.bool_),) * 2
    masks = Masks(np.zeros((2, 2), np.int64), crops, height=5, width=7)
    assert Detections(**arguments(), masks=masks).masks is masks
    with pytest.raises(DetectionsError, match="masks: expected 3, found 2"):
        Detections(**arguments(3) | {"labels": np.zeros(3, np.int64)}, masks=masks)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"boxes": np.zeros((3, 4), np.float32)},
            "boxes: expected float32 [2, 4], found float32 [3, 4]",
        ),
        ({"boxes": np.zeros((2, 4))}, "boxes: expected float32 [2, 4], found float64 [2, 4]"),
        (
            {"scores": np.ones((2, 1), np.float32)},
            "scores: expected float32 [2], found float32 [2",
        ),
        ({"labels": np.zeros(2, np.int32)}, "labels: expected int64 [2], found int32 [2]"),
        ({"labels": np.array([0, 2])}, "labels: expected 0..1, found 0..2"),
        ({"labels": np.array([-1, 0])}, "labels: expected 0..1, found -1..0"),
        ({"ids": np.array([1, 2, 3])}, "ids: expected int64 [2], found int64 [3]"),
        ({"ids": np.ones(2, np.int32)}, "ids: expected int64 [2], found int32 [2]"),
        ({"ids": np.array([1, -1])}, "ids: expected 0 or more, found -1"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DetectionsError) as refusal:
        Detections(**(arguments() | changes))
    assert str(refusal.value).startswith(message)


def three() -> Detections:
    crops = tuple(np.ones((2, 1 + index), np.bool_) for index in range(3))
    return Detections(
        boxes=np.arange(12, dtype=np.float32).reshape(3, 4),
        scores=np.array([0.9, 0.5, 0.25], np.float32),
        labels=np.array([1, 0, 1]),
        names=NAMES,
        vocabulary_version=3,
        masks=Masks(np.array([[0, 0], [1, 0], [2, 1]]), crops, height=5, width=7),
    )


def test_an_integer_gives_one_detection() -> None:
    found = three()
    first, last = found[0], found[np.int64(-1)]
    assert (first.name, first.score, first.label) == ("spoon", pytest.approx(0.9), 1)
    assert first.box.tolist() == [0, 1, 2, 3]
    assert first.mask is not None and first.mask.shape == (5, 7)
    assert last.mask is not None and int(last.mask.sum()) == 6
    assert repr(first) == "<spoon 0.90 at 0,1 to 2,3, mask of 2 px>"
    for beyond in (3, -4):
        with pytest.raises(IndexError, match=f"expected one of 3 detections, found {beyond}"):
            found[beyond]


def test_iteration_gives_each_detection() -> None:
    assert [each.name for each in three()] == ["spoon", "red mug", "spoon"]
    assert Detections(**arguments())[1].mask is None


@pytest.mark.parametrize(
    ("chosen", "rows"),
    [
        (slice(1, None), [1, 2]),
        (slice(None, None, -1), [2, 1, 0]),
        ([2, 0], [2, 0]),
        ([], []),
        (np.array([True, False, True]), [0, 2]),
        (np.array([], np.int64), []),
    ],
)
def test_a_slice_a_mask_or_numbers_give_detections(chosen: Any, rows: list[int]) -> None:
    found, part = three(), three()[chosen]
    assert isinstance(part, Detections)
    assert (part.names, part.vocabulary_version, len(part)) == (NAMES, 3, len(rows))
    np.testing.assert_array_equal(part.boxes, found.boxes[rows])
    np.testing.assert_array_equal(part.labels, found.labels[rows])
    assert part.masks is not None and found.masks is not None
    np.testing.assert_array_equal(part.masks.dense(), found.masks.dense()[rows])


def test_a_mask_of_another_length_is_refused() -> None:
    with pytest.raises(IndexError):
        three()[np.array([True, False])]


def test_ids_go_with_their_detections() -> None:
    found = replace(three(), ids=np.array([7, 0, 12]))
    assert [each.id for each in found] == [7, 0, 12]
    assert found[found.scores < 0.9].ids.tolist() == [0, 12]
    assert found[[]].ids.tolist() == []
    assert three()[0].id is None and three()[:2].ids is None
    assert repr(found[0]).startswith("<spoon #7 0.90 at ")
    assert repr(found) == "<3 detections with masks: spoon #7 0.90, red mug 0.50, spoon #12 0.25>"
    assert [entry.get("track_id") for entry in found.to_coco()] == [7, None, 12]


def test_a_readable_repr() -> None:
    assert repr(three()) == "<3 detections with masks: spoon 0.90, red mug 0.50, spoon 0.25>"
    assert repr(Detections.empty(NAMES, 0)) == "<0 detections: nothing>"
    many = Detections(**arguments(7) | {"labels": np.zeros(7, np.int64)})
    assert repr(many).endswith("red mug 1.00, 2 more>")


def test_coco_entries_are_read_by_coco() -> None:
    entries = json.loads(json.dumps(three().to_coco(image_id=4)))
    assert [entry["category_id"] for entry in entries] == [2, 1, 2]
    assert entries[1] == {
        "image_id": 4,
        "category_id": 1,
        "category": "red mug",
        "bbox": [4, 5, 2, 2],
        "score": 0.5,
        "segmentation": entries[1]["segmentation"],
    }
    np.testing.assert_array_equal(coco_mask.decode(entries[1]["segmentation"]), three()[1].mask)
    [first, *_] = three().to_coco(category_ids={"spoon": 50, "red mug": 47})
    assert first["category_id"] == 50
    with pytest.raises(KeyError):
        three().to_coco(category_ids={"spoon": 50})
