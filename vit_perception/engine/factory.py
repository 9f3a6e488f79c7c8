# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Opens a graph in the engine that is asked for."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

import onnxruntime

from vit_perception.engine.cpu_affinity import engine_threads
from vit_perception.engine.onnxruntime import CPU, OnnxRuntimeSession
from vit_perception.engine.session import Session, SessionError, named
from vit_perception.wording import shown

OPENVINO = "openvino"
"""The provider with an engine of its own, if the package of that name is installed."""

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
    """Returns ONNX Runtime's execution providers, and "openvino" if its package is installed."""
    own = (OPENVINO,) if find_spec(OPENVINO) is not None else ()
    return (*onnxruntime.get_available_providers(), *own)


def short_names() -> tuple[str, ...]:
    """Returns the providers that `open_session` knows by a short name, installed or not."""
    return tuple(_PROVIDERS)


def engine_version(provider: str) -> str:
    """Returns provider, engine and version of the engine that runs a provider.

    Raises:
        SessionError: the provider is absent here.
    """
    found = find_provider(provider)
    if found != OPENVINO:
        return f"{found} of onnxruntime {onnxruntime.__version__}"
    try:
        return f"{OPENVINO} {version(OPENVINO)}"
    except PackageNotFoundError:
        return OPENVINO


def open_session(
    model: bytes,
    *,
    provider: str = "cpu",
    threads: int = 0,
    name: str = "",
    bfloat16: bool = False,
) -> Session:
    """Loads an ONNX model from memory, so that what was hashed is what runs.

    Args:
        model: bytes of an ONNX file without external data.
        provider: "cpu", "cuda", "tensorrt", "openvino", or an ONNX Runtime name such as
            "CPUExecutionProvider". "openvino" is the package of that name on the CPU, or
            else the OpenVINO inside ONNX Runtime.
        threads: threads inside one operator; 0: one for each physical core that this process
            may use, or fewer if its CPU quota is smaller.
        name: of the graph, in front of errors.
        bfloat16: whether products of a float graph may be computed in bfloat16, as only the
            package openvino does, on CPUs that have it (AVX512_BF16, AMX).

    Raises:
        SessionError: the provider is absent here, did not start or has no bfloat16, or the model
            is refused.
    """
    if threads < 0:
        raise SessionError(named(name, f"threads: expected 0 or more, found {threads}"))
    threads = engine_threads(threads)
    try:
        found = find_provider(provider)
    except SessionError as error:
        raise SessionError(named(name, str(error))) from None
    if found == OPENVINO:
        from vit_perception.engine.openvino import OpenVinoSession

        return OpenVinoSession(model, threads, name, bfloat16=bfloat16)
    if bfloat16:
        line = f"provider: expected the package openvino for bfloat16, found {found}"
        raise SessionError(named(name, line))
    return OnnxRuntimeSession(model, found, threads, name)


def find_provider(provider: str) -> str:
    """Returns the one of `available_providers` that a name of `open_session` stands for.

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
