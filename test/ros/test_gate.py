# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from vit_perception.ros.gate import Gate


def test_results_pass_only_during_their_own_activation() -> None:
    gate = Gate()
    assert gate.activation is None
    gate.open()
    first = gate.activation
    assert first is not None
    with gate.passing(first) as may_leave:
        assert may_leave
    gate.close()
    assert gate.activation is None
    with gate.passing(first) as may_leave:
        assert not may_leave
    gate.open()
    second = gate.activation
    assert second is not None and second != first
    with gate.passing(first) as may_leave:
        assert not may_leave
    with gate.passing(second) as may_leave:
        assert may_leave
