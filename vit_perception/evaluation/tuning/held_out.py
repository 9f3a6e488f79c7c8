# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures that are kept out of tuning."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from vit_perception.evaluation.figures.blocks import blocks_of
from vit_perception.evaluation.figures.gather import Pictures
from vit_perception.evaluation.rows.looked_at import LookedAt

SHARE = 0.3
"""Of the pictures of a sequence, at its end."""


def divided(frames: Sequence[LookedAt]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Returns which pictures thresholds are chosen on, and which of them are kept out.

    Those kept out are the last of each sequence: pictures from between others would be too much
    like them.

    Args:
        frames: of all sequences, each in order.
    """
    chosen: list[int] = []
    kept_out: list[int] = []
    for _, group in groupby(range(len(frames)), lambda index: frames[index].sequence):
        places = list(group)
        first = len(places) - round(SHARE * len(places))
        chosen += places[:first]
        kept_out += places[first:]
    return np.array(chosen, np.int64), np.array(kept_out, np.int64)


def blocks(frames: Sequence[LookedAt]) -> NDArray[np.int64]:
    """Returns the block of each picture, int64 [P], from 0; see `blocks_of`."""
    keys = tuple(dict.fromkeys(frame.sequence for frame in frames))
    place = {key: index for index, key in enumerate(keys)}
    return blocks_of(
        Pictures(
            keys=keys,
            sequences=np.array([place[frame.sequence] for frame in frames], np.int64),
            numbers=np.array([frame.number for frame in frames], np.int64),
            stamps=np.array([frame.stamp for frame in frames], np.int64),
            names=tuple(frame.name for frame in frames),
        )
    )
