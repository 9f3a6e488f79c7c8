# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from vit_perception.letterbox import Canvas, Letterbox, boxes_to_source, fit

SIDES = st.integers(1, 6000)
INPUTS = st.sampled_from([(416, 416), (320, 320), (640, 640), (64, 96), (96, 64), (33, 57)])


@given(SIDES, SIDES, INPUTS)
def test_the_image_lies_centred_inside_the_input(
    source_height: int, source_width: int, size: tuple[int, int]
) -> None:
    box = fit(source_height, source_width, *size)
    assert 1 <= box.resized_height <= box.height
    assert 1 <= box.resized_width <= box.width
    assert box.resized_height == box.height or box.resized_width == box.width
    assert 0 <= box.height - box.resized_height - 2 * box.top <= 1
    assert 0 <= box.width - box.resized_width - 2 * box.left <= 1
    ratio = min(box.height / source_height, box.width / source_width)
    assert abs(box.resized_height - ratio * source_height) <= 1
    assert abs(box.resized_width - ratio * source_width) <= 1


@settings(max_examples=300)
@given(SIDES, SIDES, INPUTS, st.integers(0, 2**32 - 1))
def test_boxes_come_back_within_half_a_pixel(
    source_height: int, source_width: int, size: tuple[int, int], seed: int
) -> None:
    corners = np.random.default_rng(seed).random((20, 2, 2)) * (source_width, source_height)
    boxes = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1).astype(np.float32)
    letterbox = fit(source_height, source_width, *size)
    scale, margin = 2 * (letterbox.scale_x, letterbox.scale_y), 2 * (letterbox.left, letterbox.top)
    inside = (boxes * scale + margin).astype(np.float32)
    returned = boxes_to_source(inside, letterbox)
    assert returned.dtype == np.float32
    assert np.abs(returned - boxes).max() <= 0.5


def test_a_wide_image_by_hand() -> None:
    letterbox = fit(720, 1280, 416, 416)
    assert letterbox == Letterbox(720, 1280, 416, 416, 234, 416, 91, 0)
    boxes = np.array([[0, 91, 416, 325], [104, 91 + 117, 208, 325]], np.float32)
    np.testing.assert_allclose(
        boxes_to_source(boxes, letterbox), [[0, 0, 1280, 720], [320, 360, 640, 720]], atol=1e-3
    )


def test_boxes_are_clipped_to_the_image() -> None:
    letterbox = fit(720, 1280, 416, 416)
    outside = np.array([[-50, 0, 900, 416]], np.float32)
    np.testing.assert_array_equal(boxes_to_source(outside, letterbox), [[0, 0, 1280, 720]])


def test_no_boxes_stay_no_boxes() -> None:
    letterbox = fit(480, 640, 416, 416)
    assert boxes_to_source(np.zeros((0, 4), np.float32), letterbox).shape == (0, 4)


def test_margins_are_grey_and_cleaned_when_the_image_shape_changes() -> None:
    canvas = Canvas(64, 96)
    canvas.draw(np.full((10, 10, 3), 255, np.uint8))
    canvas.draw(np.full((10, 100, 3), 7, np.uint8))
    letterbox = fit(10, 100, 64, 96)
    expected = np.full((64, 96, 3), 114, np.uint8)
    expected[letterbox.top : letterbox.top + letterbox.resized_height] = 7
    np.testing.assert_array_equal(canvas.pixels[0], expected)


def test_the_buffer_is_kept() -> None:
    canvas = Canvas(64, 96)
    before = canvas.pixels
    canvas.draw(np.zeros((480, 640, 3), np.uint8))
    assert canvas.pixels is before


def test_an_image_of_the_right_size_is_copied_exactly() -> None:
    image = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)
    canvas = Canvas(64, 96)
    canvas.draw(image)
    np.testing.assert_array_equal(canvas.pixels[0], image)


@pytest.mark.parametrize(
    "shape",
    [(480, 640), (720, 1280), (1080, 1920), (2160, 3840), (1079, 1917), (200, 333), (1500, 1000)],
)
def test_reduction_averages_areas(shape: tuple[int, int]) -> None:
    image = natural_picture(*shape)
    canvas = Canvas(416, 416)
    letterbox = canvas.draw(image)
    size = (letterbox.resized_width, letterbox.resized_height)
    enlarges = letterbox.scale_x > 1
    expected = cv2.resize(image, size, interpolation=1 if enlarges else cv2.INTER_AREA)
    drawn = canvas.pixels[
        0,
        letterbox.top : letterbox.top + size[1],
        letterbox.left : letterbox.left + size[0],
    ]
    error = np.mean((drawn.astype(np.float64) - expected) ** 2)
    assert error < 255**2 / 10**3.5  # 35 dB


@pytest.mark.parametrize("side", [1664, 1665, 1666])
def test_fine_patterns_do_not_alias(side: int) -> None:
    """Stripes of two pixels, reduced by four, become an even grey."""
    stripes = (np.indices((side, side))[1] // 2 % 2 * 255).astype(np.uint8)
    canvas = Canvas(416, 416)
    canvas.draw(np.repeat(stripes[:, :, None], 3, axis=2))
    assert np.abs(canvas.pixels.astype(int) - 127).max() <= 3


@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (5000, 1), (1, 2**24), (2**24, 1)])
def test_extreme_shapes_are_drawn(shape: tuple[int, int]) -> None:
    canvas = Canvas(64, 96)
    letterbox = canvas.draw(np.full((*shape, 3), 200, np.uint8))
    centre = canvas.pixels[0, letterbox.top, letterbox.left]
    np.testing.assert_array_equal(centre, 200)


def test_padded_read_only_rows_are_drawn_like_packed_ones() -> None:
    packed = np.random.default_rng(1).integers(0, 256, (48, 64, 3), np.uint8)
    padded = np.concatenate([packed.reshape(48, -1), np.zeros((48, 17), np.uint8)], axis=1)
    view = np.ndarray((48, 64, 3), np.uint8, buffer=padded.tobytes(), strides=(64 * 3 + 17, 3, 1))
    first, second = Canvas(64, 96), Canvas(64, 96)
    first.draw(packed)
    second.draw(view)
    np.testing.assert_array_equal(first.pixels, second.pixels)


def natural_picture(height: int, width: int) -> NDArray[np.uint8]:
    """Smooth colours, edges and a few dark grains."""
    rng = np.random.default_rng(5)
    coarse = rng.integers(40, 216, (9, 12, 3)).astype(np.uint8)
    picture = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    for _ in range(20):
        x, y = int(rng.integers(width)), int(rng.integers(height))
        colour = [int(value) for value in rng.integers(0, 256, 3)]
        cv2.rectangle(picture, (x, y), (x + width // 6, y + height // 6), colour, thickness=-1)
    picture[rng.integers(0, height, 2000), rng.integers(0, width, 2000)] //= 2
    return np.asarray(picture, np.uint8)
