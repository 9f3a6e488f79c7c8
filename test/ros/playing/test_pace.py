# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from vit_perception.ros.playing.pace import Pace

FIRST = 1_700_000_000_000_000_000


@pytest.mark.parametrize("rate", [0.5, 1.0, 2.0, 1000.0])
def test_the_time_of_a_recording_passes_at_its_rate(rate: float) -> None:
    pace = Pace(5000.0, FIRST, rate)
    assert pace.moment(FIRST) == 5000.0
    assert pace.moment(FIRST + 3_000_000_000) == pytest.approx(5000 + 3 / rate)
    assert pace.time(5000.0) == FIRST
    assert pace.time(pace.moment(FIRST + 123_456_789)) == pytest.approx(
        FIRST + 123_456_789, abs=1000 * rate
    )
