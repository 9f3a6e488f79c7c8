# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The reason of an engine's error is in the message, whatever stands before it."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vit_perception.engine.factory import open_session
from vit_perception.engine.reason import reason
from vit_perception.engine.session import SessionError

from ..toy_bundle import toy_adaptor, toy_graph


def edited(change: Callable[[onnx.ModelProto], object]) -> bytes:
    model = onnx.load_from_string(toy_graph())
    change(model)
    return bytes(model.SerializeToString())


def _newer_ir(model: onnx.ModelProto) -> None:
    model.ir_version = 99


def _newer_opset(model: onnx.ModelProto) -> None:
    model.opset_import[0].version = 99


def _unknown_operator(model: onnx.ModelProto) -> None:
    model.graph.node[0].op_type = "Nope"


@pytest.mark.parametrize(
    ("change", "begin", "inside"),
    [
        (_newer_ir, "Unsupported model IR version: 99, max supported IR version: ", ""),
        (
            _newer_opset,
            "Opset 99 is under development",
            "Current official support for domain ai.onnx is till opset",
        ),
        (_unknown_operator, "This is an invalid model.", "No Op registered for Nope"),
    ],
)
def test_why_a_graph_is_refused_is_told(
    change: Callable[[onnx.ModelProto], object], begin: str, inside: str
) -> None:
    with pytest.raises(SessionError) as refusal:
        open_session(edited(change), name="model.onnx")
    message = str(refusal.value)
    prefix = "model.onnx: model: expected an ONNX graph that CPUExecutionProvider can load, found "
    assert message.startswith(prefix + begin)
    assert inside in message
    assert "onnxruntime" not in message and "…" not in message


def test_why_a_run_failed_is_told() -> None:
    session = open_session(toy_adaptor(), name="text.onnx")
    with pytest.raises(SessionError) as refusal:
        session.run({"text_embeddings": np.ones((2, 5), np.float32)})
    message = str(refusal.value)
    assert message.startswith(
        "text.onnx: the engine failed: Got invalid dimensions for input: text_embeddings "
    )
    assert "Got: 5 Expected: " in message


ONNX_RUNTIME = "/onnxruntime_src/onnxruntime/core/"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            "[ONNXRuntimeError] : 1 : FAIL : Non-zero status code returned while running Reshape "
            f"node. Name:'/a/b' Status Message: {ONNX_RUNTIME}providers/cpu/tensor/reshape.h:91 "
            "onnxruntime::ReshapeHelper::ReshapeHelper(const onnxruntime::TensorShape&, bool) "
            "a == b was false. Input shape:{5}, requested shape:{3}\n",
            "Non-zero status code returned while running Reshape node. Name:'/a/b' Status "
            "Message: a == b was false. Input shape:{5}, requested shape:{3}",
        ),
        (
            f"{ONNX_RUNTIME}x.cc:5 void* onnxruntime::Arena::Get(size_t, std::function<void(int)>)"
            " const [with T = float] Failed to allocate",
            "Failed to allocate",
        ),
        (
            f"{ONNX_RUNTIME}x.cc:5 onnxruntime::f(int)::<lambda(int)> Too much (of it)",
            "Too much (of it)",
        ),
        (f"{ONNX_RUNTIME}x.cc:5 onnxruntime::F::operator()(int) const Too much", "Too much"),
        (
            r"D:\a\_work\1\s\onnxruntime\core\graph\model.cc:256 onnxruntime::Model::Model Bad",
            "onnxruntime::Model::Model Bad",
        ),
        (f"{ONNX_RUNTIME}x.cc:5 f(int", "f(int"),
        (f"{ONNX_RUNTIME}x.cc:5 f(int)", "f(int)"),
        (f"{ONNX_RUNTIME}x.cc:5 ", f"{ONNX_RUNTIME}x.cc:5"),
        (
            "Exception from src/core/src/model.cpp:99:\nCheck 'a' failed at "
            "src/frontends/onnx/frontend.cpp:10:\nFrontEnd API failed:\nno rule for Nope",
            "Check 'a' failed: FrontEnd API failed: no rule for Nope",
        ),
        (
            "[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : ",
            "[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION :",
        ),
        ("", "ValueError"),
        ("cannot read model.onnx: no such file", "cannot read model.onnx: no such file"),
    ],
)
def test_places_in_the_code_of_engines_are_left_out(text: str, found: str) -> None:
    assert reason(ValueError(text)) == found


@given(st.text(st.sampled_from("a/b.cc:1 (f(x)::<>[]ONXR~& \n")))
def test_any_error_becomes_one_line(text: str) -> None:
    line = reason(ValueError(text))
    assert line.isprintable() and 0 < len(line) <= 300


def test_a_huge_name_in_a_graph_costs_no_time() -> None:
    begin = time.monotonic()
    line = reason(ValueError("a.cc:1" + "a:" * 2_000_000 + " the reason"))
    assert line.endswith(" the reason") and time.monotonic() - begin < 2
