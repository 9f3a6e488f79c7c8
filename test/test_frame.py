# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from vit_perception.frame import Frame, FrameError

IMAGE = np.zeros((4, 6, 3), np.uint8)


def test_a_frame_keeps_what_it_is_given() -> None:
    depth, intrinsics = np.ones((4, 6), np.float32), np.eye(3)
    frame = Frame(IMAGE, 17, "camera_optical", depth, intrinsics)
    assert (frame.height, frame.width, frame.stamp, frame.frame_id) == (4, 6, 17, "camera_optical")
    assert frame.image is IMAGE
    assert frame.depth is depth
    assert frame.intrinsics is intrinsics


def test_read_only_and_padded_views_are_welcome() -> None:
    view = np.ndarray((4, 6, 3), np.uint8, buffer=bytes(4 * 20), strides=(20, 3, 1))
    assert Frame(view).image is view


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image": [[1]]}, "image: expected uint8 [H, W, 3], found list"),
        (
            {"image": np.zeros((4, 6), np.uint8)},
            "image: expected uint8 [H, W, 3], found uint8 [4, 6]",
        ),
        (
            {"image": np.zeros((4, 6, 4), np.uint8)},
            "image: expected uint8 [H, W, 3], found uint8 [4, 6, 4]",
        ),
        (
            {"image": np.zeros((4, 6, 3), np.float32)},
            "image: expected uint8 [H, W, 3], found float32 [4, 6, 3]",
        ),
        (
            {"image": np.zeros((0, 6, 3), np.uint8)},
            "image: expected uint8 [H, W, 3], found uint8 [0, 6, 3]",
        ),
        ({"stamp": 1.5}, "stamp: expected int nanoseconds, found float"),
        ({"frame_id": None}, "frame_id: expected str, found NoneType"),
        (
            {"depth": np.zeros((6, 4), np.float32)},
            "depth: expected float32 [4, 6] like the image, found float32 [6, 4]",
        ),
        (
            {"depth": np.zeros((4, 6))},
            "depth: expected float32 [4, 6] like the image, found float64 [4, 6]",
        ),
        (
            {"intrinsics": np.eye(4)},
            "intrinsics: expected float64 [3, 3], found float64 [4, 4]",
        ),
    ],
)
def test_wrong_arrays_are_refused_in_one_line(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(FrameError) as refusal:
        Frame(**({"image": IMAGE} | changes))
    assert str(refusal.value) == message
