# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from vit_perception.tracking.kalman import Motion

ONE = np.array([0])
SEEN = np.array([False])


def box(x: float, y: float, width: float = 40, height: float = 30) -> np.ndarray:
    return np.array([[x - width / 2, y - height / 2, x + width / 2, y + height / 2]], np.float32)


def watched(stamps: list[float], speed: float) -> Motion:
    """Returns the motion of a box that was seen at these times."""
    motion = Motion.of(box(100, 50))
    for before, now in zip(stamps, stamps[1:], strict=False):
        motion = motion.predicted(now - before, SEEN).updated(ONE, box(100 + speed * now, 50))
    return motion


def test_a_box_comes_back_as_it_was() -> None:
    boxes = np.array([[0, 0, 10, 20], [5, 6, 8, 7]], np.float32)
    np.testing.assert_allclose(Motion.of(boxes).boxes, boxes)


def test_it_learns_a_speed() -> None:
    motion = watched([step / 10 for step in range(20)], speed=100)
    assert motion.speed[0, 0] == pytest.approx(100, abs=5)
    assert motion.speed[0, 1:] == pytest.approx([0, 0, 0], abs=1)


def test_time_counts_and_not_frames() -> None:
    even = watched([step / 10 for step in range(21)], speed=100)
    rng = np.random.default_rng(3)
    uneven = watched([0.0, *np.sort(rng.uniform(0.01, 1.99, 30)).tolist(), 2.0], speed=100)
    for motion in (even, uneven):
        later = motion.predicted(0.5, SEEN)
        assert later.place[0, 0] == pytest.approx(100 + 100 * 2.5, abs=6)


def test_equals_a_filter_of_matrices() -> None:
    """The usual Kalman equations for one side give the same numbers."""
    place, size, seconds, rate, noise = 100.0, 35.0, 0.2, 0.3, 0.05
    motion = Motion.of(box(place, 50))
    state, spread = np.array([place, 0.0]), np.diag([(noise * size) ** 2, (2 * size) ** 2])
    for seen in (103.0, 109.0, 112.0):
        motion = motion.predicted(seconds, SEEN).updated(ONE, box(seen, 50))
        step = np.array([[1, seconds], [0, 1]])
        drift = np.array([[seconds**3 / 3, seconds**2 / 2], [seconds**2 / 2, seconds]])
        state = step @ state
        spread = step @ spread @ step.T + (rate * size) ** 2 * drift
        gain = spread[:, 0] / (spread[0, 0] + (noise * size) ** 2)
        state = state + gain * (seen - state[0])
        spread = spread - np.outer(gain, spread[0])
    assert [motion.place[0, 0], motion.speed[0, 0]] == pytest.approx(list(state))
    assert motion.spread[0, 0].tolist() == pytest.approx(
        [spread[0, 0], spread[0, 1], spread[1, 1]]
    )


def test_what_is_out_of_sight_keeps_its_size_and_gets_room() -> None:
    motion = Motion.of(box(100, 50))
    for step in range(1, 6):
        motion = motion.predicted(0.1, SEEN).updated(ONE, box(100, 50, 40 - 5 * step, 30))
    shrinking = motion.predicted(2.0, SEEN)
    hidden = motion.predicted(2.0, np.array([True]))
    assert shrinking.place[0, 2] == 1
    assert hidden.place[0, 2] == motion.place[0, 2]
    assert motion.room()[0] < hidden.room()[0] <= hidden.place[0, 2:].mean() + 1e-3


def test_a_box_without_area_has_a_motion() -> None:
    motion = Motion.of(np.zeros((1, 4), np.float32)).predicted(0.1, SEEN)
    motion = motion.updated(ONE, np.zeros((1, 4), np.float32))
    assert np.isfinite(motion.place).all() and np.isfinite(motion.spread).all()
    assert len(Motion.of(np.zeros((0, 4), np.float32)).predicted(1, np.zeros(0, np.bool_))) == 0
