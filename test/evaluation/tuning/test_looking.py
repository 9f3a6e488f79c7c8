# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from vit_perception.bags.reader import BagDamageError
from vit_perception.detections import Detections
from vit_perception.evaluation.errors import EvaluationError
from vit_perception.evaluation.samples.sample import LeftOut, Sample
from vit_perception.evaluation.tuning.looking import look, look_again
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


def test_pictures_are_looked_at_again() -> None:
    data = GivenSequence([sample(n) for n in range(4)])
    frames = look([data], NAMES, predict, least=0.2).frames[1:]
    done: list[int] = []
    wanted = {("bag", number) for number in (1, 2, 3)}
    with data.again(wanted) as frame_of:
        again = look_again(frames, NAMES, predict, frame_of, progress=done.append)
    assert [frame.number for frame in again] == [1, 2, 3]
    assert [len(frame.rows[0]) for frame in frames] == [2, 1, 1]
    assert [len(frame.rows[0]) for frame in again] == [3, 3, 3]
    assert again[0].truth is frames[0].truth
    assert done == [1, 2, 3]


def given(frame: Frame, key: str, number: int) -> Frame:
    return frame


def test_another_picture_is_refused() -> None:
    frames = look([GivenSequence([sample(0)])], NAMES, predict).frames
    different = (
        Frame(np.zeros((8, 13, 3), np.uint8)),
        Frame(np.zeros((8, 12, 3), np.uint8), stamp=1),
    )
    for other in different:
        with pytest.raises(EvaluationError, match="found another: the data have changed"):
            look_again(frames, NAMES, predict, partial(given, other))


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
