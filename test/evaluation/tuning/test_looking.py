# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from vit_perception.bags.reader import BagDamageError
from vit_perception.detections import Detections
from vit_perception.evaluation.errors import EvaluationError
from vit_perception.evaluation.samples.sample import LeftOut, Sample
from vit_perception.evaluation.tuning.looking import look
from vit_perception.frame import Frame

from .seen import GivenSequence, truth_of

NAMES = ("mug", "bowl")


def sample(number: int, *, known: bool = True) -> Sample:
    frame = Frame(np.full((8, 12, 3), number, np.uint8), stamp=number)
    truth = truth_of([("mug", (0, 0, 4, 4))]) if known else None
    return Sample(number, f"{number}.jpg", frame, truth)


def predict(frame: Frame) -> Detections:
    """Three rows, with scores that fall with the number of the picture."""
    scores = np.array([0.9, 0.5, 0.0004], np.float32) / (1 + frame.image[0, 0, 0])
    boxes = np.tile(np.array([0, 0, 4, 4], np.float32), (3, 1))
    return Detections(boxes, scores, np.array([0, 1, 0]), NAMES, 0)


def test_rows_of_pictures_with_truth_are_kept() -> None:
    broken = LeftOut(1, "broken", "image 1: expected a JPEG, found none")
    given = [sample(0), broken, sample(2, known=False), sample(3)]
    done: list[int] = []
    seen = look([GivenSequence(given)], NAMES, predict, least=0.001, progress=done.append)
    assert [frame.number for frame in seen.frames] == [0, 3]
    assert [len(frame.rows[0]) for frame in seen.frames] == [2, 2]
    assert seen.frames[1].size == (8, 12)
    assert seen.frames[1].stamp == 3
    assert seen.weakest == pytest.approx([0.0004, 0.0001])
    assert dict(seen.left_out) == {"broken": 1, "without truth": 1}
    assert seen.lines == [broken.line]
    assert done == [1, 2, 3, 4]


def test_only_some_pictures_are_looked_at() -> None:
    one = GivenSequence([sample(n) for n in range(4)], key="one")
    two = GivenSequence([sample(n) for n in range(4)], key="two")
    looked = []

    def counted(frame: Frame) -> Detections:
        looked.append(frame)
        return predict(frame)

    seen = look([one, two], NAMES, counted, only={("one", 3), ("two", 0)})
    assert [(frame.sequence, frame.number) for frame in seen.frames] == [("one", 3), ("two", 0)]
    assert len(looked) == 2


def test_what_a_damaged_bag_has_is_used() -> None:
    damaged = GivenSequence([sample(0)], error=BagDamageError("bag: expected 9 images, found 1"))
    other = GivenSequence([sample(1)], left={"no image": 3})
    seen = look([damaged, other], NAMES, predict)
    assert len(seen.frames) == 2
    assert dict(seen.unused) == {"no image": 3}
    assert seen.damage == ["bag: expected 9 images, found 1"]


def test_no_more_than_ten_lines_are_kept() -> None:
    given = [LeftOut(n, "broken", f"image {n}") for n in range(30)]
    seen = look([GivenSequence(given)], NAMES, predict)
    assert seen.left_out["broken"] == 30
    assert seen.lines == [f"image {n}" for n in range(10)]


def test_detections_under_other_names_are_refused() -> None:
    with pytest.raises(EvaluationError, match="expected detections of"):
        look([GivenSequence([sample(0)])], ("mug",), predict)
