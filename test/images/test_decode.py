# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import array
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from vit_perception.images.encodings import DECODERS
from vit_perception.images.raw import ImageError

from ..refusals import image_refusal_of
from .fields import decode_image

HEIGHT, WIDTH = 5, 7
RGB = np.random.default_rng(3).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
ALPHA = np.full((HEIGHT, WIDTH, 1), 9, np.uint8)
GREY = RGB[..., :1]
GREY_RGB = np.repeat(GREY, 3, axis=2)

# encoding -> (what the camera stores, what it shows)
ENCODINGS = {
    "rgb8": (RGB, RGB),
    "bgr8": (RGB[..., ::-1], RGB),
    "8UC3": (RGB[..., ::-1], RGB),
    "rgba8": (np.concatenate([RGB, ALPHA], axis=2), RGB),
    "bgra8": (np.concatenate([RGB[..., ::-1], ALPHA], axis=2), RGB),
    "mono8": (GREY, GREY_RGB),
    "8UC1": (GREY, GREY_RGB),
}


def message(stored: NDArray[Any], encoding: str, padding: int = 0) -> dict[str, Any]:
    rows = np.ascontiguousarray(stored).view(np.uint8).reshape(len(stored), -1)
    padded = np.concatenate([rows, np.full((len(rows), padding), 0xEE, np.uint8)], axis=1)
    return {
        "encoding": encoding,
        "height": stored.shape[0],
        "width": stored.shape[1],
        "step": padded.shape[1],
        "is_bigendian": stored.dtype.byteorder == ">",
        "data": padded.tobytes(),
    }


@pytest.mark.parametrize("padding", [0, 1, 13])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_encoding_with_and_without_padding(encoding: str, padding: int) -> None:
    stored, expected = ENCODINGS[encoding]
    image = decode_image(**message(stored, encoding, padding))
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image, expected)


@pytest.mark.parametrize("encoding", ["rgb8", "bgr8", "rgba8", "bgra8", "mono8"])
def test_packed_rows_equal_rosbags_image(encoding: str) -> None:
    rosbags_image = pytest.importorskip("rosbags.image")
    # Packed only: rosbags-image 0.10.4 takes the padding of rows for pixels.
    fields = message(ENCODINGS[encoding][0], encoding)
    theirs = SimpleNamespace(**fields | {"data": np.frombuffer(fields["data"], np.uint8)})
    expected = rosbags_image.image_to_cvimage(theirs, "rgb8")
    np.testing.assert_array_equal(decode_image(**fields), expected)


@pytest.mark.parametrize(
    "wrap",
    [
        bytes,
        bytearray,
        memoryview,
        lambda data: array.array("B", data),
        lambda data: np.frombuffer(data, np.uint8),
    ],
)
def test_data_of_every_kind(wrap: Callable[[bytes], Any]) -> None:
    fields = message(RGB, "rgb8", 3)
    image = decode_image(**fields | {"data": wrap(fields["data"])})
    np.testing.assert_array_equal(image, RGB)


@pytest.mark.parametrize("padding", [0, 13])
def test_rgb8_is_not_copied(padding: int) -> None:
    fields = message(RGB, "rgb8", padding)
    data = bytearray(fields["data"])
    image = decode_image(**fields | {"data": data})
    data[1] ^= 0xFF
    assert image[0, 0, 1] == data[1]


def test_the_last_row_may_come_without_its_padding() -> None:
    fields = message(RGB, "bgr8", 10)
    image = decode_image(**fields | {"data": fields["data"][:-10]})
    np.testing.assert_array_equal(image, RGB[..., ::-1])


@pytest.mark.parametrize(
    ("changes", "cause", "text"),
    [
        ({"encoding": "nv99"}, "encoding", "found 'nv99'"),
        ({"encoding": ""}, "encoding", "expected one of rgb8, bgr8"),
        ({"encoding": "rgb8\n"}, "encoding", r"found 'rgb8\n'"),
        ({"height": 0}, "size", "rgb8 image: expected 1..67108864 pixels, found 7x0"),
        ({"width": 0}, "size", "found 0x5"),
        ({"width": -7}, "size", "found -7x5"),
        ({"height": 2**32 - 1, "width": 2**32 - 1}, "size", "found 4294967295x4294967295"),
        ({"max_pixels": 34}, "size", "rgb8 image: expected 1..34 pixels, found 7x5"),
        ({"step": 0}, "step", "rgb8 image: expected step >= 21 for width 7, found 0"),
        ({"step": 20}, "step", "expected step >= 21 for width 7, found 20"),
        ({"step": 2**40}, "truncated", "found 105"),
        (
            {"data": bytes(104)},
            "truncated",
            "rgb8 image: expected 105 bytes for 7x5 with step 21, found 104",
        ),
        ({"data": b""}, "truncated", "found 0"),
    ],
)
def test_impossible_images_are_refused(changes: dict[str, Any], cause: str, text: str) -> None:
    error = image_refusal_of(decode_image, **message(RGB, "rgb8") | changes)
    assert error.cause == cause
    assert text in str(error)


SMALL_OR_HUGE = st.integers(-2, 20) | st.integers(0, 2**32 - 1)


@given(
    encoding=st.sampled_from([*DECODERS, ""]),
    height=SMALL_OR_HUGE,
    width=SMALL_OR_HUGE,
    step=SMALL_OR_HUGE,
    is_bigendian=st.booleans(),
    data=st.binary(max_size=2000),
)
def test_any_fields_give_an_image_or_one_line(**fields: Any) -> None:
    try:
        image = decode_image(**fields)
    except ImageError as error:
        assert str(error).isprintable()
    else:
        assert image.shape == (fields["height"], fields["width"], 3)
