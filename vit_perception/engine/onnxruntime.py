# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Graphs on ONNX Runtime."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import onnxruntime
from numpy.typing import NDArray

from vit_perception.engine.session import Session, SessionError, TensorInfo
from vit_perception.wording import one_line

CPU = "CPUExecutionProvider"

_LOG_ERRORS_ONLY = 3


class OnnxRuntimeSession(Session):
    """A graph in ONNX Runtime; see `open_session`.

    Args:
        model: bytes of an ONNX file without external data.
        execution_provider: an installed provider of ONNX Runtime.
        threads: at least 1, inside one operator.

    Raises:
        SessionError: the provider does not start, or refuses the model.
    """

    def __init__(self, model: bytes, execution_provider: str, threads: int) -> None:
        self._session = _opened(model, execution_provider, threads)
        self.provider = str(self._session.get_providers()[0])
        self.inputs = tuple(_tensor_info(value) for value in self._session.get_inputs())
        self.outputs = tuple(_tensor_info(value) for value in self._session.get_outputs())

    def _run(self, inputs: dict[str, NDArray[Any]]) -> Sequence[Any]:
        outputs: Sequence[Any] = self._session.run(None, inputs)
        return outputs


def _opened(model: bytes, asked: str, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = _LOG_ERRORS_ONLY
    # Otherwise the engine also accepts its own format, which our checks cannot read.
    options.add_session_config_entry("session.load_model_format", "ONNX")
    # Operators that an accelerator lacks run on the CPU.
    providers = list(dict.fromkeys([asked, CPU]))
    try:
        session = onnxruntime.InferenceSession(model, options, providers=providers)
    except Exception as error:
        raise SessionError(
            f"model: expected an ONNX graph that {asked} can load, found {one_line(error)}"
        ) from error
    # ONNX Runtime falls back to the CPU with a warning when a provider's libraries do not load.
    if session.get_providers()[0] != asked:
        raise SessionError(
            f"provider: expected {asked} to start, found {session.get_providers()[0]} instead"
        )
    session.disable_fallback()
    return session


def _tensor_info(value: Any) -> TensorInfo:
    element = value.type.removeprefix("tensor(").removesuffix(")")
    dtype = {"float": "float32", "double": "float64"}.get(element, element)
    shape = tuple(size if isinstance(size, int) else None for size in value.shape)
    return TensorInfo(name=value.name, dtype=dtype, shape=shape)
