# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Candidates take turns, and what is told of their times."""

from __future__ import annotations

import numpy as np
import pytest

from vit_perception.evaluation.latency import Timing, pareto_front, take_turns


def test_turns_alternate_and_the_first_rounds_do_not_count() -> None:
    called: list[str] = []
    told: list[int] = []
    candidates = {name: (lambda name=name: called.append(name)) for name in "ab"}
    timing = take_turns(candidates, rounds=3, calls=2, warm=1, progress=told.append)
    assert "".join(called) == "bbaa" + "aabb" + "bbaa" + "aabb"
    assert told == [1, 2, 3, 4]
    assert {name: len(values) for name, values in timing.seconds.items()} == {"a": 3, "b": 3}


def test_ratios_are_of_the_same_round() -> None:
    # The machine was twice as slow in the last two rounds.
    timing = Timing(
        {
            "slow": np.array([0.030, 0.030, 0.060, 0.060]),
            "fast": np.array([0.010, 0.010, 0.020, 0.020]),
        }
    )
    assert timing.ratio("slow", "fast") == pytest.approx(3.0)
    assert timing.median_ms("slow") == pytest.approx(45.0)
    assert timing.least_ms("slow") == pytest.approx(30.0)
    assert timing.p95_ms("fast") == pytest.approx(20.0)


def test_the_front_leaves_out_what_another_beats() -> None:
    points = [("a", 5.0, 70.0), ("b", 4.0, 72.0), ("c", 9.0, 80.0), ("d", 9.0, 79.0), ("e", 1, 60)]
    assert pareto_front(points) == ["e", "b", "c"]
    assert pareto_front([]) == []
