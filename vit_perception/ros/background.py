# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Changes that take long, while the node runs: another graph, new names."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import partial

from vit_perception.engine.calls import within
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
    return lambda: configurator.adopt_graph(perceiver)


def _encode(configurator: Configurator, parameters: DetectorParameters) -> Adopt:
    encoded = configurator.encode(parameters)
    return lambda: configurator.adopt_names(encoded, parameters.vocabulary)


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

    One request is worked on at a time, and then the newest: where they come faster than the work
    goes, those in between are left out. Work that takes longer than `configure_timeout`, or that
    was called off, is left behind.

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
        self._next: tuple[Configurator, DetectorParameters] | None = None
        self._wanted: Hashable = None
        self._words = ""
        self._runs = False
        # Counts what was called off; what began before is ignored when it is done.
        self._era = 0

    @property
    def under_way(self) -> str:
        """What is being made, in words; empty for nothing."""
        with self._lock:
            return self._words

    def follow(self, configurator: Configurator, parameters: DetectorParameters) -> None:
        """Begins if what `parameters` ask for is neither in force nor under way."""
        task = self._task
        wanted = task.wanted(parameters)
        with self._lock:
            if self._words and wanted == self._wanted:
                return
            self._wanted = wanted
            if task.in_force(configurator.current, parameters):
                self._call_off()
                return
            self._next, self._words = (configurator, parameters), task.in_words(parameters)
            if self._runs:
                return
            self._runs = True
        threading.Thread(target=self._run, name=task.name, daemon=True).start()

    def cancel(self) -> None:
        """Lets nothing that was begun take over."""
        with self._lock:
            self._call_off()

    def _call_off(self) -> None:
        self._era += 1
        self._next, self._words = None, ""

    def _run(self) -> None:
        while True:
            with self._lock:
                if self._next is None:
                    self._runs = False
                    return
                (configurator, parameters), self._next, era = self._next, None, self._era
            found: Exception | None = None
            try:
                adopt = within(
                    parameters.configure_timeout,
                    partial(self._task.work, configurator, parameters),
                    late=too_late(parameters.configure_timeout, "configure_timeout"),
                    name=self._task.name,
                    watch=partial(self._stay, era),
                )
                with self._lock:
                    if era == self._era:
                        adopt()
            except Exception as error:
                found = error
            with self._lock:
                over = era != self._era
                if not over and self._next is None:
                    self._words = ""
            if not over:
                self._done(parameters, found)
            # It knows this frame, and with it what failed.
            found = None

    def _stay(self, era: int) -> None:
        if era != self._era:
            raise _CalledOff


class _CalledOff(Exception):
    """Ends the waiting for work that nobody wants any more."""


def too_late(seconds: float, limit: str) -> str:
    """Returns a line about an engine that was not ready in time.

    Args:
        seconds: that it had.
        limit: the parameter that they come from; empty for none.
    """
    time = f"{seconds:g} s ({limit})" if limit else f"{seconds:g} s"
    return f"the engine: expected it to be ready within {time}, found it still at work"
