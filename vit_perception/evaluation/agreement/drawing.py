# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Draws the frames in which two runs differ most, as both see them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vit_perception.evaluation.agreement.pairing import paired
from vit_perception.evaluation.agreement.sections import Agreement, titles_of
from vit_perception.evaluation.errors import EvaluationError
from vit_perception.evaluation.report.drawing import RIGHT, WRONG, Thing, drawn_twice, short
from vit_perception.evaluation.report.judged import published_rows
from vit_perception.evaluation.report.values import counted
from vit_perception.evaluation.report.worst import small_jpeg
from vit_perception.evaluation.rows.looked_at import FrameRows, LookedAt
from vit_perception.evaluation.rows.reading import BLOCK, shard_path
from vit_perception.evaluation.rows.run import Run
from vit_perception.evaluation.rows.shards import read_shard
from vit_perception.frame import Frame
from vit_perception.wording import shown, shown_path


def draw_differing(
    folder: Path,
    found: Agreement,
    runs: tuple[Run, Run],
    frame_of: Callable[[str, int], Frame],
) -> list[bytes]:
    """Returns JPEG files of the frames that differ most, in their order.

    Args:
        folder: with what the runs found.
        found: content of agreement.json.
        runs: the two.
        frame_of: reads a picture again, by the key of its sequence and its number; it is asked
            in ascending order.

    Raises:
        EvaluationError: a frame was not looked at, or its picture has gone or changed.
    """
    drawn: dict[int, bytes] = {}
    listed = list(enumerate(found["differ_most"]))
    for place, each in sorted(listed, key=lambda pair: (pair[1]["sequence"], pair[1]["number"])):
        looked = _looked(folder, each["sequence"], each["number"])
        frame = frame_of(looked.sequence, looked.number)
        if (frame.height, frame.width) != looked.size:
            raise EvaluationError(
                f"{shown_path(folder)}: picture {looked.number} of {shown(looked.sequence)}: "
                f"expected {looked.size[1]}x{looked.size[0]} px as it was looked at, found "
                f"{frame.width}x{frame.height}"
            )
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
    first, second = (
        published_rows(run, rows) for run, rows in zip(runs, looked.rows, strict=True)
    )
    pairs = paired(first, second)
    same = first.labels[pairs.first] == second.labels[pairs.second]
    left, right = (
        (
            f"{short(title)}: {counted(len(rows), 'thing')}",
            _things(rows, set(places[same].tolist()), names),
        )
        for title, rows, places in zip(
            titles, (first, second), (pairs.first, pairs.second), strict=True
        )
    )
    return drawn_twice(frame, left, right)


def _things(rows: FrameRows, same: set[int], names: Sequence[str]) -> list[Thing]:
    masks = rows.masks or (None,) * len(rows)
    return [
        Thing(
            f"{short(names[label])} {score:.2f}",
            rows.boxes[index],
            masks[index],
            RIGHT if index in same else WRONG,
        )
        for index, (label, score) in enumerate(
            zip(rows.labels.tolist(), rows.scores.tolist(), strict=True)
        )
    ]


def _looked(folder: Path, sequence: str, number: int) -> LookedAt:
    path = shard_path(folder, sequence, number // BLOCK)
    for each in read_shard(path):
        if each.number == number:
            return each
    raise EvaluationError(f"{shown_path(path)}: expected picture {number}, found none")
