# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import numpy as np
import pytest

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
    ],
)
def test_arrays_that_do_not_fit_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DetectionsError) as refusal:
        Detections(**(arguments() | changes))
    assert str(refusal.value).startswith(message)
