# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The interface of an inference engine; `factory.open_session` chooses one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vit_perception.wording import one_line


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
    """A loaded graph, ready to run; made by `factory.open_session`.

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


def shown_shape(shape: tuple[int | None, ...]) -> str:
    """Returns a shape in words, with "any" for a free axis."""
    return "[" + ", ".join("any" if size is None else str(size) for size in shape) + "]"
