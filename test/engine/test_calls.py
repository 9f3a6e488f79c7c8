# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Calls that do not end are left behind, and ended where the engine can."""

from __future__ import annotations

import gc
import itertools
import threading
import time
import weakref
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from vit_perception.engine.calls import EngineTimeoutError, stop_call, within
from vit_perception.engine.factory import OPENVINO, available_providers, open_session
from vit_perception.engine.session import SessionError
from vit_perception.frame import Frame
from vit_perception.perceiver.perceiver import Perceiver

from ..refusals import refusal_of
from ..toy_bundle import HEIGHT, WIDTH, names_found, toy_picture, write_toy_bundle
from ..toy_loops import loops_always, loops_at_red

PROVIDERS = ["cpu", *({OPENVINO} & set(available_providers()))]
RED, _ = toy_picture(HEIGHT, WIDTH, {"red": (3, 4)})
BLUE, _ = toy_picture(HEIGHT, WIDTH, {"blue": (3, 4)})


def nothing() -> None:
    pass


def left(name: str) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == name]


def until_left(name: str) -> None:
    """Wait until no thread has this name."""
    for thread in left(name):
        thread.join(30)
        assert not thread.is_alive()


def test_an_endless_loop_is_given_up_in_time_and_ended(tmp_path: Path) -> None:
    perceiver = Perceiver(write_toy_bundle(tmp_path / "toy", graphs={"fp32": loops_always()}))
    begin = time.monotonic()
    message = refusal_of(
        EngineTimeoutError,
        lambda: within(0.3, perceiver.warm_up, late="toy", name="warm_up", watch=nothing),
    )
    assert message == "toy"
    assert time.monotonic() - begin < 2
    until_left("warm_up")


def test_the_perceiver_goes_on_after_a_run_that_was_stopped(tmp_path: Path) -> None:
    bundle = write_toy_bundle(tmp_path / "toy", graphs={"fp32": loops_at_red()})
    perceiver = Perceiver(bundle)
    errors: list[Exception] = []

    def look() -> None:
        try:
            perceiver(Frame(RED))
        except SessionError as error:
            errors.append(error)

    assert names_found(perceiver, BLUE) == ["blue"]
    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    while thread.is_alive():
        stop_call(thread)
        thread.join(0.1)
    line = f"{bundle.directory}/model.onnx: the engine was stopped: it took too long"
    assert [str(error) for error in errors] == [line]
    assert names_found(perceiver, BLUE) == ["blue"]


def long_graph() -> bytes:
    """Products of x, float32 [1200, 1200], which take many seconds."""
    names = ["x", *(f"x{number}" for number in range(500)), "y"]
    nodes = [helper.make_node("MatMul", [a, "x"], [b]) for a, b in itertools.pairwise(names)]
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1200, 1200]) for n in "xy"]
    graph = helper.make_graph(nodes, "long", ends[:1], ends[1:])
    opset = helper.make_opsetid("", 17)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=8)
    return bytes(model.SerializeToString())


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_long_run_ends_between_two_operators(provider: str) -> None:
    session = open_session(long_graph(), provider=provider, threads=1)
    inputs = {"x": np.zeros((1200, 1200), np.float32)}
    for _ in range(2):
        begin = time.monotonic()
        with pytest.raises(EngineTimeoutError):
            within(0.3, lambda: session.run(inputs), late="it", name="run", watch=nothing)
        until_left("run")
        assert time.monotonic() - begin < 5


def test_results_and_errors_come_through() -> None:
    assert within(30, lambda: 7, late="seven", name="seven", watch=nothing) == 7

    def fail() -> None:
        raise KeyError("broken")

    with pytest.raises(KeyError, match="broken"):
        within(30, fail, late="it", name="it", watch=nothing)


class Engine:
    """Something that weighs."""


@pytest.mark.parametrize("in_time", [True, False])
def test_what_failed_is_freed_at_once(in_time: bool) -> None:
    go_on = threading.Event()
    alive: list[weakref.ref[Engine]] = []

    def fail() -> None:
        engine = Engine()
        alive.append(weakref.ref(engine))
        assert in_time or go_on.wait(30)
        raise KeyError("broken")

    gc.collect()
    gc.disable()
    try:
        with pytest.raises((KeyError, EngineTimeoutError)) as refusal:
            within(30 if in_time else 0.1, fail, late="it", name="failing", watch=nothing)
        go_on.set()
        until_left("failing")
        del refusal
        assert alive[0]() is None
    finally:
        gc.enable()


def test_what_watches_ends_the_waiting() -> None:
    go_on = threading.Event()

    def refuse() -> None:
        raise InterruptedError("told to end")

    with pytest.raises(InterruptedError, match="told to end"):
        within(30, go_on.wait, late="it", name="waiting", watch=refuse)
    go_on.set()
    until_left("waiting")


def test_a_thread_in_no_call_is_left_alone() -> None:
    stop_call(threading.current_thread())
    stop_call(threading.Thread())
