# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from vit_perception.ros.health.throttle import Throttle


def test_one_line_a_second_and_cause() -> None:
    now = [0.0]
    throttle = Throttle(period=1.0, clock=lambda: now[0])
    assert throttle.line("jpeg", "bad jpeg") == "bad jpeg"
    assert throttle.line("png", "bad png") == "bad png"
    for _ in range(29):
        now[0] += 1 / 30
        assert throttle.line("jpeg", "bad jpeg") is None
    now[0] = 1.0
    assert throttle.line("jpeg", "bad jpeg") == "bad jpeg (29 more like this since the last line)"
    now[0] = 2.5
    assert throttle.line("jpeg", "bad jpeg") == "bad jpeg"
