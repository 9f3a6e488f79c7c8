# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The pictures to look at: those with the worst results, and those where two runs differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vit_perception.evaluation.figures.counts import rates
from vit_perception.evaluation.figures.frame_lines import Published, lines
from vit_perception.evaluation.figures.gather import Pictures

WORST = 10
CHANGED = 20


def worst(
    pictures: Pictures, counts: NDArray[np.int64], blocks: NDArray[np.int64], shown: Published
) -> list[dict[str, Any]]:
    """Returns the pictures with errors whose F1 is lowest; of equal ones those with more errors.

    Neighbouring images fail alike, so that first the worst of each block counts.

    Args:
        pictures: all of them.
        counts: int64 [P, 3], true, false and missed ones.
        blocks: int64 [P].
        shown: what is published.
    """
    wrong = counts[:, 1] + counts[:, 2]
    order = np.lexsort((-wrong, _f1(counts)))
    order = order[wrong[order] > 0]
    return [
        {
            **_place(pictures, index),
            "name": pictures.names[index],
            "stamp": int(pictures.stamps[index]),
            **dict(zip(("true", "false", "missed"), counts[index].tolist(), strict=True)),
            "f1": rates(*counts[index].tolist())["f1"],
            "wrong": lines(shown.wrong(index)),
        }
        for index in _spread(order, blocks, WORST)
    ]


def changed(
    pictures: Pictures,
    counts: Sequence[NDArray[np.int64]],
    blocks: NDArray[np.int64],
    shown: Sequence[Published],
) -> list[dict[str, Any]]:
    """Returns the pictures where F1 of two runs differs most, first one of each block.

    Args:
        pictures: all of them.
        counts: of both runs, int64 [P, 3] each.
        blocks: int64 [P].
        shown: what both publish.
    """
    change = np.abs(_f1(counts[1]) - _f1(counts[0]))
    order = np.argsort(-change, kind="stable")
    rows = []
    for index in _spread(order[change[order] > 0], blocks, CHANGED):
        before, after = (each.wrong(index) for each in shown)
        gone = [f"no longer: {line}" for line in lines(before - after)]
        new = [f"new: {line}" for line in lines(after - before)]
        rows.append(
            {
                **_place(pictures, index),
                "stamp": int(pictures.stamps[index]),
                "f1_a": rates(*counts[0][index].tolist())["f1"],
                "f1_b": rates(*counts[1][index].tolist())["f1"],
                "changed": gone + new,
            }
        )
    return rows


def _place(pictures: Pictures, index: int) -> dict[str, Any]:
    return {
        "sequence": pictures.keys[pictures.sequences[index]],
        "number": int(pictures.numbers[index]),
    }


def _f1(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Returns F1 of each picture; 1 where there is nothing and nothing was found."""
    true, false, missed = counts.T
    whole = 2 * true + false + missed
    return np.where(whole > 0, 2 * true / np.maximum(whole, 1), 1.0)


def _spread(order: NDArray[np.int64], blocks: NDArray[np.int64], most: int) -> list[int]:
    """Returns the first ones of an order, in it; those that are the first of their block."""
    _, first = np.unique(blocks[order], return_index=True)
    is_first = np.zeros(len(order), np.bool_)
    is_first[first] = True
    chosen = np.concatenate([np.flatnonzero(is_first), np.flatnonzero(~is_first)])[:most]
    return [int(index) for index in order[np.sort(chosen)]]
