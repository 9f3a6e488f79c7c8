# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Images that can be taught from are bounded in time and in memory."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("rclpy")

from sensor_msgs.msg import Image

from vit_perception.detections import Detections
from vit_perception.frame import Frame
from vit_perception.ros.teaching import pictures
from vit_perception.ros.teaching.account import Refused
from vit_perception.ros.teaching.pictures import Pictures

from ..bench import SECOND, image_message

NOTHING = Detections(
    boxes=np.zeros((0, 4), np.float32),
    scores=np.zeros(0, np.float32),
    labels=np.zeros(0, np.int64),
    names=("red",),
    vocabulary_version=0,
)


def message(stamp: int) -> Image:
    return image_message(np.zeros((10, 10, 3), np.uint8), stamp=stamp * SECOND)


def kept(seconds: float, count: int) -> Pictures:
    """One image each second, stamped in seconds from 1 on."""
    found = Pictures()
    found.keep_for(seconds)
    for number in range(1, count + 1):
        found.arrived(message(number), float(number))
    return found


def stamps(found: Pictures) -> list[int]:
    there = []
    for stamp in range(1, 100):
        try:
            there.append(found.of(stamp * SECOND).header.stamp.sec)
        except Refused:
            continue
    return there


def test_older_images_go() -> None:
    found = kept(3.0, 10)
    assert stamps(found) == [7, 8, 9, 10]
    assert found.bytes == 4 * 300


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "MOST_BYTES", 1000)
    found = kept(60.0, 10)
    assert stamps(found) == [8, 9, 10]
    assert found.bytes == 900
    # One that is too large by itself is not kept either.
    found.arrived(image_message(np.zeros((20, 20, 3), np.uint8), stamp=11 * SECOND), 11.0)
    assert (stamps(found), found.bytes) == ([], 0)


def test_nothing_is_kept_once_it_is_turned_off() -> None:
    found = kept(60.0, 3)
    found.keep_for(0.0)
    assert (stamps(found), found.bytes) == ([], 0)


def test_the_newest_of_one_stamp_is_meant() -> None:
    found = kept(60.0, 3)
    again = message(2)
    found.arrived(again, 4.0)
    assert found.of(2 * SECOND) is again


def test_the_image_looked_at_last_needs_no_history() -> None:
    found = Pictures()
    with pytest.raises(Refused, match="found none that was looked at since activation"):
        found.of(0)
    frame = Frame(np.zeros((4, 4, 3), np.uint8), stamp=5 * SECOND)
    found.looked(frame, NOTHING)
    assert found.of(0) is found.of(5 * SECOND) is frame
    with pytest.raises(Refused, match=r"only the newest is kept, of 5.000 s \(teach_history: 0"):
        found.of(4 * SECOND)
    found.forget()
    with pytest.raises(Refused):
        found.of(5 * SECOND)
