# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Draws the worst pictures of each run as JPEG files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vit_perception.evaluation.errors import EvaluationError
from vit_perception.evaluation.report.drawing import side_by_side
from vit_perception.evaluation.report.frames_again import FrameOf, check_unchanged
from vit_perception.evaluation.report.judged_picture import judged_pictures
from vit_perception.evaluation.report.report import picture_path
from vit_perception.evaluation.report.sections.runs import Metrics
from vit_perception.evaluation.rows.looked_at import LookedAt
from vit_perception.evaluation.rows.run import Run
from vit_perception.frame import Frame
from vit_perception.images.compressed import encode_jpeg
from vit_perception.output.write import new_folder
from vit_perception.wording import shown, shown_path

MOST_BYTES = 75_000
"""Size of the largest picture: ten each of four runs take 3 MB."""
_QUALITIES = (85, 75, 65, 55, 45, 30)


def draw_worst(
    folder: Path,
    metrics: Metrics,
    runs: Sequence[Run],
    frames: Iterable[LookedAt],
    frame_of: FrameOf,
) -> list[Path]:
    """Draws the worst pictures of each run into `worst/RUN/NN.jpg`; returns the files.

    What was in `worst` before is replaced.

    Args:
        folder: of the measurement.
        metrics: content of metrics.json; its runs are those of `runs`.
        runs: in the order of the plan.
        frames: all that was looked at.
        frame_of: is asked once for each picture, in the order of `frames`, so that a recording
            can be read forward.

    Raises:
        EvaluationError: a picture was not looked at, has no truth, or is another one now.
        OutputError: the folder cannot be written.
    """
    wanted: dict[tuple[str, int], list[tuple[int, Path]]] = {}
    for place, run in enumerate(metrics["runs"]):
        for rank, frame in enumerate(run["worst"], start=1):
            key = frame["sequence"], frame["number"]
            path = picture_path(folder, run["key"], rank)
            wanted.setdefault(key, []).append((place, path))
    worst = folder / "worst"
    written = []
    with new_folder(worst) as new:
        for looked_at in frames:
            uses = wanted.pop((looked_at.sequence, looked_at.number), [])
            if not uses:
                continue
            picture = frame_of(looked_at.sequence, looked_at.number)
            check_unchanged(looked_at, picture)
            for place, path in uses:
                target = new / path.relative_to(worst)
                target.parent.mkdir(exist_ok=True)
                content = _drawn(looked_at, picture, place, runs[place], metrics["names"])
                target.write_bytes(content)
                written.append(path)
            if not wanted:
                break
        if wanted:
            sequence, number = next(iter(wanted))
            raise EvaluationError(
                f"{shown_path(folder)}: expected picture {number} of {shown(sequence)} among "
                "those that were looked at, found none"
            )
    return sorted(written)


def _drawn(
    looked_at: LookedAt, picture: Frame, place: int, run: Run, names: Sequence[str]
) -> bytes:
    """Returns a picture with its truth and what a run published, as a JPEG file."""
    if looked_at.truth is None:
        raise EvaluationError(
            f"{shown(looked_at.sequence)}: expected picture {looked_at.number} with truth, found "
            "none"
        )
    (judged,) = judged_pictures([looked_at], place, run, names)
    return small_jpeg(side_by_side(picture, looked_at.truth, judged, names))


def small_jpeg(image: NDArray[np.uint8]) -> bytes:
    """Returns a picture [H, W, 3] RGB as a file of MOST_BYTES, or of the lowest quality."""
    content = b""
    for quality in _QUALITIES:
        content = encode_jpeg(image, quality)
        if len(content) <= MOST_BYTES:
            break
    return content
