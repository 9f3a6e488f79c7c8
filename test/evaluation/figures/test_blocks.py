# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from test.evaluation.figures.frames import random_frames, run, truths_of, untied
from vit_perception.evaluation.figures.blocks import (
    DRAWS,
    Draws,
    blocks_of,
    difference,
    draw,
    interval,
)
from vit_perception.evaluation.figures.counts import by_picture, published
from vit_perception.evaluation.figures.gather import Pictures
from vit_perception.evaluation.figures.matches import match_frames
from vit_perception.evaluation.figures.measure import measure

pytest.importorskip("hotcoco")

ASKED = ("n0", "n1", "n2")
START = 1_700_000_000_000_000_000


def pictures(*sequences: Sequence[float]) -> Pictures:
    """Of the stamps in seconds of each sequence; below 0 are pictures without a stamp."""
    stamps = [START + round(1e9 * at) if at >= 0 else 0 for each in sequences for at in each]
    counts = [len(each) for each in sequences]
    return Pictures(
        keys=tuple(f"s{index}" for index in range(len(sequences))),
        sequences=np.repeat(np.arange(len(sequences)), counts).astype(np.int64),
        numbers=np.concatenate([np.arange(count) for count in counts]).astype(np.int64),
        stamps=np.array(stamps, np.int64),
        names=("",) * len(stamps),
    )


def lengths(*sequences: Sequence[float]) -> list[int]:
    """Pictures of each block."""
    return np.bincount(blocks_of(pictures(*sequences))).tolist()


def test_blocks_last_two_seconds_and_the_rest_belongs_to_the_last() -> None:
    assert lengths(np.arange(60) / 10) == [20, 20, 20]
    assert lengths(np.arange(63) / 10) == [20, 20, 23]
    assert lengths(np.arange(65) / 10) == [20, 20, 20, 5]
    assert lengths(np.arange(7) / 10) == [7]


def test_blocks_of_a_slow_camera_have_five_pictures() -> None:
    assert lengths(np.arange(14)) == [5, 9]
    assert lengths(10 * np.arange(15)) == [5, 5, 5]


def test_sequences_do_not_share_blocks() -> None:
    assert lengths(np.arange(30) / 10, np.arange(3) / 10, np.arange(8) / 10) == [20, 10, 3, 8]


def test_pictures_without_stamps_are_blocks_of_their_own() -> None:
    assert lengths([-1] * 4) == [1, 1, 1, 1]
    assert lengths(np.arange(8) / 10, [-1, -1]) == [8, 1, 1]


def test_a_clock_that_was_set_back_does_not_join_the_blocks() -> None:
    assert lengths([*(100 + np.arange(20) / 10), *(np.arange(20) / 10)]) == [20, 20]


def test_every_draw_has_as_many_blocks_as_there_are_and_is_the_same_again() -> None:
    blocks = blocks_of(pictures(np.arange(200) / 10))
    draws = draw(blocks)
    assert draws.weights.shape == (DRAWS, 10)
    assert (draws.weights.sum(axis=1) == 10).all()
    assert len(np.unique(draws.weights, axis=0)) > DRAWS - 10
    np.testing.assert_array_equal(draws.weights, draw(blocks).weights)
    assert draw(np.zeros(0, np.int64)).weights.shape == (DRAWS, 0)


def test_figures_of_a_draw_are_those_of_its_pictures() -> None:
    """Compared with the pictures written down as often as they were drawn."""
    frames = untied(random_frames(1, 30))
    matches = match_frames(truths_of(frames), [one.rows[0] for one in frames], ASKED)
    counts = by_picture(matches, published(matches, run(names=ASKED)))
    blocks = np.arange(30) // 5
    weights = np.array([[1, 1, 1, 1, 1, 1], [2, 0, 1, 3, 0, 0], [0, 0, 0, 0, 0, 6]], np.float32)
    draws = Draws(blocks, weights)
    ap50, f1 = draws.ap50(matches), draws.f1(counts)
    for index, drawn in enumerate(weights.astype(int)):
        # All pictures of one time and then those of the next, so that equal scores stand alike.
        repeated = [
            frame for frame, n in zip(frames, drawn[blocks], strict=True) for _ in range(n)
        ]
        figures = measure(ASKED, [run(names=ASKED)], repeated)["runs"][0]
        assert ap50[index] == pytest.approx(figures["boxes"]["AP50"], abs=1e-6)
        assert f1[index] == pytest.approx(figures["published"]["f1"], abs=1e-6)
    whole = measure(ASKED, [run(names=ASKED)], frames)["runs"][0]["boxes"]["AP50"]
    assert round(float(ap50[0]), 6) == whole


def test_a_draw_without_objects_has_no_value() -> None:
    frames = random_frames(2, 10)
    matches = match_frames(truths_of(frames), [one.rows[0] for one in frames], ASKED)
    counts = np.zeros((10, 3), np.int64)
    draws = Draws(np.arange(10), np.zeros((2, 10), np.float32))
    assert np.isnan(draws.ap50(matches)).all() and np.isnan(draws.f1(counts)).all()
    assert interval(draws.f1(counts)) is None


def test_the_interval_is_the_middle_of_the_draws() -> None:
    values = np.append(np.arange(101.0), np.nan)
    assert interval(values) == [2.5, 97.5]
    assert difference(1.0, 3.0, np.arange(101.0), np.arange(101.0) + 2) == {
        "difference": 2.0,
        "low": 2.0,
        "high": 2.0,
    }
    assert difference(1.0, 3.0, np.zeros(0), np.zeros(0))["low"] is None
    assert set(difference(None, 3.0, values, values).values()) == {None}
