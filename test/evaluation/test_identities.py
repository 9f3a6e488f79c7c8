# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from vit_perception.evaluation.identities import (
    Identified,
    IdentityScores,
    identity_scores,
    joined,
)


def seen(*rows: tuple[int, float]) -> Identified:
    """Returns boxes of 10 x 10 px at these places, with these ids."""
    return Identified(
        np.array([row[0] for row in rows], np.int64),
        np.array([(x, 0, x + 10, 10) for _, x in rows], np.float32).reshape(-1, 4),
    )


def case(seed: int, frames: int = 40) -> tuple[list[Identified], list[Identified]]:
    """Returns eight things that drift, found with noise, gaps, false alarms and swapped ids."""
    rng = np.random.default_rng(seed)
    place, drift = rng.uniform(0, 300, (8, 2)), rng.uniform(-4, 4, (8, 2))
    numbers = np.arange(1, 9)
    truth, found = [], []
    for _ in range(frames):
        place += drift
        boxes = np.hstack([place, place + 40]).astype(np.float32)
        there = rng.random(8) < 0.9
        truth.append(Identified(np.arange(1, 9)[there], boxes[there]))
        if rng.random() < 0.15:
            one, other = rng.choice(8, 2, replace=False)
            numbers[one], numbers[other] = numbers[other], int(rng.integers(9, 14))
        kept = np.unique(numbers, return_index=True)[1]
        kept = kept[rng.random(len(kept)) < 0.85]
        noisy = boxes[kept] + rng.normal(0, 4, (len(kept), 4)).astype(np.float32)
        false = rng.uniform(0, 300, (1, 2)).astype(np.float32)
        found.append(
            Identified(
                np.append(numbers[kept], 99),
                np.vstack([noisy, np.hstack([false, false + 40])]).astype(np.float32),
            )
        )
    return truth, found


# HOTA, DetA, AssA, IDF1, MOTA, misses, false alarms and switches, as trackers.eval 2.6.1 gives
# them for the same overlaps; motmetrics 1.4 gives the same IDF1.
VERIFIED = {
    1: (0.405669, 0.460901, 0.358231, 0.626506, 0.487365, 50, 77, 15),
    2: (0.348044, 0.413972, 0.293227, 0.492647, 0.433566, 90, 62, 10),
    3: (0.376893, 0.449578, 0.316606, 0.555360, 0.496552, 73, 62, 11),
    4: (0.374739, 0.449441, 0.312694, 0.564374, 0.477193, 70, 67, 12),
}


@pytest.mark.parametrize("seed", VERIFIED)
def test_equals_verified_scores(seed: int) -> None:
    scores = identity_scores(*case(seed))
    hota, deta, assa, idf1, mota, misses, false_alarms, switches = VERIFIED[seed]
    found = (scores.hota, scores.deta, scores.assa, scores.idf1, scores.mota)
    assert found == pytest.approx((hota, deta, assa, idf1, mota), abs=2e-6)
    counted = (scores.misses, scores.false_alarms, scores.switches)
    assert counted == (misses, false_alarms, switches)


def test_all_right_is_one() -> None:
    frames = [seen((3, 0), (8, 50)), seen((3, 1)), seen()]
    renamed = [seen((7, 0), (1, 50)), seen((7, 1)), seen()]
    assert identity_scores(frames, renamed) == IdentityScores(1, 1, 1, 1, 1, 3, 0, 0, 0)


def test_nothing_found_and_nothing_there() -> None:
    frames, nothing = [seen((1, 0)), seen((1, 5))], [seen(), seen()]
    assert identity_scores(frames, nothing) == IdentityScores(0, 0, 0, 0, 0, 2, 2, 0, 0)
    assert identity_scores(nothing, frames).false_alarms == 2
    assert identity_scores([], []).hota == 0


def test_a_new_id_halfway_is_one_switch_and_half_of_the_boxes() -> None:
    truth = [seen((1, 0))] * 4
    scores = identity_scores(truth, [seen((1, 0))] * 2 + [seen((2, 0))] * 2)
    assert (scores.switches, scores.idf1, scores.deta) == (1, 0.5, pytest.approx(1))
    assert scores.assa == pytest.approx(0.5)


def test_sequences_share_no_ids() -> None:
    first, second = [seen((1, 0)), seen((1, 0), (4, 50))], [seen((1, 0))]
    frames = joined([first, second])
    assert [frame.ids.tolist() for frame in frames] == [[1], [1, 4], [6]]
    one_id = [seen((1, 0)), seen((1, 0)), seen((1, 0))]
    assert identity_scores(frames, one_id).idf1 < 1


def test_frames_that_cannot_be_compared_are_refused() -> None:
    with pytest.raises(ValueError, match="expected 2 frames, found 1"):
        identity_scores([seen(), seen()], [seen()])
    with pytest.raises(ValueError, match="expected each id once in frame 1, found one twice"):
        identity_scores([seen(), seen((1, 0), (1, 5))], [seen(), seen()])
