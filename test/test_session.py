# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import threading
from typing import Any

import numpy as np
import onnxruntime
import pytest

from vit_perception.session import SessionError, TensorInfo, open_session

from .toy_bundle import DIMENSION, toy_adaptor, toy_graph


def refusal_of(model: bytes, **arguments: Any) -> str:
    with pytest.raises(SessionError) as refusal:
        open_session(model, **arguments)
    assert str(refusal.value).isprintable()
    return str(refusal.value)


def test_a_graph_runs() -> None:
    session = open_session(toy_adaptor())
    ones = np.ones((3, DIMENSION), np.float32)
    outputs = session.run({"text_embeddings": ones})
    assert list(outputs) == ["class_embeddings"]
    np.testing.assert_array_equal(outputs["class_embeddings"], 2 * ones)


def test_a_session_describes_its_graph() -> None:
    session = open_session(toy_graph())
    assert session.provider == "CPUExecutionProvider"
    assert session.input_names == ("image", "class_thresholds", "class_embeddings")
    assert session.output_names == ("boxes", "scores", "labels")
    assert session.inputs[0] == TensorInfo("image", "uint8", (1, 64, 96, 3))
    assert session.inputs[2] == TensorInfo("class_embeddings", "float32", (None, DIMENSION))
    assert session.outputs[2] == TensorInfo("labels", "int64", (1, 300))


@pytest.mark.parametrize("provider", ["cpu", "CPUExecutionProvider"])
@pytest.mark.parametrize("threads", [0, 1, 2])
def test_providers_by_short_and_long_name(provider: str, threads: int) -> None:
    session = open_session(toy_adaptor(), provider=provider, threads=threads)
    assert session.provider == "CPUExecutionProvider"


def test_an_absent_provider_is_refused_with_what_is_there() -> None:
    available = ", ".join(onnxruntime.get_available_providers())
    assert refusal_of(toy_adaptor(), provider="abacus") == (
        f"provider: expected one of {available}, found 'abacus'"
    )


@pytest.mark.skipif(
    "OpenVINOExecutionProvider" in onnxruntime.get_available_providers(),
    reason="OpenVINO is installed",
)
def test_openvino_is_refused_with_what_to_install() -> None:
    message = refusal_of(toy_adaptor(), provider="openvino")
    assert message.endswith("found 'openvino' (pip install openvino)")


def test_a_negative_thread_count_is_refused() -> None:
    assert refusal_of(toy_adaptor(), threads=-1) == "threads: expected 0 or more, found -1"


@pytest.mark.parametrize("model", [b"", b"garbage", toy_graph()[:2000], bytes(1000)])
def test_a_model_that_is_none_is_refused(model: bytes) -> None:
    message = refusal_of(model)
    assert message.startswith("model: expected an ONNX graph that CPUExecutionProvider can load")


@pytest.mark.parametrize(
    "inputs",
    [
        {},
        {"text_embeddings": np.ones((2, 5), np.float32)},
        {"text_embeddings": np.ones((2, DIMENSION))},
        {"other": np.ones((2, DIMENSION), np.float32)},
        {"text_embeddings": "mug"},
    ],
)
def test_wrong_inputs_are_refused_in_one_line(inputs: Any) -> None:
    session = open_session(toy_adaptor())
    with pytest.raises(SessionError, match=r"^the engine failed: ") as refusal:
        session.run(inputs)
    assert str(refusal.value).isprintable()


def test_a_session_runs_in_several_threads() -> None:
    session = open_session(toy_adaptor(), threads=1)
    wrong: list[float] = []

    def work(value: float) -> None:
        embeddings = np.full((7, DIMENSION), value, np.float32)
        for _ in range(50):
            outputs = session.run({"text_embeddings": embeddings})
            if not (outputs["class_embeddings"] == 2 * value).all():
                wrong.append(value)

    workers = [threading.Thread(target=work, args=(float(value),)) for value in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert wrong == []
