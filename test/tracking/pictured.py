# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from vit_perception.detections import Detections
from vit_perception.masks import Masks

NAMES = ("mug", "spoon", "banana")
SECOND = 1_000_000_000


class Thing(NamedTuple):
    """A box of 40 x 30 px around x y."""

    x: float
    y: float
    name: str = "mug"
    score: float = 0.9


def found(
    things: Iterable[Thing], names: tuple[str, ...] = NAMES, *, masks: Masks | None = None
) -> Detections:
    rows = list(things)
    return Detections(
        boxes=np.array(
            [(x - 20, y - 15, x + 20, y + 15) for x, y, *_ in rows], np.float32
        ).reshape(-1, 4),
        scores=np.array([row.score for row in rows], np.float32),
        labels=np.array([names.index(row.name) for row in rows], np.int64),
        names=names,
        vocabulary_version=0,
        masks=masks,
    )


def ids(detections: Detections) -> list[int]:
    assert detections.ids is not None
    return [int(each) for each in detections.ids]
