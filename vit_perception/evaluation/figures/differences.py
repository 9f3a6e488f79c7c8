# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Which of two runs is better, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from vit_perception.evaluation.figures.blocks import difference
from vit_perception.evaluation.figures.gather import Pictures
from vit_perception.evaluation.figures.run_figures import RunFigures
from vit_perception.evaluation.figures.worst import changed

Verdict = Literal["better", "worse", "cannot tell"]


def differences(
    pictures: Pictures, blocks: NDArray[np.int64], runs: Sequence[RunFigures]
) -> list[dict[str, Any]]:
    """Returns how each later run differs from the first.

    A run is better or worse where the interval of the difference of AP50 does not hold 0.

    Args:
        pictures: all of them.
        blocks: int64 [P].
        runs: all of them, measured.
    """
    return [_difference(pictures, blocks, runs[0], other) for other in runs[1:]]


def _difference(
    pictures: Pictures, blocks: NDArray[np.int64], first: RunFigures, other: RunFigures
) -> dict[str, Any]:
    before, after = first.table, other.table
    ap50 = difference(before["boxes"]["AP50"], after["boxes"]["AP50"], first.ap50, other.ap50)
    f1 = difference(before["published"]["f1"], after["published"]["f1"], first.f1, other.f1)
    return {
        "a": before["key"],
        "b": after["key"],
        "AP50": ap50,
        "f1": f1,
        "verdict": _verdict(ap50),
        "frames": changed(
            pictures,
            (first.counts, other.counts),
            blocks,
            (first.shown, other.shown),
        ),
    }


def _verdict(ap50: dict[str, float | None]) -> Verdict:
    low, high = ap50["low"], ap50["high"]
    if low is None or high is None or low <= 0 <= high:
        return "cannot tell"
    return "better" if low > 0 else "worse"
