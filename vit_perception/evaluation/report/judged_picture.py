# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What of a picture a run published, and which of it is right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vit_perception.evaluation.figures.matches import NOTHING, match_frames
from vit_perception.evaluation.rows.looked_at import FrameRows, LookedAt
from vit_perception.evaluation.rows.run import Run


@dataclass(frozen=True, slots=True, eq=False)
class JudgedPicture:
    """M detections that a run published of a picture with T things.

    Attributes:
        rows: the M detections.
        right: bool [M], it finds an object of its name.
        unjudged: bool [M], nothing is judged there, or nothing is known of the picture. Those
            that are neither are false.
        counts: bool [T], objects to find; the other things are regions.
        missed: bool [T], objects that none of the M finds.
    """

    rows: FrameRows
    right: NDArray[np.bool_]
    unjudged: NDArray[np.bool_]
    counts: NDArray[np.bool_]
    missed: NDArray[np.bool_]


def judged_pictures(
    frames: Sequence[LookedAt], place: int, run: Run, names: Sequence[str]
) -> list[JudgedPicture]:
    """Judges what a run published of some pictures, one entry each.

    Args:
        frames: the pictures.
        place: of the run in the order of the plan.
        run: it.
        names: that were asked for.
    """
    published = [run.published_rows(frame.rows[place]) for frame in frames]
    known = [index for index, frame in enumerate(frames) if frame.truth is not None]
    truths = [frame.truth for frame in frames if frame.truth is not None]
    matches = match_frames(truths, [published[index] for index in known], names)
    asked = set(names)
    found = [
        JudgedPicture(
            rows,
            np.zeros(len(rows), np.bool_),
            np.ones(len(rows), np.bool_),
            np.zeros(0, np.bool_),
            np.zeros(0, np.bool_),
        )
        for rows in published
    ]
    first = 0
    for picture, (index, truth) in enumerate(zip(known, truths, strict=True)):
        own = matches.pictures == picture
        counts = np.array([name in asked for name in truth.names], np.bool_) & ~truth.crowds
        missed = counts.copy()
        things = matches.things[own]
        missed[things[things != NOTHING] - first] = False
        found[index] = JudgedPicture(
            published[index], matches.true[own], matches.ignored[own], counts, missed
        )
        first += len(truth)
    return found
