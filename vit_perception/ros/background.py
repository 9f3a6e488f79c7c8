# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Changes that take long, while the node runs: another graph, new names."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from vit_perception.parameters.detector import DetectorParameters
from vit_perception.ros.configuration import Configuration, Configurator

Adopt = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Task:
    """One kind of such a change.

    Attributes:
        name: of its thread.
        wanted: of parameters, compared with what is under way.
        in_words: the same, for log and diagnostics.
        in_force: whether a configuration has it already.
        work: takes long, may fail, and returns what lets it take over.
    """

    name: str
    wanted: Callable[[DetectorParameters], Hashable]
    in_words: Callable[[DetectorParameters], str]
    in_force: Callable[[Configuration, DetectorParameters], bool]
    work: Callable[[Configurator, DetectorParameters], Adopt]


def _open(configurator: Configurator, parameters: DetectorParameters) -> Adopt:
    perceiver = configurator.open(parameters)
    return lambda: configurator.adopt_graph(perceiver, parameters.provider)


def _encode(configurator: Configurator, parameters: DetectorParameters) -> Adopt:
    vocabulary = configurator.encode(parameters)
    return lambda: configurator.adopt_names(vocabulary, parameters.vocabulary)


GRAPH = Task(
    name="open_graph",
    wanted=lambda parameters: (parameters.precision, parameters.provider),
    in_words=lambda parameters: f"{parameters.precision} on {parameters.provider}",
    in_force=lambda now, parameters: now.runs(parameters),
    work=_open,
)
NAMES = Task(
    name="encode_names",
    wanted=lambda parameters: parameters.vocabulary,
    in_words=lambda parameters: f"{len(parameters.vocabulary)} names",
    in_force=lambda now, parameters: now.names == parameters.vocabulary,
    work=_encode,
)


class Background:
    """Does a task on a thread of its own; what is in force stays until it is done.

    Args:
        task: what it does.
        done: called on that thread when the new has taken over (None) or is not to be had (why),
            with the parameters that asked for it.
    """

    def __init__(
        self, task: Task, done: Callable[[DetectorParameters, Exception | None], None]
    ) -> None:
        self._task = task
        self._done = done
        self._lock = threading.Lock()
        self._latest = 0
        self._under_way: Hashable = None
        self._words = ""

    @property
    def under_way(self) -> str:
        """What is being made, in words; empty for nothing."""
        with self._lock:
            return self._words

    def follow(self, configurator: Configurator, parameters: DetectorParameters) -> None:
        """Begins if what `parameters` ask for is neither in force nor under way.

        What was begun for others is ignored when it is done.
        """
        task = self._task
        wanted = task.wanted(parameters)
        with self._lock:
            if self._words and wanted == self._under_way:
                return
            self._latest += 1
            number = self._latest
            in_force = task.in_force(configurator.current, parameters)
            self._under_way, self._words = wanted, "" if in_force else task.in_words(parameters)
            if in_force:
                return
        threading.Thread(
            target=self._run, args=(number, configurator, parameters), name=task.name, daemon=True
        ).start()

    def cancel(self) -> None:
        """Lets nothing that was begun take over."""
        with self._lock:
            self._latest += 1
            self._words = ""

    def _run(
        self, number: int, configurator: Configurator, parameters: DetectorParameters
    ) -> None:
        found: Exception | None = None
        try:
            adopt = self._task.work(configurator, parameters)
            with self._lock:
                if number == self._latest:
                    adopt()
        except Exception as error:
            found = error
        with self._lock:
            if number != self._latest:
                return
            self._words = ""
        self._done(parameters, found)
