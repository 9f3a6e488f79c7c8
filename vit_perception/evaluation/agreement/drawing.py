# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Draws the frames in which two runs differ most, as both see them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vit_perception.evaluation.agreement.pairing import paired
from vit_perception.evaluation.agreement.sections import Agreement, titles_of
from vit_perception.evaluation.report.drawing import drawn_twice, found_things, short
from vit_perception.evaluation.report.frames_again import FrameOf, check_unchanged
from vit_perception.evaluation.report.worst_pictures import small_jpeg
from vit_perception.evaluation.rows.looked_at import LookedAt
from vit_perception.evaluation.rows.reading import read_picture
from vit_perception.evaluation.rows.run import Run
from vit_perception.frame import Frame
from vit_perception.wording import counted


def draw_differing(
    folder: Path,
    found: Agreement,
    runs: tuple[Run, Run],
    frame_of: FrameOf,
) -> list[bytes]:
    """Returns JPEG files of the frames that differ most, in their order.

    Args:
        folder: with what the runs found.
        found: content of agreement.json.
        runs: the two.
        frame_of: is asked in ascending order.

    Raises:
        EvaluationError: a frame was not looked at, or its picture has gone or changed.
    """
    drawn: dict[int, bytes] = {}
    listed = list(enumerate(found["differ_most"]))
    for place, each in sorted(listed, key=lambda pair: (pair[1]["sequence"], pair[1]["number"])):
        looked = read_picture(folder, each["sequence"], each["number"])
        frame = frame_of(looked.sequence, looked.number)
        check_unchanged(looked, frame)
        drawn[place] = small_jpeg(both(frame, looked, runs, found["names"], titles_of(found)))
    return [drawn[place] for place, _ in listed]


def both(
    frame: Frame,
    looked: LookedAt,
    runs: tuple[Run, Run],
    names: Sequence[str],
    titles: tuple[str, str],
) -> NDArray[np.uint8]:
    """Returns a picture as both runs see it, uint8 [H, W, 3] RGB.

    What both see under one name has whole blue lines, the rest dashed orange ones.
    """
    first, second = (run.published_rows(rows) for run, rows in zip(runs, looked.rows, strict=True))
    pairs = paired(first, second)
    same = first.labels[pairs.first] == second.labels[pairs.second]
    left, right = (
        (
            f"{short(title)}: {counted(len(rows), 'thing')}",
            found_things(rows, names, np.isin(np.arange(len(rows)), places[same])),
        )
        for title, rows, places in zip(
            titles, (first, second), (pairs.first, pairs.second), strict=True
        )
    )
    return drawn_twice(frame, left, right)
