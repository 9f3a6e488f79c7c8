# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from vit_perception.ros.frames.gate import Gate


def test_results_pass_only_during_their_own_activation() -> None:
    gate = Gate()
    assert gate.activation is None
    gate.open()
    first = gate.activation
    assert first is not None
    with gate.passing(first, 0.0) as may_leave:
        assert may_leave
    gate.close()
    assert gate.activation is None
    with gate.passing(first, 0.0) as may_leave:
        assert not may_leave
    gate.open()
    second = gate.activation
    assert second is not None and second != first
    with gate.passing(first, 0.0) as may_leave:
        assert not may_leave
    with gate.passing(second, 0.0) as may_leave:
        assert may_leave


def test_a_paused_gate_lets_nothing_through_but_what_was_asked_for() -> None:
    gate, told = Gate(), []
    assert not gate.once(1.0, told.append)
    gate.open()
    gate.enable(False)
    assert gate.activation is None
    assert gate.once(1.0, told.append)
    activation = gate.activation
    assert activation is not None
    # A frame that came in before the question is not the answer.
    assert not gate.admits(activation, 0.5)
    assert gate.admits(activation, 1.5)
    with gate.passing(activation, 1.5) as may_leave:
        assert may_leave
    gate.passed(0.5, "too early")
    assert told == []
    gate.passed(1.5, "2 found")
    assert told == ["2 found"]
    assert gate.activation is None
    assert not gate.admits(activation, 1.6)
    gate.enable(True)
    assert gate.admits(activation, 0.5)


def test_who_asked_hears_of_the_end() -> None:
    gate, told = Gate(), []
    gate.open()
    gate.once(1.0, told.append)
    gate.close()
    assert told == [None]
    gate.open()
    gate.enable(False)
    forgotten = told.append
    gate.once(2.0, forgotten)
    gate.forget(forgotten)
    assert gate.activation is None
    gate.close()
    assert told == [None]
