# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import subprocess
import sys
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from vit_perception.engine import factory
from vit_perception.engine.factory import (
    available_providers,
    engine_version,
    open_session,
    short_names,
)
from vit_perception.engine.session import SessionError, TensorInfo

from ..toy_bundle import DIMENSION, toy_adaptor, toy_graph

ROOT = Path(__file__).resolve().parents[2]
HAS_OPENVINO = find_spec("openvino") is not None


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


def test_an_engine_has_a_version(monkeypatch: pytest.MonkeyPatch) -> None:
    assert engine_version("cpu") == (
        f"CPUExecutionProvider of onnxruntime {onnxruntime.__version__}"
    )
    with pytest.raises(SessionError, match="found 'abacus'"):
        engine_version("abacus")
    monkeypatch.setattr(factory, "available_providers", lambda: ("openvino",))
    monkeypatch.setattr(factory, "version", lambda name: f"of {name}")
    assert engine_version("openvino") == "openvino of openvino"
    assert {"cpu", "openvino"} <= {*short_names()}


def test_an_absent_provider_is_refused_with_what_is_there() -> None:
    there = available_providers()
    assert set(there) - {"openvino"} == set(onnxruntime.get_available_providers())
    assert ("openvino" in there) == HAS_OPENVINO
    assert refusal_of(toy_adaptor(), provider="abacus") == (
        f"provider: expected one of {', '.join(there)}, found 'abacus'"
    )


@pytest.mark.parametrize(
    ("provider", "name", "install"),
    [
        ("openvino", "OpenVINOExecutionProvider", "pip install --no-deps openvino"),
        ("cuda", "CUDAExecutionProvider", "pip install onnxruntime-gpu"),
    ],
)
def test_an_accelerator_is_refused_with_what_to_install(
    provider: str, name: str, install: str
) -> None:
    if {name, provider} & set(available_providers()):
        pytest.skip(f"{provider} is installed")
    message = refusal_of(toy_adaptor(), provider=provider)
    assert message.startswith("provider: expected one of ")
    assert "CPUExecutionProvider" in message
    assert message.endswith(f", found {provider!r} ({install})")


def test_an_openvino_that_does_not_import_is_refused(tmp_path: Path) -> None:
    (tmp_path / "openvino").mkdir()
    (tmp_path / "openvino" / "__init__.py").write_text(
        "raise ImportError('libtbb.so.12:\\n absent')"
    )
    (tmp_path / "adaptor.onnx").write_bytes(toy_adaptor())
    code = (
        "import sys, pathlib\n"
        "from vit_perception.engine.factory import open_session\n"
        "from vit_perception.engine.session import SessionError\n"
        "try: open_session(pathlib.Path(sys.argv[1]).read_bytes(), provider='openvino')\n"
        "except SessionError as error: print(error)"
    )
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    command = [sys.executable, "-c", code, str(tmp_path / "adaptor.onnx")]
    result = subprocess.run(
        command, capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": path}
    )
    assert result.stdout == (
        "provider: expected the package openvino to start, found libtbb.so.12: absent\n"
    )


def test_a_negative_thread_count_is_refused() -> None:
    assert refusal_of(toy_adaptor(), threads=-1) == "threads: expected 0 or more, found -1"


@pytest.mark.parametrize("model", [b"", b"garbage", toy_graph()[:2000], bytes(1000)])
def test_a_model_that_is_none_is_refused(model: bytes) -> None:
    message = refusal_of(model)
    assert message.startswith("model: expected an ONNX graph that CPUExecutionProvider can load")


def test_other_formats_of_the_engine_are_not_read() -> None:
    """They would go past the look for external data."""
    message = refusal_of(b"\x18\0\0\0ORTM" + bytes(100))
    assert "protobuf" in message.lower()


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


def test_bfloat16_is_refused_where_no_engine_has_it() -> None:
    message = refusal_of(toy_adaptor(), bfloat16=True)
    assert message == (
        "provider: expected the package openvino for bfloat16, found CPUExecutionProvider"
    )
