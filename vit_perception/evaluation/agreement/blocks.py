# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Blocks of frames that look alike, and how sure a share of what is in them is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vit_perception.evaluation.rows.looked_at import LookedAt

SECONDS = 2.0
LEAST_FRAMES = 5
UNSTAMPED_FRAMES = 60
"""Frames of a block of a recording without stamps: two seconds of a camera."""
DRAWS = 500
SURE = 0.95

_NANOSECONDS = 1_000_000_000


class Blocks:
    """Numbers the block of each frame, from 0, as frames come in order.

    Neighbouring frames of a recording look alike: a block has SECONDS of stamps and LEAST_FRAMES
    or more. A picture of a folder is a block of its own.
    """

    def __init__(self) -> None:
        self._block = -1
        self._sequence = ""
        self._begin = 0
        self._count = 0

    def of(self, looked: LookedAt) -> int:
        """Returns the block of the next frame."""
        if self._block < 0 or looked.sequence != self._sequence or self._is_full(looked):
            self._block += 1
            self._sequence, self._begin, self._count = looked.sequence, looked.stamp, 0
        self._count += 1
        return self._block

    def _is_full(self, looked: LookedAt) -> bool:
        if not looked.stamp:
            return bool(looked.name) or self._count >= UNSTAMPED_FRAMES
        passed = looked.stamp - self._begin
        is_other_time = not 0 <= passed < SECONDS * _NANOSECONDS
        return is_other_time and self._count >= LEAST_FRAMES


def interval(
    parts: Sequence[float] | NDArray[np.float64], wholes: Sequence[float] | NDArray[np.float64]
) -> tuple[float, float] | None:
    """Returns between which values the share of parts in wholes lies, 95 % sure.

    Blocks are drawn again and again, as many as there are (bootstrap). The same counts give the
    same interval.

    Args:
        parts, wholes: [blocks], what is counted in each block.

    Returns:
        None of a single block, of which nothing can be said.
    """
    part, whole = np.asarray(parts, np.float64), np.asarray(wholes, np.float64)
    blocks = len(part)
    if blocks < 2 or not whole.sum():
        return None
    draws = np.random.default_rng(0).multinomial(blocks, np.full(blocks, 1 / blocks), DRAWS)
    parts_drawn, wholes_drawn = draws @ part, draws @ whole
    shares = parts_drawn[wholes_drawn > 0] / wholes_drawn[wholes_drawn > 0]
    rest = (1 - SURE) / 2
    low, high = np.percentile(shares, [100 * rest, 100 * (1 - rest)])
    return float(low), float(high)
