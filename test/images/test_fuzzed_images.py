# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Messages from anybody: the pixels that are in them, or one line that says why not.

What is expected is worked out here from the meaning of each encoding, byte by byte. The examples
are the same in every run.
"""

from __future__ import annotations

import functools
import struct
import tracemalloc
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import strategies as st
from numpy.typing import NDArray

from vit_perception.images.compressed import decode_compressed
from vit_perception.images.depth import decode_compressed_depth
from vit_perception.images.encodings import DECODERS
from vit_perception.images.raw import ImageError

from ..fuzzed_bytes import changed, changes, fuzz
from ..stored_images import Stored, needs, shown_by
from .fields import decode_depth, decode_image
from .test_encodings import rgb_of

CAUSES = {"encoding", "format", "size", "step", "truncated", "jpeg", "png", "webp", "depth"}
SLOW = pytest.param(True, marks=pytest.mark.slow)
MAX_PIXELS = 4096
DEPTH_KINDS = {"16UC1": "u2", "mono16": "u2", "32FC1": "f4"}


def result_of(decode: Callable[..., Any], **fields: Any) -> NDArray[Any] | ImageError:
    """What a decoder gives, or its refusal, which is one readable line."""
    try:
        return np.asarray(decode(**fields))
    except ImageError as error:
        assert str(error).isprintable() and len(str(error)) < 800
        assert error.cause in CAUSES
        return error


# sensor_msgs/Image

sizes = st.integers(1, 12) | st.integers(1, 60)
any_size = st.integers(0, 70) | st.integers(0, 2**32 - 1)
names = st.sampled_from([*sorted(DECODERS), "32FC1", "RGB8", ""])


@st.composite
def messages(draw: st.DrawFn, encodings: st.SearchStrategy[str] = names) -> dict[str, Any]:
    """Fields of sensor_msgs/Image, most of them right or nearly so."""
    encoding, height, width = draw(encodings), draw(sizes), draw(sizes)
    row, _ = needs(encoding, height, width, 0)
    # What is wrong with it, if anything.
    fault = draw(st.sampled_from([*[""] * 8, "short rows", "any step", "short", "any size"]))
    step = row + draw(st.sampled_from([0, 0, 1, 2, 13]))
    if fault == "short rows":
        step = max(row - 1, 0)
    elif fault == "any step":
        step = draw(any_size)
    _, needed = needs(encoding, height, width, step)
    length = needed + draw(st.sampled_from([0, 0, 1, 64])) - (fault == "short")
    data = np.random.default_rng(draw(st.integers(0, 2**16))).bytes(max(0, min(length, 50_000)))
    if fault == "any size":
        height, width = draw(any_size), draw(any_size)
    limits = [*[MAX_PIXELS] * 8, 1, height * width, height * width - 1]
    return {
        "encoding": encoding,
        "height": height,
        "width": width,
        "step": step,
        "is_bigendian": draw(st.booleans()),
        "data": draw(st.sampled_from([bytes, bytearray, memoryview]))(data),
        "max_pixels": draw(st.sampled_from(limits)),
    }


def faults(fields: dict[str, Any], encodings: Any) -> set[str]:
    """What is wrong with a message, as causes; it is refused for one of them."""
    if fields["encoding"] not in encodings:
        return {"encoding"}
    height, width, step = fields["height"], fields["width"], fields["step"]
    if not 1 <= height * width <= fields["max_pixels"]:
        return {"size"}
    row, needed = needs(fields["encoding"], height, width, step)
    wrong = {"step"} if step < row else set()
    return wrong | ({"truncated"} if len(fields["data"]) < needed else set())


def check_image(fields: dict[str, Any]) -> None:
    found, wrong = result_of(decode_image, **fields), faults(fields, DECODERS)
    if wrong:
        assert isinstance(found, ImageError) and found.cause in wrong
        return
    assert not isinstance(found, ImageError), found
    assert (found.dtype, found.shape) == (np.uint8, (fields["height"], fields["width"], 3))
    stored = Stored(**{key: value for key, value in fields.items() if key != "max_pixels"})
    kind, values, where = shown_by(stored)
    if kind == "yuv":
        # Real numbers against the integers of OpenCV.
        assert np.abs(found - rgb_of(*values)).max() <= 2
    else:
        np.testing.assert_array_equal(found[where], values[where])


@pytest.mark.parametrize("slow", [False, SLOW])
def test_any_image_message(slow: bool) -> None:
    fuzz(messages(), check_image, 5000 if slow else 250)


def check_depth(fields: dict[str, Any]) -> None:
    found, wrong = result_of(decode_depth, **fields), faults(fields, DEPTH_KINDS)
    if wrong:
        assert isinstance(found, ImageError) and found.cause in wrong
        return
    assert not isinstance(found, ImageError), found
    kind = DEPTH_KINDS[fields["encoding"]]
    order = ">" if fields["is_bigendian"] else "<"
    assert (found.dtype, found.shape) == (np.float32, (fields["height"], fields["width"]))
    letter = {"u2": "H", "f4": "f"}[kind]
    for y in range(fields["height"]):
        row = struct.unpack_from(
            f"{order}{fields['width']}{letter}", fields["data"], y * fields["step"]
        )
        stored = np.array(row, np.float64) * (0.001 if kind == "u2" else 1)
        stored[~((stored > 0) & np.isfinite(stored))] = np.nan
        np.testing.assert_allclose(found[y], stored, rtol=1e-6)


@pytest.mark.parametrize("slow", [False, SLOW])
def test_any_depth_message(slow: bool) -> None:
    depths = st.sampled_from([*DEPTH_KINDS, *DEPTH_KINDS, "rgb8", "mono8"])
    fuzz(messages(depths), check_depth, 1500 if slow else 100)


@pytest.mark.parametrize("encoding", sorted(DECODERS))
def test_sizes_are_refused_before_memory_is_taken(encoding: str) -> None:
    fields = {"encoding": encoding, "is_bigendian": False, "data": bytes(1000)}
    tracemalloc.start()
    try:
        for height, width, step in ((2**32 - 1, 2**32 - 1, 2**32 - 1), (2**13, 2**13, 2**17)):
            found = result_of(decode_image, height=height, width=width, step=step, **fields)
            assert isinstance(found, ImageError) and found.cause in ("size", "truncated")
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


# Files: sensor_msgs/CompressedImage


def _picture(height: int, width: int, *channels: int) -> NDArray[np.uint8]:
    coarse = np.random.default_rng(height).integers(0, 256, (3, 4, *channels), np.uint8)
    return np.asarray(cv2.resize(coarse, (width, height)), np.uint8)


def _file(suffix: str, image: NDArray[Any], *options: int) -> bytes:
    _, data = cv2.imencode(suffix, image, list(options))
    return data.tobytes()


@functools.cache
def files() -> dict[str, bytes]:
    """A file of every sort that is read."""
    colour, grey, alpha = _picture(17, 23, 3), _picture(9, 8), _picture(12, 5, 4)
    return {
        "jpeg": _file(".jpg", colour),
        "jpeg progressive": _file(".jpg", colour, cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
        "jpeg restarting": _file(".jpg", colour, cv2.IMWRITE_JPEG_RST_INTERVAL, 1),
        "jpeg grey": _file(".jpg", grey),
        "png": _file(".png", colour),
        "png grey": _file(".png", grey),
        "png transparent": _file(".png", alpha),
        "png deep": _file(".png", colour.astype(np.uint16) * 257),
        "png bits": _file(".png", (grey > 99).astype(np.uint8), cv2.IMWRITE_PNG_BILEVEL, 1),
        "webp": _file(".webp", colour, cv2.IMWRITE_WEBP_QUALITY, 80),
        "webp lossless": _file(".webp", colour, cv2.IMWRITE_WEBP_QUALITY, 101),
        "webp transparent": _file(".webp", alpha, cv2.IMWRITE_WEBP_QUALITY, 80),
    }


@functools.cache
def pixels(kind: str) -> NDArray[np.uint8]:
    """What a file of `files` shows, by OpenCV alone."""
    decoded = cv2.imdecode(np.frombuffer(files()[kind], np.uint8), cv2.IMREAD_COLOR)
    return np.asarray(decoded)[..., ::-1]


def check_file(case: tuple[str, Any, str, int]) -> None:
    kind, change, layout, limit = case
    data = changed(files()[kind], change)
    found = result_of(decode_compressed, format=layout, data=data, max_pixels=limit)
    if isinstance(found, ImageError):
        harmless = data == files()[kind] and layout in ("", "jpeg")
        assert not harmless or pixels(kind)[..., 0].size > limit, found
        return
    assert found.dtype == np.uint8 and found.ndim == 3 and found.shape[2] == 3
    assert found.shape[0] * found.shape[1] <= limit
    if kind.startswith("png"):
        # Its checksums tell damage.
        np.testing.assert_array_equal(found, pixels(kind))
        return
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    np.testing.assert_array_equal(found, np.asarray(decoded)[..., ::-1])


layouts = st.sampled_from(["", "jpeg", "rgb8; jpeg compressed bgr8"]) | st.text(max_size=20)


@pytest.mark.parametrize("slow", [False, SLOW])
def test_any_file(slow: bool) -> None:
    limits = st.sampled_from([MAX_PIXELS, MAX_PIXELS, 391, 390, 1])
    cases = st.tuples(st.sampled_from(sorted(files())), changes, layouts, limits)
    fuzz(cases, check_file, 2500 if slow else 250)


DEPTH = np.random.default_rng(1).integers(0, 2**16, (7, 11), np.uint16)
DEPTH[0, :3] = (0, 1, 65535)
DEPTH_PNG = _file(".png", DEPTH)


def check_compressed_depth(case: tuple[str, tuple[float, float], Any]) -> None:
    layout, (a, b), change = case
    whole = struct.pack("<iff", 0, a, b) + DEPTH_PNG
    data = changed(whole, change)
    found = result_of(decode_compressed_depth, format=layout, data=data, max_pixels=MAX_PIXELS)
    if isinstance(found, ImageError):
        assert data != whole or layout.split(";")[0] not in DEPTH_KINDS
        return
    with np.errstate(all="ignore"):
        # The header has no checksum: it is read as it came.
        _, a, b = struct.unpack_from("<iff", data)
        if layout.startswith("32FC1"):
            metres = a / (DEPTH.astype(np.float64) - b)
            metres[(DEPTH == 0) | ~(metres > 0) | (metres > np.finfo(np.float32).max)] = np.nan
        else:
            metres = np.where(DEPTH == 0, np.nan, DEPTH * 0.001)
    assert (found.dtype, found.shape) == (np.float32, DEPTH.shape)
    # Where A / (q - B) has almost no divisor or result, float32 keeps few digits of it.
    plain = np.isfinite(metres) & (np.abs(metres) > 1e-30) & (np.abs(DEPTH - b) > 1e-2)
    np.testing.assert_allclose(found[plain], metres[plain], rtol=1e-1)
    assert (np.isnan(found) | (found > 0)).all()


@pytest.mark.parametrize("slow", [False, SLOW])
def test_any_compressed_depth(slow: bool) -> None:
    quantum = st.floats(width=32) | st.floats(-10, 10, width=32)
    kinds = ["16UC1; compressedDepth", "32FC1; compressedDepth png", "32FC1; compressedDepth", "x"]
    cases = st.tuples(st.sampled_from(kinds), st.tuples(quantum, quantum), changes)
    fuzz(cases, check_compressed_depth, 1000 if slow else 100)
