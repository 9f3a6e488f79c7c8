# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Latency of the last frames, by stage."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

WINDOW = 300
"""Frames looked back on: ten seconds of a 30 Hz camera."""


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Seconds: median, 95th percentile and maximum of the last frames."""

    p50: float
    p95: float
    maximum: float


class LatencyWindow:
    """Seconds spent per stage in the last `WINDOW` frames; thread safe."""

    def __init__(self, window: int = WINDOW) -> None:
        self._lock = threading.Lock()
        self._window = window
        self._seconds: dict[str, deque[float]] = {}

    def record(self, seconds: Mapping[str, float]) -> None:
        """Add one frame's seconds per stage."""
        with self._lock:
            for stage, value in seconds.items():
                self._seconds.setdefault(stage, deque(maxlen=self._window)).append(value)

    def clear(self) -> None:
        """Forget all frames."""
        with self._lock:
            self._seconds.clear()

    def quantiles(self) -> dict[str, Quantiles]:
        """Return the quantiles of every stage, in the order in which stages first came."""
        with self._lock:
            copies = {stage: np.array(values) for stage, values in self._seconds.items()}
        result = {}
        for stage, values in copies.items():
            p50, p95 = np.percentile(values, [50, 95])
            result[stage] = Quantiles(float(p50), float(p95), float(values.max()))
        return result
