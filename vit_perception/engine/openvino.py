# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Graphs on Intel's OpenVINO; imported only where the package openvino is installed."""

from __future__ import annotations

import sys
import threading
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vit_perception.engine.calls import Call
from vit_perception.engine.reason import reason
from vit_perception.engine.session import (
    Session,
    SessionError,
    TensorInfo,
    named,
    shown_shape,
)

_DEVICE = "CPU"
_BFLOAT16 = "BF16"  # as OpenVINO lists what a device can compute


class OpenVinoSession(Session):
    """A graph compiled for the CPU; see `open_session`.

    Args:
        model: bytes of an ONNX file without external data.
        threads: 0 lets OpenVINO choose.
        name: see Session.
        bfloat16: see `open_session`.

    Raises:
        SessionError: OpenVINO does not start, refuses the model or has no bfloat16 here.
    """

    def __init__(
        self, model: bytes, threads: int, name: str = "", *, bfloat16: bool = False
    ) -> None:
        self.name = name
        try:
            core = _core()
            abilities = core.get_property(_DEVICE, "OPTIMIZATION_CAPABILITIES")
        except Exception as error:  # libraries of another version, another folder of that name
            line = f"provider: expected the package openvino to start, found {reason(error)}"
            raise SessionError(named(name, line)) from error
        if bfloat16 and _BFLOAT16 not in abilities:
            line = "provider: expected a CPU with bfloat16 (AVX512_BF16, AMX), found one without"
            raise SessionError(named(name, line))
        configuration = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": threads,
            # OpenVINO would take bfloat16 where the CPU has it; fp32 in a bundle means fp32.
            "INFERENCE_PRECISION_HINT": "bf16" if bfloat16 else "f32",
            # With pinning, the threads of two processes share the same cores.
            "ENABLE_CPU_PINNING": False,
            "CACHE_DIR": "",
        }
        try:
            compiled = core.compile_model(core.read_model(model), _DEVICE, configuration)
            self._request = compiled.create_infer_request()
            self.inputs = tuple(_tensor_info(value) for value in compiled.inputs)
            self.outputs = tuple(_tensor_info(value) for value in compiled.outputs)
        except Exception as error:
            line = f"model: expected an ONNX graph that OpenVINO can load, found {reason(error)}"
            raise SessionError(named(name, line)) from error
        self.provider = f"OpenVINO {_DEVICE}"
        self._lock = threading.Lock()

    def run(self, inputs: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Returns all outputs by name; see Session."""
        call = Call(self._request.cancel)
        try:
            given = self._checked(inputs)
            with self._lock, call:
                # `infer` could not be cancelled.
                self._request.start_async(given, share_inputs=True)
                self._request.wait()
                results = self._request.results
                return {value.name: np.array(results[value.name]) for value in self.outputs}
        except Exception as error:
            raise self.failure(error, stopped=call.stopped) from error

    def _checked(self, inputs: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Returns the inputs as they are declared.

        OpenVINO converts other types silently, and reuses the last value of a missing input.
        """
        if inputs.keys() != set(self.input_names):
            expected, found = (", ".join(sorted(n)) for n in (self.input_names, inputs))
            raise ValueError(f"inputs: expected {expected}, found {found or 'none'}")
        return {value.name: _checked(value, inputs[value.name]) for value in self.inputs}


@cache
def _core() -> Any:
    """The only Core of this process, which stays.

    Each Core gives its thread a stack for signals, and puts the former one back when it ends: of
    two that end in the order they began in, the second puts back the first one's, which is freed
    by then. The next signal would kill the process.
    """
    # OpenVINO takes a stub where its telemetry package, which reports imports, is missing.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino.Core()


def _tensor_info(value: Any) -> TensorInfo:
    sizes = (size.get_length() if size.is_static else None for size in value.partial_shape)
    dtype = str(np.dtype(value.element_type.to_dtype()))
    return TensorInfo(name=value.any_name, dtype=dtype, shape=tuple(sizes))


def _checked(wanted: TensorInfo, given: Any) -> NDArray[Any]:
    if not isinstance(given, np.ndarray):
        raise TypeError(f"{wanted.name}: expected an array, found {type(given).__name__}")
    fits = len(given.shape) == len(wanted.shape) and all(
        size is None or size == found
        for size, found in zip(wanted.shape, given.shape, strict=True)
    )
    if str(given.dtype) != wanted.dtype or not fits:
        raise ValueError(
            f"{wanted.name}: expected {wanted.dtype} {shown_shape(wanted.shape)}, "
            f"found {given.dtype} {shown_shape(given.shape)}"
        )
    return np.ascontiguousarray(given)
