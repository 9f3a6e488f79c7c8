# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Inference engines behind one small interface."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from vit_perception.cpu_affinity import engine_threads
from vit_perception.wording import one_line, shown

OPENVINO = "openvino"
"""The provider that has an engine of its own, where the package of that name is installed."""

_PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    OPENVINO: "OpenVINOExecutionProvider",
}
_INSTALL = {
    "cuda": "pip install onnxruntime-gpu",
    "tensorrt": "pip install onnxruntime-gpu",
    OPENVINO: "pip install --no-deps openvino",
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


class Session(ABC):
    """A loaded graph, ready to run; made by `open_session`.

    `run` may be called from several threads at once.

    Attributes:
        provider: what runs the graph, e.g. "CPUExecutionProvider" or "OpenVINO CPU".
        inputs, outputs: as the graph declares them, in its order.
    """

    provider: str
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]

    @property
    def input_names(self) -> tuple[str, ...]:
        """Names of the inputs, in the graph's order."""
        return tuple(value.name for value in self.inputs)

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of the outputs, in the graph's order."""
        return tuple(value.name for value in self.outputs)

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """All outputs by name; the arrays are the caller's.

        Raises:
            SessionError: an input is missing or has the wrong type or shape, or the engine
                failed.
        """
        try:
            outputs = self._run(dict(inputs))
        # The engines' exceptions share no base class below Exception.
        except Exception as error:
            raise SessionError(f"the engine failed: {one_line(error)}") from error
        return {
            name: np.asarray(value) for name, value in zip(self.output_names, outputs, strict=True)
        }

    @abstractmethod
    def _run(self, inputs: dict[str, NDArray[Any]]) -> Sequence[Any]:
        """Arrays in the order of `outputs`; raises what it likes."""


class _OnnxRuntimeSession(Session):
    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self._session = session
        self.provider = str(session.get_providers()[0])
        self.inputs = tuple(_tensor_info(value) for value in session.get_inputs())
        self.outputs = tuple(_tensor_info(value) for value in session.get_outputs())

    def _run(self, inputs: dict[str, NDArray[Any]]) -> Sequence[Any]:
        outputs: Sequence[Any] = self._session.run(None, inputs)
        return outputs


def available_providers() -> tuple[str, ...]:
    """What is installed: ONNX Runtime's execution providers, and "openvino" for its package."""
    own = (OPENVINO,) if find_spec(OPENVINO) is not None else ()
    return (*onnxruntime.get_available_providers(), *own)


def open_session(model: bytes, *, provider: str = "cpu", threads: int = 0) -> Session:
    """Loads an ONNX model from memory, so that what was hashed is what runs.

    Args:
        model: bytes of an ONNX file without external data.
        provider: "cpu", "cuda", "tensorrt", "openvino", or an ONNX Runtime name such as
            "CPUExecutionProvider". "openvino" is the package of that name on the CPU, or
            where only ONNX Runtime has OpenVINO in it, that.
        threads: threads inside one operator; 0: one for each physical core that this process
            may use.

    Raises:
        SessionError: the provider is absent here or did not start, or the model is refused.
    """
    if threads < 0:
        raise SessionError(f"threads: expected 0 or more, found {threads}")
    threads = engine_threads(threads)
    found = find_provider(provider)
    if found == OPENVINO:
        from vit_perception.openvino_session import OpenVinoSession

        return OpenVinoSession(model, threads)
    return _open_onnxruntime(model, found, threads)


def find_provider(provider: str) -> str:
    """What stands behind a name of `open_session`: one of `available_providers`.

    Raises:
        SessionError: the provider is absent here.
    """
    available = available_providers()
    if provider == OPENVINO and OPENVINO in available:
        return OPENVINO
    asked = _PROVIDERS.get(provider, provider)
    if asked not in available:
        hint = f" ({_INSTALL[provider]})" if provider in _INSTALL else ""
        raise SessionError(
            f"provider: expected one of {', '.join(available)}, found {shown(provider)}{hint}"
        )
    return asked


def shown_shape(shape: tuple[int | None, ...]) -> str:
    """A shape in words, with "any" for a free axis."""
    return "[" + ", ".join("any" if size is None else str(size) for size in shape) + "]"


def _open_onnxruntime(model: bytes, asked: str, threads: int) -> Session:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = _LOG_ERRORS_ONLY
    # Else the engine takes bytes that look like its own format for it, unseen by our checks.
    options.add_session_config_entry("session.load_model_format", "ONNX")
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
    return _OnnxRuntimeSession(session)


def _tensor_info(value: Any) -> TensorInfo:
    element = value.type.removeprefix("tensor(").removesuffix(")")
    dtype = {"float": "float32", "double": "float64"}.get(element, element)
    shape = tuple(size if isinstance(size, int) else None for size in value.shape)
    return TensorInfo(name=value.name, dtype=dtype, shape=shape)
