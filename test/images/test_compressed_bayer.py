# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Bayer mosaics as image_transport compresses them: grey files whose format names the pattern."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from vit_perception.images.compressed import decode_compressed
from vit_perception.images.encodings import BAYER

from .fields import decode_image


def mosaic(bits: int) -> NDArray[Any]:
    coarse = np.random.default_rng(4).integers(0, 256, (5, 6), np.uint8)
    values = cv2.resize(coarse, (40, 30))
    return values.astype(np.uint16) * 257 if bits == 16 else values


def raw(pattern: str, pixels: NDArray[Any]) -> Any:
    size = pixels.dtype.itemsize
    height, width = pixels.shape
    return decode_image(
        encoding=f"bayer_{pattern}{8 * size}",
        height=height,
        width=width,
        step=width * size,
        is_bigendian=False,
        data=pixels.tobytes(),
    )


def encoded(suffix: str, pixels: NDArray[Any]) -> bytes:
    _, data = cv2.imencode(suffix, pixels)
    return data.tobytes()


@pytest.mark.parametrize("stored", [8, 16])
@pytest.mark.parametrize("named", [8, 16])
@pytest.mark.parametrize("pattern", sorted(BAYER))
def test_a_png_is_exactly_the_raw_topic(pattern: str, named: int, stored: int) -> None:
    pixels = mosaic(stored)
    for layout in ("bayer_{}{}; png compressed ", "bayer_{}{}; png", "bayer_{}{}"):
        found = decode_compressed(
            format=layout.format(pattern, named), data=encoded(".png", pixels)
        )
        np.testing.assert_array_equal(found, raw(pattern, pixels))
    assert (found[..., 0] != found[..., 2]).any()


@pytest.mark.parametrize("pattern", sorted(BAYER))
def test_a_jpeg_is_demosaiced(pattern: str) -> None:
    data = encoded(".jpg", mosaic(8))
    kept = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    found = decode_compressed(format=f"bayer_{pattern}8; jpeg compressed ", data=data)
    np.testing.assert_array_equal(found, raw(pattern, np.asarray(kept)))


def test_what_is_coloured_already_or_has_no_pattern_is_left_as_it_is() -> None:
    colours = np.random.default_rng(4).integers(0, 256, (30, 40, 3), np.uint8)
    data = encoded(".png", colours)
    found = decode_compressed(format="bayer_rggb8; png compressed bgr8", data=data)
    np.testing.assert_array_equal(found, colours[..., ::-1])
    grey = mosaic(8)
    found = decode_compressed(format="mono8; png compressed ", data=encoded(".png", grey))
    np.testing.assert_array_equal(found, np.repeat(grey[..., None], 3, axis=2))


def test_small_mosaics() -> None:
    for height, width in ((1, 1), (1, 4), (2, 2), (2, 5)):
        pixels = np.ascontiguousarray(mosaic(8)[:height, :width])
        found = decode_compressed(format="bayer_gbrg8; png", data=encoded(".png", pixels))
        np.testing.assert_array_equal(found, raw("gbrg", pixels))
