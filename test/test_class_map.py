# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The value that a segmenter returns."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from vit_perception.class_map import ClassMap, ClassMapError
from vit_perception.rle import decode_mask

from .refusals import refusal_of

LABELS = np.zeros((40, 60), np.uint8)
LABELS[5:15, 10:30] = 2
LABELS[20:24, 40:45] = 2
FOUND = ClassMap(LABELS, ("background", "table", "thing"), 7)


def test_masks_shares_and_run_lengths_say_the_same() -> None:
    assert FOUND.mask("thing").sum() == 220
    assert FOUND.shares() == {"background": 1 - 220 / 2400, "table": 0.0, "thing": 220 / 2400}
    np.testing.assert_array_equal(decode_mask(FOUND.rle("thing")), LABELS == 2)


def test_contours_are_those_of_the_parts_largest_first() -> None:
    large, small = FOUND.contours("thing")
    assert cv2.boundingRect(large) == (10, 5, 20, 10)
    assert cv2.boundingRect(small) == (40, 20, 5, 4)
    assert len(FOUND.contours("thing", least_area=21)) == 1
    assert FOUND.contours("table") == ()


def test_what_does_not_fit_is_one_line() -> None:
    wide = refusal_of(ClassMapError, lambda: ClassMap(LABELS.astype(np.int64), FOUND.names))
    assert wide == "labels: expected uint8 [H, W], found int64 [40, 60]"
    few = refusal_of(ClassMapError, lambda: ClassMap(LABELS, ("a", "b")))
    assert few == "labels: expected 0..1, found 2"
    other = refusal_of(ClassMapError, lambda: FOUND.mask("shelf"))
    assert other == "class: expected one of background, table, thing, found 'shelf'"


@pytest.mark.parametrize("shape", [(0, 5), (4,), (2, 3, 1)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    refusal_of(ClassMapError, lambda: ClassMap(np.zeros(shape, np.uint8), ("a",)))
