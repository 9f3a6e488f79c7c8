# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np

from vit_perception.evaluation.rows.looked_at import LookedAt
from vit_perception.evaluation.tuning.held_out import blocks, divided, draws, interval

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
    sizes = np.bincount(blocks(recording(100, 10.0))).tolist()
    assert sum(sizes) == 100
    assert set(sizes) == {21, 37}  # both ends of two seconds; what is too short joins the last
    assert np.bincount(blocks(recording(23, 1.0))).tolist() == [5, 5, 5, 8]
    assert np.bincount(blocks(recording(3, 10.0))).tolist() == [3]


def test_pictures_without_stamps_are_blocks() -> None:
    assert blocks(folder(4)).tolist() == [0, 1, 2, 3]
    assert blocks([*recording(4, 10.0), *folder(2)]).tolist() == [0, 0, 0, 0, 1, 2]
    assert blocks([]).tolist() == []


def test_sequences_share_no_block() -> None:
    frames = [*recording(8, 10.0, "one"), *recording(8, 10.0, "two")]
    assert blocks(frames).tolist() == [0] * 8 + [1] * 8


def test_draws_repeat_and_keep_blocks_together() -> None:
    block = np.array([0, 0, 0, 1, 2, 2])
    drawn = list(draws(block))
    assert len(drawn) == 500
    for times, again in zip(drawn, draws(block), strict=True):
        np.testing.assert_array_equal(times, again)
        assert times[0] == times[1] == times[2]
        assert times[4] == times[5]
        assert times[0] + times[3] + times[4] == 3
    assert len({tuple(times.tolist()) for times in drawn}) == 10


def test_an_interval_leaves_out_one_in_forty_at_each_end() -> None:
    assert interval([float(number) for number in range(201)]) == (5.0, 195.0)
