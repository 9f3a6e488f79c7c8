# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures that are kept out of tuning, and how sure a figure of them is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from vit_perception.evaluation.rows.looked_at import LookedAt

SHARE = 0.3
"""Of the pictures of a sequence, at its end."""
FEWEST_BLOCKS = 6
"""Of fewer blocks all agree by chance more often than once in forty."""
BLOCK_S = 2.0
BLOCK_FRAMES = 5
_DRAWS = 500
_SEED = 0
_PERCENT = (2.5, 97.5)


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
    """Returns the block of each picture, int64 [P], from 0.

    Pictures of a recording that follow each other look alike, so they are drawn together: for
    BLOCK_S seconds and BLOCK_FRAMES pictures or more. A picture without a stamp is a block.

    Args:
        frames: of all sequences, each in order.
    """
    result: list[int] = []
    for _, group in groupby(frames, lambda frame: frame.sequence):
        for size in _sizes([frame.stamp for frame in group]):
            result += [result[-1] + 1 if result else 0] * size
    return np.array(result, np.int64)


def _sizes(stamps: Sequence[int]) -> list[int]:
    """Returns the sizes of the blocks of one sequence; a rest that is too short joins the last."""
    sizes: list[int] = []
    size, begin = 0, stamps[0]
    for stamp in stamps:
        if not size:
            begin = stamp
        size += 1
        if not stamp or (size >= BLOCK_FRAMES and abs(stamp - begin) >= BLOCK_S * 1e9):
            sizes.append(size)
            size = 0
    if size and sizes and stamps[-1]:
        sizes[-1] += size
    elif size:
        sizes.append(size)
    return sizes


def draws(block: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Yields how often each picture is there when blocks are drawn with replacement.

    Args:
        block: of each picture, from 0.
    """
    count = int(block.max(initial=-1)) + 1
    generator = np.random.default_rng(_SEED)
    for _ in range(_DRAWS):
        drawn = generator.integers(count, size=count)
        yield np.bincount(drawn, minlength=count)[block].astype(np.int64)


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Returns the bounds between which 95 % of the values lie."""
    low, high = np.percentile(np.array(values), _PERCENT)
    return float(low), float(high)
