# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Outlines of masks."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from vit_perception.evaluation.labelling.outlines import filled, outlines
from vit_perception.rle import RleError, decode_mask, encode_mask

from .proposals import shapes


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / (one | other).sum())


def test_a_rectangle_has_its_four_corners_at_the_edges_of_its_pixels() -> None:
    mask = np.zeros((20, 30), np.bool_)
    mask[3:8, 10:21] = True
    (outline,) = outlines(encode_mask(mask))
    assert sorted(outline) == [(10, 3), (10, 8), (21, 3), (21, 8)]


@given(arrays(np.bool_, (9, 11), elements=st.booleans()))
def test_outlines_along_pixels_enclose_the_mask_and_its_holes(mask: np.ndarray) -> None:
    found = outlines(encode_mask(mask), tolerance=0)
    back = decode_mask(filled(found, mask.shape)) if found else np.zeros_like(mask)
    # Holes are what cannot be reached from outside by steps to the left, right, up and down.
    background = np.pad(~mask, 1, constant_values=True).astype(np.uint8)
    _, regions = cv2.connectedComponents(background, connectivity=4)
    assert np.array_equal(back, regions[1:-1, 1:-1] != regions[0, 0])


def test_simpler_outlines_stay_near_the_mask() -> None:
    for name, mask in shapes().items():
        found = outlines(encode_mask(mask))
        back = decode_mask(filled(found, mask.shape))
        if name != "ring":
            assert overlap(mask, back) > 0.95, name
        assert all(len(outline) >= 3 for outline in found)


def test_parts_come_by_size_and_holes_are_filled() -> None:
    parts = outlines(encode_mask(shapes()["parts"]))
    assert [len(outline) for outline in parts] == [4, 4]
    assert min(parts[0])[0] == 40  # 15 x 40 px are more than 20 x 20
    (ring,) = outlines(encode_mask(shapes()["ring"]))
    assert decode_mask(filled([ring], (120, 200)))[60, 150]


def test_specks_have_no_outline() -> None:
    mask = shapes()["parts"]
    mask[110, 150] = mask[2, 2:12] = True
    assert [len(outline) for outline in outlines(encode_mask(mask))] == [4, 4, 4]
    assert len(outlines(encode_mask(mask), tolerance=0)) == 4


def test_an_empty_mask_has_no_outline() -> None:
    assert outlines(encode_mask(np.zeros((4, 5), np.bool_))) == []


def test_outlines_far_outside_are_refused() -> None:
    with pytest.raises(RleError, match="corners in or near the picture"):
        filled([[(0, 0), (5, 5), (1e9, 0)]], (4, 5))
