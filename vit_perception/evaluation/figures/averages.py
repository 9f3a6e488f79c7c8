# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""COCO's averages of precision and recall."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SIZES = ("small", "medium", "large")
"""COCO's sizes of things: below 32² px, below 96² px, and above."""
RECALL_AT = (1, 10, 100)
"""Detections of a name in a picture that count for the recalls."""
_OVERLAPS = {None: slice(None), 50: slice(0, 1), 75: slice(5, 6)}


@dataclass(frozen=True, slots=True, eq=False)
class Averages:
    """Precision and recall of N names; -1 where there are no objects.

    Attributes:
        precision: float64 [overlaps 0.50 to 0.95, recalls 0 to 1, N, all and SIZES].
        recall: float64 [overlaps 0.50 to 0.95, N, all and SIZES, limits of detections].
    """

    precision: NDArray[np.float64]
    recall: NDArray[np.float64]

    def table(self) -> dict[str, float | None]:
        """Returns COCO's twelve figures."""
        figures = {"AP": self.ap(), "AP50": self.ap(50), "AP75": self.ap(75)}
        figures |= {f"AP_{size}": self.ap(size=index) for index, size in enumerate(SIZES, 1)}
        figures |= {f"AR{limit}": self.ar(limit=place) for place, limit in enumerate(RECALL_AT)}
        return figures | {f"AR_{size}": self.ar(size=index) for index, size in enumerate(SIZES, 1)}

    def ap(
        self, overlap: int | None = None, *, name: int | None = None, size: int = 0
    ) -> float | None:
        """Returns the average precision; None without objects.

        Args:
            overlap: 50, 75, or None for all ten.
            name: index, or None for the mean of all names.
            size: 0 for all, else an index into SIZES from 1.
        """
        names = slice(None) if name is None else slice(name, name + 1)
        return _mean(self.precision[_OVERLAPS[overlap], :, names, size])

    def ar(self, *, overlap: int | None = None, size: int = 0, limit: int = -1) -> float | None:
        """Returns the average recall of all names; None without objects.

        Args:
            overlap: see `ap`.
            size: see `ap`.
            limit: place among the limits.
        """
        return _mean(self.recall[_OVERLAPS[overlap], :, size, limit])

    def curve(self, overlap: int, *, name: int | None = None) -> list[float] | None:
        """Returns the precision at the recalls 0, 0.01, ... 1; None without objects.

        Args:
            overlap: 50 or 75.
            name: index, or None for the mean of all names with objects.
        """
        names = slice(None) if name is None else slice(name, name + 1)
        curves = self.precision[_OVERLAPS[overlap], :, names, 0][0]
        known = curves[:, curves[0] > -1]
        return [float(each) for each in known.mean(axis=1)] if known.size else None


def _mean(values: NDArray[np.float64]) -> float | None:
    known = values[values > -1]
    return float(known.mean()) if known.size else None
