# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vit_perception.evaluation.dataset import Dataset, Picture
from vit_perception.evaluation.false_alarms import false_alarms
from vit_perception.evaluation.results import Found


def dataset(*annotations: dict[str, Any]) -> Dataset:
    pictures = tuple(Picture(i, f"{i}.jpg", Path(f"{i}.jpg")) for i in (1, 2))
    return Dataset(Path("data"), pictures, {1: "mug"}, annotations, (), frozenset({1}))


def found(picture: int, *rows: tuple[float, tuple[int, int, int, int]]) -> Found:
    return Found(
        picture,
        np.array([row[1] for row in rows], np.float32).reshape(-1, 4),
        np.array([row[0] for row in rows], np.float32),
        np.ones(len(rows), np.int64),
    )


def test_boxes_that_touch_no_object_are_counted_from_the_threshold_on() -> None:
    mug = {"image_id": 1, "bbox": [0, 0, 20, 20], "category_id": 1, "iscrowd": 0}
    hidden = {"image_id": 1, "bbox": [60, 60, 20, 20], "category_id": 1, "iscrowd": 1}
    first = found(
        1,
        (0.9, (0, 0, 20, 20)),
        (0.8, (62, 60, 82, 80)),  # on the one that is too hidden to be asked for
        (0.7, (16, 0, 36, 20)),  # IoU 80 / 720 = 0.11: near the mug
        (0.6, (17, 0, 37, 20)),  # IoU 60 / 740 = 0.08: background
        (0.5, (100, 0, 120, 20)),  # at the threshold
        (0.49, (140, 0, 160, 20)),
    )
    counted = false_alarms(dataset(mug, hidden), [first, found(2, (0.3, (0, 0, 9, 9)))], 0.5)
    assert counted == {
        "threshold": 0.5,
        "boxes": 5,
        "on_background": 2,
        "per_picture": 1.0,
        "clean_pictures": 0.5,
    }


def test_a_picture_without_objects_has_nothing_but_background() -> None:
    counted = false_alarms(dataset(), [found(1, (0.9, (0, 0, 20, 20))), found(2)], 0.5)
    assert counted["per_picture"] == pytest.approx(0.5)


def test_what_a_robot_would_not_publish_is_no_alarm() -> None:
    rows = [(0.9, (0, 0, 20, 20))] * 120
    assert false_alarms(dataset(), [found(1, *rows), found(2)], 0.5)["on_background"] == 100
