# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable

import pytest

from vit_perception.perceiver.stages import StageTimes


def clock_of(*readings: float) -> Callable[[], float]:
    values = iter(readings)
    return lambda: next(values)


def test_stages_are_kept_in_order_and_added_up() -> None:
    stages = StageTimes(clock_of(1.0, 1.5, 2.0, 4.0, 5.0, 5.25))
    with stages.measure("decode"):
        pass
    with stages.measure("inference"):
        pass
    with stages.measure("decode"):
        pass
    assert list(stages.seconds.items()) == [("decode", 0.75), ("inference", 2.0)]
    assert stages.total == 2.75


def test_a_stage_inside_another_keeps_the_order_of_beginning() -> None:
    stages = StageTimes(clock_of(0.0, 1.0, 3.0, 6.0))
    with stages.measure("outer"), stages.measure("inner"):
        pass
    assert list(stages.seconds.items()) == [("outer", 6.0), ("inner", 2.0)]


def test_a_stage_that_fails_is_measured_too() -> None:
    stages = StageTimes(clock_of(0.0, 2.0))
    with pytest.raises(KeyError), stages.measure("decode"):
        raise KeyError
    assert stages.seconds == {"decode": 2.0}
