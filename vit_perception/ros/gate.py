# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Which results may leave the node."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Gate:
    """Lets a result out only during the activation in which its frame came in.

    A deactivated node publishes nothing from the moment on at which `close` returns, without
    waiting for a frame that is still being looked at; and what that frame gives does not leak
    into the next activation.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._activation = 0
        self._open = False

    def open(self) -> None:
        """Begin an activation."""
        with self._lock:
            self._activation += 1
            self._open = True

    def close(self) -> None:
        """End the activation; waits for a publication in progress, not for a detection."""
        with self._lock:
            self._open = False

    @property
    def activation(self) -> int | None:
        """Return the number of the present activation, None while the gate is closed."""
        with self._lock:
            return self._activation if self._open else None

    @contextmanager
    def passing(self, activation: int) -> Iterator[bool]:
        """Give whether a result of `activation` may leave; the gate does not close meanwhile."""
        with self._lock:
            yield self._open and activation == self._activation
