# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Frames of two runs for tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vit_perception.evaluation.rows.looked_at import FrameRows, LookedAt
from vit_perception.evaluation.rows.run import Run
from vit_perception.rle import encode_mask

NAMES = ("mug", "bowl", "spoon")
START = 1_700_000_000_000_000_000
PERIOD = 100_000_000
SIZE = (60, 80)

Found = Sequence[tuple[str, float, tuple[int, int, int, int]]]
"""Name, score and x1 y1 x2 y2 of detections, best first."""


def run(key: str, threshold: float = 0.5) -> Run:
    return Run(key, Path(key), "fp32", "0" * 64, (threshold,) * len(NAMES), 0.5, 100)


def rows(found: Found, *, masks: bool = False) -> FrameRows:
    encoded = []
    for _, _, (x1, y1, x2, y2) in found:
        mask = np.zeros(SIZE, np.bool_)
        mask[y1:y2, x1:x2] = True
        encoded.append(encode_mask(mask))
    return FrameRows(
        boxes=np.array([box for _, _, box in found], np.float32).reshape(-1, 4),
        scores=np.array([score for _, score, _ in found], np.float32),
        labels=np.array([NAMES.index(name) for name, _, _ in found], np.int64),
        masks=tuple(encoded) if masks else None,
    )


def looked(
    number: int,
    *found: FrameRows | Found,
    sequence: str = "bag",
    stamp: int | None = None,
    name: str = "",
) -> LookedAt:
    return LookedAt(
        sequence=sequence,
        number=number,
        name=name,
        stamp=START + number * PERIOD if stamp is None else stamp,
        size=SIZE,
        truth=None,
        rows=tuple(each if isinstance(each, FrameRows) else rows(each) for each in found),
    )
