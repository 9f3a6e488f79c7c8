# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The part of a picture that an example keeps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vit_perception.examples import Crop, ExamplesError
from vit_perception.frame import Frame
from vit_perception.perceiver.crops import MOST_PIXELS, crop_of, frame_of

from ..refusals import refusal_of


def smooth(height: int, width: int) -> Frame:
    y, x = np.mgrid[:height, :width]
    image = np.stack([255 * x / width, 255 * y / height, 0 * x + 90], axis=-1)
    return Frame(image.astype(np.uint8))


@pytest.mark.parametrize("size", [(48, 64), (1500, 2000)])
def test_a_thing_lies_where_it_lay(size: tuple[int, int]) -> None:
    frame = smooth(*size)
    box = tuple(float(size[1] * part) for part in (0.25, 0.25, 0.5, 0.5))
    crop = crop_of(frame, box)
    again = frame_of(crop)
    assert again.image.shape == frame.image.shape
    x1, y1, x2, y2 = (int(side) for side in box)
    difference = again.image.astype(int) - frame.image
    assert np.abs(difference[y1:y2, x1:x2]).mean() < 3
    assert (again.image[:, -1] == 114).all()  # what was not kept is grey
    assert crop.box == box


def test_a_large_part_is_kept_smaller() -> None:
    crop = crop_of(smooth(1500, 2000), (100, 100, 1900, 1400))
    assert crop.scale == pytest.approx(MOST_PIXELS / 2000)
    assert len(crop.jpeg) < 200_000


def test_a_part_that_is_no_picture_or_too_large_is_refused() -> None:
    crop = crop_of(smooth(48, 64), (10, 10, 30, 30))
    told = refusal_of(ExamplesError, lambda: frame_of(replace(crop, jpeg=b"no picture")))
    assert told.startswith("crop: ")
    told = refusal_of(ExamplesError, lambda: frame_of(replace(crop, corner=(50, 40))))
    assert told == "crop: expected a part of 64x48 at 50, 40, found 40x40"


@pytest.mark.parametrize(
    "change",
    [
        {"corner": (-1, 0)},
        {"size": (40_000, 10)},
        {"size": (20_000, 20_000)},
        {"box": (5.0, 5.0, 5.0, 9.0)},
        {"box": (0.0, 0.0, 65.0, 9.0)},
        {"box": (0.0, 0.0, float("nan"), 9.0)},
        {"scale": 0.0},
        {"scale": 1.5},
        {"jpeg": b""},
    ],
)
def test_numbers_that_no_picture_has_are_refused(change: dict[str, object]) -> None:
    good = Crop(b"x", (1.0, 1.0, 5.0, 5.0), (0, 0), (64, 48))
    assert refusal_of(ExamplesError, lambda: replace(good, **change)).startswith("crop: expected")  # type: ignore[arg-type]
