# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Inference engines behind one small interface."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from vit_perception.wording import one_line, shown

_PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
}
_HINTS = {
    "cuda": "pip install onnxruntime-gpu",
    "tensorrt": "pip install onnxruntime-gpu",
    "openvino": "pip install openvino",
}
_LOG_ERRORS_ONLY = 3


class SessionError(RuntimeError):
    """A model could not be loaded or run; the message is one line."""


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """One input or output as the graph declares it.

    Attributes:
        name: tensor name.
        dtype: numpy type name, e.g. "float32"; the engine's own where numpy has none.
        shape: an integer per fixed axis, None per free one.
    """

    name: str
    dtype: str
    shape: tuple[int | None, ...]


class Session:
    """A loaded graph, ready to run; made by `open_session`.

    `run` may be called from several threads at once.
    """

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self._session = session
        self.inputs = tuple(_tensor_info(value) for value in session.get_inputs())
        self.outputs = tuple(_tensor_info(value) for value in session.get_outputs())

    @property
    def provider(self) -> str:
        """The engine that runs the graph, in ONNX Runtime's name for it."""
        return str(self._session.get_providers()[0])

    @property
    def input_names(self) -> tuple[str, ...]:
        """Names of the inputs, in the graph's order."""
        return tuple(value.name for value in self.inputs)

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of the outputs, in the graph's order."""
        return tuple(value.name for value in self.outputs)

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """All outputs by name.

        Raises:
            SessionError: an input is missing or has the wrong type or shape, or the engine
                failed.
        """
        try:
            outputs = self._session.run(None, dict(inputs))
        # The engine's exceptions share no base class below Exception.
        except Exception as error:
            raise SessionError(f"the engine failed: {one_line(error)}") from error
        return {
            name: np.asarray(value) for name, value in zip(self.output_names, outputs, strict=True)
        }


def open_session(model: bytes, *, provider: str = "cpu", threads: int = 0) -> Session:
    """Loads an ONNX model from memory, so that what was hashed is what runs.

    Args:
        model: bytes of an ONNX file without external data.
        provider: "cpu", "cuda", "tensorrt", "openvino", or an ONNX Runtime name such as
            "CPUExecutionProvider".
        threads: threads inside one operator; 0 lets the engine choose (one per core).

    Raises:
        SessionError: the provider is absent here or did not start, or the model is refused.
    """
    if threads < 0:
        raise SessionError(f"threads: expected 0 or more, found {threads}")
    asked = _PROVIDERS.get(provider, provider)
    available = onnxruntime.get_available_providers()
    if asked not in available:
        hint = f" ({_HINTS[provider]})" if provider in _HINTS else ""
        raise SessionError(
            f"provider: expected one of {', '.join(available)}, found {shown(provider)}{hint}"
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = _LOG_ERRORS_ONLY
    # Accelerators leave operators that they lack to the CPU.
    providers = list(dict.fromkeys([asked, _PROVIDERS["cpu"]]))
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
    return Session(session)


def _tensor_info(value: Any) -> TensorInfo:
    element = value.type.removeprefix("tensor(").removesuffix(")")
    dtype = {"float": "float32", "double": "float64"}.get(element, element)
    shape = tuple(size if isinstance(size, int) else None for size in value.shape)
    return TensorInfo(name=value.name, dtype=dtype, shape=shape)
