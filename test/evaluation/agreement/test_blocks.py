# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Blocks of frames, and intervals by drawing them."""

from __future__ import annotations

import numpy as np

from vit_perception.evaluation.agreement.blocks import Blocks, interval

from .looked import PERIOD, START, looked


def blocks(stamps: list[int], **changes: str) -> list[int]:
    found = Blocks()
    return [
        found.of(looked(number, stamp=stamp, **changes)) for number, stamp in enumerate(stamps)
    ]


def test_a_block_has_two_seconds() -> None:
    found = blocks([START + number * PERIOD for number in range(45)])
    assert found == [0] * 20 + [1] * 20 + [2] * 5


def test_a_block_has_five_frames_however_slow_the_camera_is() -> None:
    assert blocks([START + number * 10**9 for number in range(12)]) == [0] * 5 + [1] * 5 + [2] * 2


def test_other_times_and_sequences_are_other_blocks() -> None:
    assert blocks([START] * 6 + [START - 10**10] * 2) == [0] * 6 + [1] * 2
    found = Blocks()
    frames = [looked(0, sequence=name) for name in ("one", "one", "two")]
    assert [found.of(frame) for frame in frames] == [0, 0, 1]


def test_pictures_of_a_folder_are_blocks_of_their_own() -> None:
    assert blocks([0] * 4, name="a.jpg") == [0, 1, 2, 3]


def test_recordings_without_stamps_have_blocks_too() -> None:
    assert blocks([0] * 130) == [0] * 60 + [1] * 60 + [2] * 10


def test_an_interval_holds_the_share_and_narrows_with_blocks() -> None:
    generator = np.random.default_rng(1)
    widths = []
    for count in (10, 1000):
        wholes = np.full(count, 20.0)
        parts = generator.binomial(20, 0.7, count).astype(float)
        found = interval(parts, wholes)
        assert found is not None
        low, high = found
        assert low < parts.sum() / wholes.sum() < high
        assert interval(parts, wholes) == found
        widths.append(high - low)
    assert widths[1] < widths[0] / 5


def test_what_is_the_same_everywhere_is_sure() -> None:
    assert interval([2, 4, 6], [2, 4, 6]) == (1.0, 1.0)


def test_of_one_block_nothing_can_be_said() -> None:
    assert interval([3], [4]) is None
    assert interval([0, 0], [0, 0]) is None


def test_blocks_without_anything_in_them_are_drawn_too() -> None:
    found = interval([1, 0], [2, 0])
    assert found == (0.5, 0.5)
