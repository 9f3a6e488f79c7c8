# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Truth and result side by side."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vit_perception.evaluation.report.drawing import (
    RIGHT,
    UNJUDGED,
    WIDTH,
    WRONG,
    side_by_side,
)
from vit_perception.evaluation.report.judged_picture import judged_pictures
from vit_perception.evaluation.rows.looked_at import FrameRows
from vit_perception.evaluation.samples.sample import FrameTruth
from vit_perception.frame import Frame
from vit_perception.rle import encode_mask

from ..figures.frames import NAMES, looked_at, rows, run, truth

GREY = 100
MUG, BOWL = (40.0, 60.0, 120.0, 160.0), (240.0, 60.0, 300.0, 160.0)
# The second picture begins right of the first one and of the gap.
SECOND = (WIDTH - 4) // 2 + 4


def _drawn(true: FrameTruth, found: FrameRows, height: int = 240, width: int = 318) -> np.ndarray:
    frame = Frame(np.full((height, width, 3), GREY, np.uint8))
    (judged,) = judged_pictures([looked_at(0, true, found)], 0, run(), NAMES)
    return side_by_side(frame, true, judged, NAMES)


def _along(image: np.ndarray, x: int, colour: tuple[int, int, int]) -> np.ndarray:
    """Which pixels of the left side of a box 100 px high have this colour."""
    return (image[22 + 62 : 22 + 158, x] == colour).all(axis=1)


def test_right_things_have_whole_lines_on_both_sides() -> None:
    image = _drawn(truth(("mug", MUG)), rows(("mug", 0.9, MUG)))
    assert image.shape == (22 + 240, WIDTH, 3)
    assert image.dtype == np.uint8
    for x in (40, SECOND + 40):
        assert _along(image, x, RIGHT.colour).all()


def test_missed_and_false_ones_are_dashed_and_of_another_colour() -> None:
    image = _drawn(truth(("mug", MUG)), rows(("spoon", 0.9, BOWL)))
    for x in (40, SECOND + 240):
        line = _along(image, x, WRONG.colour)
        assert 0.3 < line.mean() < 0.9
        assert np.count_nonzero(np.diff(line.astype(int))) > 8
        assert not _along(image, x, RIGHT.colour).any()


def test_what_is_not_judged_is_dotted() -> None:
    image = _drawn(truth(("mug", MUG), crowds=[0]), rows(("mug", 0.9, MUG)))
    for x in (40, SECOND + 40):
        assert _along(image, x, UNJUDGED.colour).any()
        assert not _along(image, x, WRONG.colour).any()


def test_masks_tint_their_pixels_alone() -> None:
    mask = np.zeros((240, 318), np.bool_)
    mask[80:140, 60:100] = True
    true = replace(truth(("mug", MUG)), masks=(encode_mask(mask),))
    image = _drawn(true, rows())
    inside, beside = image[22 + 110, 80], image[22 + 110, 110]
    assert beside.tolist() == [GREY] * 3
    tint = np.array(WRONG.colour) - GREY
    assert (np.sign(inside.astype(int) - GREY) == np.sign(tint)).all()


def test_a_mask_that_is_none_is_left_out() -> None:
    broken = {"size": [240, 318], "counts": "broken"}
    true = replace(truth(("mug", MUG)), masks=(broken,))
    assert (_drawn(true, rows())[22 + 110, 80] == GREY).all()


@pytest.mark.parametrize(
    ("height", "width"), [(1, 1), (4000, 3), (3, 4000), (1200, 1920), (2000, 500)]
)
def test_pictures_of_any_shape_become_as_wide(height: int, width: int) -> None:
    image = _drawn(truth(("mug" * 99, MUG)), rows(("mug", 0.9, BOWL)), height, width)
    assert image.shape[1] == WIDTH
    assert 22 < image.shape[0] <= 22 + WIDTH
