# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Another precision or provider while the node runs."""

from __future__ import annotations

import threading
from collections.abc import Callable

from vit_perception.parameters.detector import DetectorParameters
from vit_perception.ros.configuration import Configurator


class Reload:
    """Opens another graph of a bundle on a thread of its own; the old one runs until then.

    Args:
        done: called on that thread when the new one has taken over (None) or could not be had
            (why), with the parameters that asked for it.
    """

    def __init__(self, done: Callable[[DetectorParameters, Exception | None], None]) -> None:
        self._done = done
        self._lock = threading.Lock()
        self._latest = 0
        self._wanted = ""

    @property
    def wanted(self) -> str:
        """What is being opened, in words; empty for nothing."""
        with self._lock:
            return self._wanted

    def follow(self, configurator: Configurator, parameters: DetectorParameters) -> None:
        """Begins if other parameters than those that run, or are being opened, ask for it.

        What was begun for others is ignored when it is done.
        """
        asked = f"{parameters.precision} on {parameters.provider}"
        with self._lock:
            if asked == self._wanted:
                return
            self._latest += 1
            number = self._latest
            self._wanted = "" if configurator.current.runs(parameters) else asked
            if not self._wanted:
                return
        threading.Thread(
            target=self._run, args=(number, configurator, parameters), name="reload", daemon=True
        ).start()

    def cancel(self) -> None:
        """Lets nothing that was begun take over."""
        with self._lock:
            self._latest += 1
            self._wanted = ""

    def _run(
        self, number: int, configurator: Configurator, parameters: DetectorParameters
    ) -> None:
        found: Exception | None = None
        try:
            perceiver = configurator.open(parameters)
            with self._lock:
                if number == self._latest:
                    configurator.adopt(perceiver, parameters.provider)
        except Exception as error:
            found = error
        with self._lock:
            if number != self._latest:
                return
            self._wanted = ""
        self._done(parameters, found)
