# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from vit_perception.ros.frames.statistics import LatencyWindow


def test_quantiles_of_the_last_frames_in_the_order_of_stages() -> None:
    window = LatencyWindow(window=100)
    window.record({"decode": 50.0, "graph": 50.0})
    for value in range(1, 101):
        window.record({"decode": value / 100, "graph": 1.0})
    window.record({})
    quantiles = window.quantiles()
    assert list(quantiles) == ["decode", "graph"]
    assert quantiles["decode"].p50 == pytest.approx(0.505)
    assert quantiles["decode"].p95 == pytest.approx(0.9505)
    assert quantiles["decode"].maximum == 1.0
    window.clear()
    assert window.quantiles() == {}
