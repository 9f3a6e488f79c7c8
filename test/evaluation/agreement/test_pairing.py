# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Which detections of two runs are one thing."""

from __future__ import annotations

import numpy as np
import pytest

from vit_perception.evaluation.agreement.pairing import Pairs, mask_iou, paired
from vit_perception.rle import encode_mask

from .looked import SIZE, rows


def listed(pairs: Pairs) -> list[tuple[int, int]]:
    return list(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))


def test_boxes_that_overlap_by_half_are_pairs() -> None:
    one = rows([("mug", 0.9, (0, 0, 20, 10)), ("mug", 0.8, (40, 0, 60, 10))])
    other = rows([("mug", 0.9, (44, 0, 64, 10)), ("mug", 0.8, (10, 0, 30, 10))])
    pairs = paired(one, other)
    assert listed(pairs) == [(1, 0)]
    assert pairs.overlaps == pytest.approx([16 / 24])


def test_all_together_overlap_most() -> None:
    # Alone each would rather have the first; together they overlap more crosswise.
    one = rows([("mug", 0.9, (0, 0, 20, 10)), ("mug", 0.9, (0, 0, 26, 10))])
    other = rows([("mug", 0.9, (0, 0, 22, 10)), ("mug", 0.9, (0, 0, 14, 10))])
    assert listed(paired(one, other)) == [(0, 1), (1, 0)]


def test_one_name_goes_before_a_greater_overlap() -> None:
    one = rows([("mug", 0.9, (0, 0, 20, 10)), ("bowl", 0.8, (1, 0, 21, 10))])
    other = rows([("bowl", 0.9, (0, 0, 20, 10)), ("mug", 0.8, (1, 0, 21, 10))])
    assert listed(paired(one, other)) == [(0, 1), (1, 0)]


def test_what_is_left_is_paired_whatever_its_name() -> None:
    one = rows([("mug", 0.9, (0, 0, 20, 10))])
    other = rows([("bowl", 0.9, (0, 0, 20, 10)), ("spoon", 0.9, (50, 0, 60, 10))])
    assert listed(paired(one, other)) == [(0, 0)]


def test_nothing_has_no_pairs() -> None:
    nothing, one = rows([]), rows([("mug", 0.9, (0, 0, 20, 10))])
    assert [len(paired(a, b).first) for a, b in ((nothing, one), (one, nothing))] == [0, 0]
    assert paired(nothing, nothing).overlaps.dtype == np.float32


def test_masks_overlap_as_their_pixels_do() -> None:
    one, other = np.zeros((2, *SIZE), np.bool_)
    one[10:20, 10:20] = other[10:20, 15:25] = True
    assert mask_iou(encode_mask(one), encode_mask(other)) == pytest.approx(50 / 150)
    assert mask_iou(encode_mask(one), encode_mask(one)) == 1
    nothing = encode_mask(np.zeros(SIZE, np.bool_))
    assert mask_iou(nothing, nothing) == mask_iou(nothing, encode_mask(one)) == 0
