# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Run lengths: the library's text both ways, and what is no mask refused in one line."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from pycocotools import mask as coco_mask

from vit_perception.rle import RleError, check_mask, decode_mask, encode_crops, encode_mask


@given(arrays.arrays(np.bool_, arrays.array_shapes(min_dims=2, max_dims=2, max_side=40)))
def test_a_mask_comes_back(mask: np.ndarray) -> None:
    np.testing.assert_array_equal(decode_mask(encode_mask(mask)), mask)


def test_large_masks_and_long_runs_come_back() -> None:
    mask = np.zeros((720, 1280), np.bool_)
    mask[100:600, 200:900] = True
    mask[::7, 300] ^= True
    np.testing.assert_array_equal(decode_mask(encode_mask(mask)), mask)


@st.composite
def _masks_of_one_picture(draw: st.DrawFn) -> tuple[list[np.ndarray], np.ndarray, int, int]:
    """Crops, their origins, and height and width of the picture, which they may fill."""
    height, width = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    crops, origins = [], []
    for _ in range(draw(st.integers(0, 5))):
        top, left = draw(st.integers(0, height - 1)), draw(st.integers(0, width - 1))
        sides = draw(st.integers(1, height - top)), draw(st.integers(1, width - left))
        whole = draw(st.booleans())
        crops.append(draw(arrays.arrays(np.bool_, (height, width) if whole else sides)))
        origins.append((0, 0) if whole else (left, top))
    return crops, np.array(origins, np.int64).reshape(-1, 2), height, width


@given(_masks_of_one_picture())
def test_crops_are_encoded_as_their_whole_masks(
    given: tuple[list[np.ndarray], np.ndarray, int, int],
) -> None:
    crops, origins, height, width = given
    wholes = []
    for crop, (left, top) in zip(crops, origins.tolist(), strict=True):
        whole = np.zeros((height, width), np.bool_)
        whole[top : top + crop.shape[0], left : left + crop.shape[1]] = crop
        wholes.append(encode_mask(whole))
    assert list(encode_crops(crops, origins, height, width)) == wholes


def test_many_large_crops_are_encoded_in_parts() -> None:
    masks = np.zeros((5, 700, 900), np.bool_)
    for index, mask in enumerate(masks):
        mask[index::7, 5:] = True
    found = encode_crops(list(masks), np.zeros((5, 2), np.int64), 700, 900)
    assert list(found) == [encode_mask(mask) for mask in masks]


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"size": [4, 4]},
        {"size": [4, 4], "counts": 3},
        {"size": [4], "counts": "@"},
        {"size": [0, 4], "counts": ""},
        {"size": [2, 2], "counts": "9"},
        {"size": [2, 2], "counts": "ÿ"},
        {"size": [2, 2], "counts": "\x10"},
        {"size": [2, 2], "counts": "P"},
        {"size": [2, 2], "counts": "ooooooooooooooo"},
        {"size": [70000, 70000], "counts": "0"},
        {"size": [32767, 32767], "counts": "0"},
        {"size": [float("inf"), 4], "counts": "@"},
        {"size": [4.5, 4], "counts": "@"},
        {"size": ["4", "4"], "counts": "@"},
        {"size": 4, "counts": "@"},
        {"size": [True, True], "counts": "1"},
        {"size": [4, 4], "counts": [3, 13]},
        {"size": [4, 4], "counts": "0" * 10_000},
        {"size": [4, 4], "counts": "\ud800"},
    ],
)
def test_what_is_no_mask_is_refused_in_one_line(value: dict[str, Any]) -> None:
    for function in (decode_mask, check_mask):
        with pytest.raises(RleError) as error:
            function(value)
        assert str(error.value).isprintable()
        assert len(str(error.value)) < 200


@given(st.binary(max_size=40), st.integers(1, 60), st.integers(1, 60))
def test_hostile_text_is_a_mask_of_that_size_or_refused(
    data: bytes, height: int, width: int
) -> None:
    value = {"size": [height, width], "counts": data.decode("latin-1")}
    try:
        mask = decode_mask(value)
    except RleError:
        return
    assert mask.shape == (height, width)
    np.testing.assert_array_equal(mask, coco_mask.decode(value))


@given(st.lists(st.integers(0, 2**35), max_size=6), st.integers(1, 60), st.integers(1, 60))
def test_huge_runs_take_no_memory(runs: list[int], height: int, width: int) -> None:
    """Numbers in COCO's form, whatever they mean: `pycocotools` would write outside its mask."""
    counts = ""
    for value in runs:
        while True:
            low, value = value & 0x1F, value >> 5
            more = value != 0 or bool(low & 0x10)
            counts += chr(48 + (low | 0x20 if more else low))
            if not more:
                break
    try:
        mask = decode_mask({"size": [height, width], "counts": counts})
    except RleError as error:
        assert str(error).isprintable()
    else:
        assert mask.shape == (height, width)
