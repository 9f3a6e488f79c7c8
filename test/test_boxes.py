# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from vit_perception.boxes import box_iou

boxes = st.lists(st.tuples(*[st.integers(0, 50)] * 4), max_size=6).map(
    lambda rows: np.array([(x, y, x + w, y + h) for x, y, w, h in rows], np.float32).reshape(-1, 4)
)


@settings(max_examples=50, deadline=None)
@given(boxes, boxes)
def test_iou_is_symmetric_and_bounded(first: np.ndarray, second: np.ndarray) -> None:
    iou = box_iou(first, second)
    assert iou.shape == (len(first), len(second))
    np.testing.assert_allclose(iou, box_iou(second, first).T, atol=1e-6)
    assert ((iou >= 0) & (iou <= 1 + 1e-6)).all()


def test_a_quarter_is_shared() -> None:
    one = np.array([[0, 0, 10, 10], [5, 5, 5, 5]], np.float32)
    other = np.array([[0, 0, 5, 5], [20, 0, 30, 10]], np.float32)
    np.testing.assert_allclose(box_iou(one, other), [[0.25, 0], [0, 0]])
