# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import tracemalloc
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from vit_perception.letterbox import Letterbox, fit
from vit_perception.masks import Masks, MasksError, decode

SIZE = (64, 96)
STRIDE = 4
# Logits of this size and less may fall on either side of 0 by rounding.
NOISE = 1e-4


def random_arrays(count: int, seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Coefficients [count, 8] and prototypes [8, 16, 24]."""
    rng = np.random.default_rng(seed)
    shape = (8, SIZE[0] // STRIDE, SIZE[1] // STRIDE)
    return rng.standard_normal((count, 8), np.float32), rng.standard_normal(shape, np.float32)


def dense_logits(
    coefficients: NDArray[np.float32], prototypes: NDArray[np.float32], letterbox: Letterbox
) -> NDArray[np.float64]:
    """float64 [N, H, W]: four taps for each pixel of the source, one after the other."""
    _, rows, columns = prototypes.shape
    logits = np.einsum("np,phw->nhw", coefficients.astype(np.float64), prototypes)
    found = np.zeros((len(logits), letterbox.source_height, letterbox.source_width))
    for i in range(letterbox.source_height):
        on_input = (i + 0.5) * letterbox.resized_height / letterbox.source_height + letterbox.top
        v = min(max(on_input / letterbox.height * rows - 0.5, 0), rows - 1)
        for j in range(letterbox.source_width):
            on_input = (j + 0.5) * letterbox.resized_width / letterbox.source_width
            u = (on_input + letterbox.left) / letterbox.width * columns - 0.5
            u = min(max(u, 0), columns - 1)
            for y, share_y in ((int(v), 1 - v % 1), (min(int(v) + 1, rows - 1), v % 1)):
                for x, share_x in ((int(u), 1 - u % 1), (min(int(u) + 1, columns - 1), u % 1)):
                    found[:, i, j] += share_y * share_x * logits[:, y, x]
    return found


def random_boxes(letterbox: Letterbox, count: int, seed: int = 1) -> NDArray[np.float32]:
    size = np.array([letterbox.source_width, letterbox.source_height])
    corners = np.random.default_rng(seed).uniform(0, 1, (count, 2, 2)) * size
    return np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1).astype(np.float32)


def cut(logits: NDArray[np.float64], box: NDArray[np.float32]) -> NDArray[np.float64]:
    """Logits of one mask [H, W]; below 0 where the pixel's centre is not in the box."""
    y, x = np.indices(logits.shape) + 0.5
    inside = (x >= box[0]) & (x < box[2]) & (y >= box[1]) & (y < box[3])
    return np.where(inside, logits, -1)


@given(
    height=st.integers(1, 48),
    width=st.integers(1, 48),
    network=st.sampled_from([(64, 96), (96, 64), (64, 64), (32, 128)]),
    seed=st.integers(0, 99),
)
def test_masks_equal_a_slow_dense_computation(
    height: int, width: int, network: tuple[int, int], seed: int
) -> None:
    letterbox = fit(height, width, *network)
    coefficients, prototypes = random_arrays(3, seed)
    boxes = random_boxes(letterbox, 3, seed)
    boxes[0] = (0, 0, width, height)
    masks = decode(coefficients, prototypes, boxes, letterbox)
    assert masks.dense().shape == (3, height, width)
    logits = dense_logits(coefficients, prototypes, letterbox)
    for mask, found, box in zip(logits, masks.dense(), boxes, strict=True):
        if (np.ceil(box[2:] - 0.5) <= np.ceil(box[:2] - 0.5)).any():
            continue  # no pixel centre inside: see the test of thin boxes
        expected = cut(mask, box)
        sure = np.abs(expected) > NOISE
        np.testing.assert_array_equal(found[sure], expected[sure] > 0)


@pytest.mark.parametrize("shape", [(480, 640), (640, 480), (540, 960), (320, 320), (200, 300)])
def test_masks_equal_opencv_where_the_whole_map_is_the_image(shape: tuple[int, int]) -> None:
    """An input of the image's own proportions has no margin: cv2.resize does the same."""
    height, width = shape
    letterbox = fit(height, width, height // 5, width // 5)
    rng = np.random.default_rng(3)
    prototypes = rng.standard_normal((8, height // 20, width // 20), np.float32)
    coefficients = rng.standard_normal((5, 8), np.float32)
    boxes = random_boxes(letterbox, 5)
    boxes[:, 2:] = np.maximum(boxes[:, 2:], boxes[:, :2] + 1)
    found = decode(coefficients, prototypes, boxes, letterbox).dense()
    for row, box, mask in zip(coefficients, boxes, found, strict=True):
        logits = cv2.resize(np.tensordot(row, prototypes, 1), (width, height))
        expected = cut(logits.astype(np.float64), box)
        sure = np.abs(expected) > NOISE
        np.testing.assert_array_equal(mask[sure], expected[sure] > 0)


def test_a_mask_ends_with_the_last_pixel_whose_centre_is_in_the_box() -> None:
    letterbox = fit(*SIZE, *SIZE)
    everywhere = np.ones((1, 16, 24), np.float32)
    boxes = np.array([[3.4, 5.6, 10.4, 9.6], [0, 0, 96, 64], [95.9, 63.9, 96, 64]], np.float32)
    masks = decode(np.ones((3, 1), np.float32), everywhere, boxes, letterbox)
    assert masks.origins.tolist() == [[3, 6], [0, 0], [95, 63]]
    assert [crop.shape for crop in masks.crops] == [(4, 7), (64, 96), (1, 1)]
    assert masks.areas().tolist() == [28, 64 * 96, 1]


def test_a_box_without_a_pixel_centre_has_the_pixel_around_its_own() -> None:
    boxes = np.array([[3.6, 5.1, 3.9, 9.1], [95.6, 63.6, 96, 64], [7, 7, 7, 7]], np.float32)
    masks = decode(
        np.ones((3, 1), np.float32), np.ones((1, 16, 24), np.float32), boxes, fit(*SIZE, *SIZE)
    )
    assert masks.origins.tolist() == [[3, 5], [95, 63], [7, 7]]
    assert masks.areas().tolist() == [4, 1, 1]


def test_no_detections_have_no_masks() -> None:
    coefficients, prototypes = random_arrays(0)
    masks = decode(coefficients, prototypes, np.zeros((0, 4), np.float32), fit(480, 640, *SIZE))
    assert (len(masks), masks.dense().shape, masks.areas().tolist()) == (0, (0, 480, 640), [])


def test_prototypes_of_one_pixel_are_enough() -> None:
    box = np.array([[0, 0, 5, 3]], np.float32)
    masks = decode(
        np.ones((1, 1), np.float32), np.ones((1, 1, 1), np.float32), box, fit(3, 5, 64, 64)
    )
    assert masks.dense().all()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38])
def test_what_is_not_finite_does_not_spread(value: float) -> None:
    letterbox = fit(*SIZE, *SIZE)
    prototypes = np.full((2, 16, 24), 0.25, np.float32)
    prototypes[:, 5, 7] = value  # network pixels 28..31, 20..23; neighbours reach half of theirs
    box = np.array([[0, 0, 96, 64]], np.float32)
    with np.errstate(all="raise"):
        mask = decode(np.full((1, 2), 2, np.float32), prototypes, box, letterbox).one(0)
    assert mask[:16].all()
    assert mask[28:].all()
    assert mask[:, :24].all()
    assert mask[:, 36:].all()
    assert not mask[21:23, 29:31].any()


def test_huge_images_take_memory_for_the_boxes_alone() -> None:
    letterbox = fit(4320, 7680, 416, 416)
    rng = np.random.default_rng(0)
    prototypes = rng.standard_normal((32, 104, 104), np.float32)
    coefficients = rng.standard_normal((20, 32), np.float32)
    corners = rng.uniform(0, 4000, (20, 2))
    boxes = np.concatenate([corners, corners + 300], axis=1).astype(np.float32)
    whole = np.array([[0, 0, 7680, 4320]], np.float32)
    peaks = []
    for rows, asked in ((coefficients, boxes), (coefficients[:1], whole)):
        tracemalloc.start()
        masks = decode(rows, prototypes, asked, letterbox)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert masks.areas().min() > 0
    assert peaks[0] < 20 * 301 * 301 + 2e6
    assert peaks[1] < 7680 * 4320 + 20e6


def test_more_masks_than_memory_are_refused_before_any_is_made() -> None:
    letterbox = fit(8192, 8192, 416, 416)
    boxes = np.tile(np.array([[0, 0, 8192, 8192]], np.float32), (17, 1))
    with pytest.raises(MasksError, match=f"at most {2**30} px together, found {17 * 2**26}"):
        decode(np.ones((17, 1), np.float32), np.ones((1, 104, 104), np.float32), boxes, letterbox)


def test_other_numbers_of_coefficients_than_prototypes_are_refused() -> None:
    coefficients, prototypes = random_arrays(1)
    with pytest.raises(MasksError, match="^mask coefficients: expected 7 a row, .* found 8$"):
        decode(coefficients, prototypes[:7], np.zeros((1, 4), np.float32), fit(*SIZE, *SIZE))


# The value


def three() -> Masks:
    crops = (np.eye(2, dtype=np.bool_), np.ones((1, 3), np.bool_), np.zeros((0, 0), np.bool_))
    return Masks(np.array([[1, 0], [2, 4], [0, 0]]), crops, height=5, width=6)


def test_masks_lie_in_the_image() -> None:
    masks = three()
    dense = masks.dense()
    assert (len(masks), dense.shape, dense.dtype) == (3, (3, 5, 6), np.bool_)
    assert np.argwhere(dense[0]).tolist() == [[0, 1], [1, 2]]
    assert np.argwhere(dense[1]).tolist() == [[4, 2], [4, 3], [4, 4]]
    assert not dense[2].any()
    for index in range(3):
        np.testing.assert_array_equal(masks.one(index), dense[index])
    assert (masks.areas().tolist(), masks.areas().dtype) == ([2, 3, 0], np.int64)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"origins": np.zeros((2, 2), np.int32)},
            "origins: expected int64 [1, 2], found int32 [2",
        ),
        (
            {"origins": np.zeros((2, 2), np.int64)},
            "origins: expected int64 [1, 2], found int64 [2",
        ),
        ({"crops": (np.zeros((2, 2)),)}, "crops: expected bool [h, w], found float64 [2, 2]"),
        ({"crops": (np.zeros(2, np.bool_),)}, "crops: expected bool [h, w], found bool [2]"),
        (
            {"origins": np.array([[4, 0]])},
            "crops: expected them inside 5 x 6 px, found one at 4..6, 0..2",
        ),
        ({"origins": np.array([[0, -1]])}, "crops: expected them inside 5 x 6 px, found"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(changes: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {
        "origins": np.zeros((1, 2), np.int64),
        "crops": (np.ones((2, 2), np.bool_),),
        "height": 6,
        "width": 5,
    }
    with pytest.raises(MasksError) as refusal:
        Masks(**(arguments | changes))
    assert str(refusal.value).startswith(message)
