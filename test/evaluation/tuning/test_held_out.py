# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np

from vit_perception.evaluation.rows.looked_at import LookedAt
from vit_perception.evaluation.tuning.held_out import blocks, divided

from .seen import seen

SECOND = 1_000_000_000


def recording(count: int, hz: float, key: str = "bag") -> list[LookedAt]:
    return [
        seen(n, [], [], sequence=key, stamp=7 * SECOND + round(n * SECOND / hz))
        for n in range(count)
    ]


def folder(count: int) -> list[LookedAt]:
    return [seen(number, [], [], sequence="folder") for number in range(count)]


def test_the_end_of_each_sequence_is_held_out() -> None:
    first, last = divided([*recording(10, 10.0), *folder(20)])
    assert last.tolist() == [7, 8, 9, *range(24, 30)]
    assert sorted([*first.tolist(), *last.tolist()]) == list(range(30))
    first, last = divided(folder(1))
    assert (first.tolist(), last.tolist()) == ([0], [])


def test_blocks_last_two_seconds_and_five_pictures() -> None:
    assert np.bincount(blocks(recording(100, 10.0))).tolist() == [20] * 5
    assert np.bincount(blocks(recording(23, 1.0))).tolist() == [5, 5, 5, 8]
    assert np.bincount(blocks(recording(3, 10.0))).tolist() == [3]


def test_pictures_without_stamps_are_blocks() -> None:
    assert blocks(folder(4)).tolist() == [0, 1, 2, 3]
    assert blocks([*recording(4, 10.0), *folder(2)]).tolist() == [0, 0, 0, 0, 1, 2]
    assert blocks([]).tolist() == []


def test_sequences_share_no_block() -> None:
    frames = [*recording(8, 10.0, "one"), *recording(8, 10.0, "two")]
    assert blocks(frames).tolist() == [0] * 8 + [1] * 8
