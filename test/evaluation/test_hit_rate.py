# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np

from vit_perception.detections import Detections
from vit_perception.evaluation.hit_rate import HitRate

NAMES = ("mug", "spoon", "plate")


def found(*rows: tuple[str, float, tuple[float, float, float, float]]) -> Detections:
    return Detections(
        boxes=np.array([row[2] for row in rows], np.float32).reshape(-1, 4),
        scores=np.array([row[1] for row in rows], np.float32),
        labels=np.array([NAMES.index(row[0]) for row in rows], np.int64),
        names=NAMES,
        vocabulary_version=0,
    )


def test_names_and_boxes_are_counted_apart() -> None:
    rate = HitRate()
    rate.add(
        found(("mug", 1, (0, 0, 10, 10)), ("spoon", 1, (20, 20, 40, 40))),
        found(("mug", 0.9, (0, 0, 10, 9)), ("plate", 0.8, (20, 20, 40, 40))),
    )
    assert rate.objects == {"mug": 1, "spoon": 1}
    assert rate.named == {"mug": 1}
    assert rate.boxed == {"mug": 1, "spoon": 1}
    assert (rate.named_rate, rate.boxed_rate) == (0.5, 1.0)


def test_one_box_finds_one_object_and_one_object_is_found_once() -> None:
    rate = HitRate()
    rate.add(
        found(("mug", 1, (0, 0, 10, 10)), ("mug", 1, (1, 0, 11, 10))),
        found(("mug", 0.9, (0, 0, 10, 10))),
    )
    rate.add(
        found(("mug", 1, (0, 0, 10, 10))),
        found(("mug", 0.9, (0, 0, 10, 10)), ("mug", 0.8, (0, 0, 10, 10))),
    )
    assert rate.objects["mug"] == 3
    assert rate.named["mug"] == 2


def test_a_box_that_overlaps_too_little_finds_nothing() -> None:
    rate = HitRate()
    rate.add(found(("mug", 1, (0, 0, 10, 10))), found(("mug", 0.9, (0, 0, 10, 4.9))))
    assert rate.boxed_rate == 0


def test_nothing_there_and_nothing_found() -> None:
    rate = HitRate()
    rate.add(found(), found(("mug", 0.9, (0, 0, 10, 10))))
    rate.add(found(("mug", 1, (0, 0, 10, 10))), found())
    assert rate.objects == {"mug": 1}
    assert rate.named_rate == 0
    assert HitRate().named_rate == 0
