# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import threading

from vit_perception.ros.frames.accounting import INACTIVE, Dropped
from vit_perception.ros.frames.gate import Gate
from vit_perception.ros.frames.slots import Arrival


def admits(gate: Gate, activation: int, arrived: float = 0.0) -> bool:
    try:
        gate.admit(Arrival(None, arrived, activation))
    except Dropped as drop:
        assert drop.cause == INACTIVE
        return False
    return True


def test_results_pass_only_during_their_own_activation() -> None:
    gate = Gate()
    assert gate.activation is None
    gate.open()
    first = gate.activation
    assert first is not None
    assert admits(gate, first)
    gate.close()
    assert gate.activation is None
    assert not admits(gate, first)
    gate.open()
    second = gate.activation
    assert second is not None and second != first
    assert not admits(gate, first)
    assert admits(gate, second)


def test_a_gate_does_not_close_while_it_is_held() -> None:
    gate = Gate()
    gate.open()
    closing = threading.Thread(target=gate.close)
    with gate.held:
        closing.start()
        closing.join(0.05)
        assert closing.is_alive()
        assert gate.activation is not None
    closing.join(60)
    assert gate.activation is None


def test_a_paused_gate_lets_nothing_through_but_what_was_asked_for() -> None:
    gate, told = Gate(), []
    assert not gate.once(1.0, told.append)
    gate.open()
    gate.enable(False)
    assert gate.activation is None
    assert gate.once(1.0, told.append)
    assert gate.asked
    activation = gate.activation
    assert activation is not None
    # A frame that came in before the question is not the answer.
    assert not admits(gate, activation, 0.5)
    assert admits(gate, activation, 1.5)
    assert gate.passed(0.5) == []
    [answer] = gate.passed(1.5)
    answer("2 found")
    assert told == ["2 found"]
    assert not gate.asked
    assert gate.activation is None
    assert not admits(gate, activation, 1.6)
    gate.enable(True)
    assert admits(gate, activation, 0.5)


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
    assert gate.forget(forgotten)
    assert not gate.forget(forgotten)
    assert gate.activation is None
    gate.close()
    assert told == [None]
