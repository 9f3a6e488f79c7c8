# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Which name is taken for which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vit_perception.evaluation.figures.flat import Rows, Things
from vit_perception.evaluation.figures.matches import NOTHING, Matches, match

MOST_NAMES = 40
BACKGROUND, OTHERS = "background", "others"


def taken_for(
    things: Things, rows: Rows, matches: Matches, kept: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Returns the object that each published detection lies on, int64 [D], or NOTHING.

    First every detection finds an object of its name, as for precision and recall. What is then
    left of both is matched whatever the names. The library's own confusion matrix takes the
    nearest object at once, so that a fork on a plate is one for the other even if both are found.

    Args:
        things: what is true.
        rows: what was found.
        matches: the same.
        kept: bool [D], what is published.
    """
    lies_on = np.where(kept, matches.things, NOTHING)
    free = things.judged()
    free[lies_on[lies_on != NOTHING]] = False
    objects, false = np.flatnonzero(free), np.flatnonzero(kept & matches.false)
    nameless = match(
        replace(things.chosen(objects), labels=np.zeros(len(objects), np.int64)),
        replace(rows.chosen(false), labels=np.zeros(len(false), np.int64)),
        len(matches.objects),
        1,
    )
    found = nameless.true
    lies_on[false[found]] = objects[nameless.things[found]]
    return lies_on


def confusion(
    names: Sequence[str],
    things: Things,
    matches: Matches,
    kept: NDArray[np.bool_],
    lies_on: NDArray[np.int64],
) -> dict[str, Any]:
    """Returns `names` and `counts`, true names down and found names across.

    Beyond MOST_NAMES the names that occur least are counted together as OTHERS.

    Args:
        names: that were asked for.
        things: what is true.
        matches: of one run.
        kept: bool [D], what is published.
        lies_on: int64 [D], see `taken_for`.
    """
    judged = kept & ~matches.ignored
    occur = matches.objects.sum(axis=0) + np.bincount(matches.labels[judged], minlength=len(names))
    chosen = np.sort(np.argsort(-occur, kind="stable")[:MOST_NAMES])
    groups = np.full(len(names), len(chosen), np.int64)
    groups[chosen] = np.arange(len(chosen))
    labels = [names[index] for index in chosen.tolist()]
    labels += [OTHERS] if len(names) > len(chosen) else []
    background = len(labels)
    counts = np.zeros((background + 1, background + 1), np.int64)
    there = lies_on[judged]
    true = np.full(len(there), background, np.int64)
    true[there != NOTHING] = groups[things.labels[there[there != NOTHING]]]
    np.add.at(counts, (true, groups[matches.labels[judged]]), 1)
    missed = things.judged()
    missed[there[there != NOTHING]] = False
    np.add.at(counts[:, background], groups[things.labels[missed]], 1)
    return {"names": [*labels, BACKGROUND], "counts": counts.tolist()}
