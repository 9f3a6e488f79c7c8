# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The interface of an inference engine; `factory.open_session` chooses one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from vit_perception.engine.freed_memory import give_back
from vit_perception.engine.reason import reason


class SessionError(RuntimeError):
    """A model could not be loaded or run; the message is one line."""


class SessionStoppedError(SessionError):
    """An engine gave up because it was told to; one line."""


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

    Attributes:
        name: of the graph, in front of errors; may be empty.
        provider: what runs the graph, e.g. "CPUExecutionProvider" or "OpenVINO CPU".
        inputs, outputs: as the graph declares them, in its order.
    """

    name: str
    provider: str
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]

    # A default, since the names of a module may be gone when the interpreter ends.
    def __del__(self, give_back: Callable[[], None] = give_back) -> None:
        """Closes the engine, and gives its memory back to the system."""
        self.__dict__.clear()
        give_back()

    @property
    def input_names(self) -> tuple[str, ...]:
        """Names of the inputs, in the graph's order."""
        return tuple(value.name for value in self.inputs)

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of the outputs, in the graph's order."""
        return tuple(value.name for value in self.outputs)

    @abstractmethod
    def run(self, inputs: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Returns all outputs by name; the arrays are the caller's.

        May be called from several threads at once.

        Raises:
            SessionError: an input is missing or has the wrong type or shape, or the engine
                failed or was stopped.
        """

    def failure(self, error: Exception, *, stopped: bool = False) -> SessionError:
        """Returns what to raise for an engine's own exception.

        Args:
            error: of the engine.
            stopped: whether it was told to give up, see `calls.stop_call`.
        """
        if stopped:
            return stopped_error(self.name)
        return SessionError(named(self.name, f"the engine failed: {reason(error)}"))


def stopped_error(name: str) -> SessionStoppedError:
    """Returns what to raise for an engine that was told to give up; `name` as of `Session`."""
    return SessionStoppedError(named(name, "the engine was stopped: it took too long"))


def named(name: str, line: str) -> str:
    """Returns a line with the name of what it is about in front, if there is one."""
    return f"{name}: {line}" if name else line


def shown_shape(shape: tuple[int | None, ...]) -> str:
    """Returns a shape in words, with "any" for a free axis."""
    return "[" + ", ".join("any" if size is None else str(size) for size in shape) + "]"
