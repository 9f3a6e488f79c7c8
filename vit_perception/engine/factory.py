# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Which engine runs a graph."""

from __future__ import annotations

from importlib.util import find_spec

import onnxruntime

from vit_perception.engine.cpu_affinity import engine_threads
from vit_perception.engine.onnxruntime import CPU, OnnxRuntimeSession
from vit_perception.engine.session import Session, SessionError
from vit_perception.wording import shown

OPENVINO = "openvino"
"""The provider that has an engine of its own, where the package of that name is installed."""

_PROVIDERS = {
    "cpu": CPU,
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    OPENVINO: "OpenVINOExecutionProvider",
}
_INSTALL = {
    "cuda": "pip install onnxruntime-gpu",
    "tensorrt": "pip install onnxruntime-gpu",
    OPENVINO: "pip install --no-deps openvino",
}


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
        from vit_perception.engine.openvino import OpenVinoSession

        return OpenVinoSession(model, threads)
    return OnnxRuntimeSession(model, found, threads)


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
