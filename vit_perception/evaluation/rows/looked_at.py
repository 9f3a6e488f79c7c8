# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What is kept of a picture that was looked at: what is true, and what each bundle found."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vit_perception.evaluation.samples.sample import FrameTruth
from vit_perception.rle import Rle


@dataclass(frozen=True, slots=True, eq=False)
class FrameRows:
    """N detections of one bundle in one picture, best first, those of low scores too.

    Attributes:
        boxes: float32 [N, 4], x1 y1 x2 y2 px.
        scores: float32 [N].
        labels: int64 [N], index into the names that were asked for.
        masks: N run lengths, or None from a bundle without masks.
    """

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    labels: NDArray[np.int64]
    masks: tuple[Rle, ...] | None

    def __len__(self) -> int:
        return len(self.scores)


@dataclass(frozen=True, slots=True, eq=False)
class LookedAt:
    """One picture.

    Attributes:
        sequence: key of the sequence.
        number: place in it, from 0.
        name: of the file, or "".
        stamp: ns; 0 without.
        frame_id: of the camera; "" without.
        size: height and width, px.
        truth: None where nothing is known of the picture.
        rows: of each run, in the order of the plan.
    """

    sequence: str
    number: int
    name: str
    stamp: int
    size: tuple[int, int]
    truth: FrameTruth | None
    rows: tuple[FrameRows, ...]
    frame_id: str = ""
