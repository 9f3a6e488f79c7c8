# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable

from vit_perception.perceiver.stages import StageTimes


def clock_of(*readings: float) -> Callable[[], float]:
    values = iter(readings)
    return lambda: next(values)


def test_stages_are_laps_of_one_clock_in_order() -> None:
    stages = StageTimes(clock_of(1.0, 1.5, 3.5, 4.0))
    stages.lap("decode")
    stages.lap("inference")
    stages.lap("decode")
    assert list(stages.seconds.items()) == [("decode", 1.0), ("inference", 2.0)]
    # Nothing between making and the last lap is left out.
    assert stages.total == 3.0


def test_a_clock_that_nobody_stops_has_no_stages() -> None:
    assert StageTimes().total == 0
