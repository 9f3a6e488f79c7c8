# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""How often each kind of error occurs, and how much it costs (TIDE)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vit_perception.evaluation.figures.flat import Things
from vit_perception.evaluation.figures.kinds import KINDS, Errors
from vit_perception.evaluation.figures.matches import NOTHING, Matches

LOST = (*KINDS, "missed", "false", "missed_all")
"""Every kind; objects that no mended box would find; all false boxes; all missed objects."""
_MENDED = ("classification", "localization")


def errors(
    things: Things, matches: Matches, wrong: Errors, kept: NDArray[np.bool_]
) -> dict[str, Any]:
    """Returns `counts` of what a robot publishes and `ap50_lost` of all that was found.

    A count of all would be one of boxes with the lowest scores.

    Args:
        things: what is true.
        matches: of one run.
        wrong: its errors.
        kept: bool [D], what is published.
    """
    kinds = wrong.kinds[kept & matches.false]
    counts = dict(zip(KINDS, np.bincount(kinds, minlength=len(KINDS)).tolist(), strict=True))
    missed = int(np.count_nonzero(_missed(things, matches, wrong, kept)))
    return {"counts": {**counts, "missed": missed}, "ap50_lost": _lost(things, matches, wrong)}


def _missed(
    things: Things, matches: Matches, wrong: Errors, kept: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Returns bool [T], objects that are not found, and would not be if errors were mended."""
    missed = things.judged()
    for found in (matches.things[kept], wrong.mended[kept]):
        missed[found[found != NOTHING]] = False
    return missed


def _lost(things: Things, matches: Matches, wrong: Errors) -> dict[str, float | None]:
    """Returns how much higher AP50 were without each kind of error, all others being as they are.

    A box of the wrong name or place becomes right if it is the best one for an object that is
    not found; others go away. A name of which no object is found is left out of the mean once
    its missed ones are; hotcoco counts it as 0, as if they had cost nothing.
    """
    objects = matches.objects.sum(axis=0)
    if not objects.any():
        return dict.fromkeys(LOST)
    judged = ~matches.ignored
    everything = np.ones(len(matches), np.bool_)
    base = _ap50(matches, matches.labels, matches.true, judged, objects)
    figures: dict[str, float] = {}
    for index, kind in enumerate(KINDS):
        labels, true, stays = matches.labels, matches.true, judged & (wrong.kinds != index)
        if kind in _MENDED:
            mended = _best(things, matches, wrong)
            mended = mended[wrong.kinds[mended] == index]
            labels, true, stays = labels.copy(), true.copy(), stays.copy()
            labels[mended] = things.labels[wrong.mended[mended]]
            true[mended], stays[mended] = True, True
        figures[kind] = _ap50(matches, labels, true, stays, objects)
    found = np.bincount(matches.labels[matches.true], minlength=len(objects))
    missed = things.labels[_missed(things, matches, wrong, everything)]
    fewer = objects - np.bincount(missed, minlength=len(objects))
    figures["missed"] = _ap50(matches, matches.labels, matches.true, judged, fewer)
    figures["false"] = _ap50(matches, matches.labels, matches.true, matches.true, objects)
    figures["missed_all"] = _ap50(matches, matches.labels, matches.true, judged, found)
    return {kind: max(0.0, figures[kind] - base) for kind in LOST}


def _best(things: Things, matches: Matches, wrong: Errors) -> NDArray[np.int64]:
    """Returns, for each object that is not found, the best detection that could be mended."""
    free = np.ones(len(things), np.bool_)
    free[matches.things[matches.true]] = False
    which = np.flatnonzero(wrong.mended != NOTHING)
    which = which[free[wrong.mended[which]]]
    # Those of a picture stand best first.
    _, first = np.unique(wrong.mended[which], return_index=True)
    return np.asarray(which[first], np.int64)


def _ap50(
    matches: Matches,
    labels: NDArray[np.int64],
    true: NDArray[np.bool_],
    counted: NDArray[np.bool_],
    objects: NDArray[np.int64],
) -> float:
    """Returns the mean average precision of the names with objects; 1 if none are left to find.

    Args:
        matches: for the scores.
        labels: int64 [D], in place of theirs.
        true: bool [D], in place of theirs.
        counted: bool [D], the detections that take part.
        objects: int64 [N], how many there are to find.
    """
    from hotcoco import metrics

    values = []
    for name in np.flatnonzero(objects).tolist():
        which = counted & (labels == name)
        values.append(
            metrics.average_precision(matches.scores[which], true[which], int(objects[name]))
        )
    return sum(values) / len(values) if values else 1.0
