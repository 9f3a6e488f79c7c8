# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Graphs on ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from vit_perception.engine.calls import Call
from vit_perception.engine.reason import reason
from vit_perception.engine.session import (
    Session,
    SessionError,
    TensorInfo,
    named,
    stopped_error,
)

CPU = "CPUExecutionProvider"

_LOG_ERRORS_ONLY = 3


class OnnxRuntimeSession(Session):
    """A graph in ONNX Runtime; see `open_session`.

    Args:
        model: bytes of an ONNX file; only tensors in `initializers` may have external data.
        execution_provider: an installed provider of ONNX Runtime.
        threads: at least 1, inside one operator.
        name: see Session.
        initializers: replace the model's tensors of these names with external data; copied.

    Raises:
        SessionError: the provider does not start, or refuses the model.
    """

    def __init__(
        self,
        model: bytes,
        execution_provider: str,
        threads: int,
        name: str = "",
        initializers: Mapping[str, NDArray[Any]] | None = None,
    ) -> None:
        self.name = name
        self._session = _opened(model, execution_provider, threads, name, initializers or {})
        self.provider = str(self._session.get_providers()[0])
        self.inputs = tuple(_tensor_info(value) for value in self._session.get_inputs())
        self.outputs = tuple(_tensor_info(value) for value in self._session.get_outputs())

    def run(self, inputs: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Returns all outputs by name; see Session."""
        options = onnxruntime.RunOptions()
        call = Call(partial(setattr, options, "terminate", True))
        try:
            with call:
                outputs = self._session.run(None, inputs, options)
        # The engine's exceptions share no base class below Exception.
        except Exception as error:
            raise self.failure(error, stopped=call.stopped) from error
        return {
            value.name: np.asarray(output)
            for value, output in zip(self.outputs, outputs, strict=True)
        }


def _opened(
    model: bytes,
    asked: str,
    threads: int,
    name: str,
    initializers: Mapping[str, NDArray[Any]],
) -> onnxruntime.InferenceSession:
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
    values = [onnxruntime.OrtValue.ortvalue_from_numpy(v) for v in initializers.values()]
    # Versions before 1.21 cannot be stopped while they load.
    cancel = getattr(options, "set_load_cancellation_flag", lambda _: None)
    call = Call(partial(cancel, True))
    try:
        if values:
            options.add_external_initializers(list(initializers), values)
        with call:
            session = onnxruntime.InferenceSession(model, options, providers=providers)
    except Exception as error:
        if call.stopped:
            raise stopped_error(name) from error
        line = f"model: expected an ONNX graph that {asked} can load, found {reason(error)}"
        raise SessionError(named(name, line)) from error
    # ONNX Runtime falls back to the CPU with a warning when a provider's libraries do not load.
    found = session.get_providers()[0]
    if found != asked:
        line = f"provider: expected {asked} to start, found {found} instead"
        raise SessionError(named(name, line))
    session.disable_fallback()
    return session


def _tensor_info(value: Any) -> TensorInfo:
    element = value.type.removeprefix("tensor(").removesuffix(")")
    dtype = {"float": "float32", "double": "float64"}.get(element, element)
    shape = tuple(size if isinstance(size, int) else None for size in value.shape)
    return TensorInfo(name=value.name, dtype=dtype, shape=shape)
