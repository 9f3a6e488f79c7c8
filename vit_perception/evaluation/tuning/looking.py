# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Looks at pictures and keeps the rows, not the pictures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from vit_perception.bags.reader import BagDamageError
from vit_perception.detections import Detections
from vit_perception.evaluation.errors import EvaluationError
from vit_perception.evaluation.report.frames_again import FrameOf, check_unchanged
from vit_perception.evaluation.rows.account import LINES_SHOWN
from vit_perception.evaluation.rows.looked_at import FrameRows, LookedAt
from vit_perception.evaluation.samples.sample import LeftOut, Sample, SampleSequence
from vit_perception.evaluation.tuning.choice import Choice
from vit_perception.frame import Frame
from vit_perception.perceiver.perceiver import Perceiver
from vit_perception.perceiver.settings import Settings
from vit_perception.perceiver.stages import StageTimes
from vit_perception.wording import shown

Predict = Callable[[Frame], Detections]
Ask = Callable[[Choice, int], Predict]
"""Takes thresholds and how many detections of a picture to give."""
Progress = Callable[[int], None]
WITHOUT_TRUTH = "without truth"


@dataclass
class Seen:
    """Pictures with truth, and what was found in them.

    Attributes:
        frames: in order, each with the rows of one run; the truth without masks.
        weakest: of each of them the lowest score of the graph's rows; 0 without any.
        left_out: pictures that were not looked at, by cause.
        lines: what is wrong with the first of them.
        unused: what is true of no picture that was read, by cause.
        damage: what bags say of pictures that are missing.
    """

    frames: list[LookedAt] = field(default_factory=list)
    weakest: list[float] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    lines: list[str] = field(default_factory=list)
    unused: Counter[str] = field(default_factory=Counter)
    damage: list[str] = field(default_factory=list)


def asking(perceiver: Perceiver, *, agnostic: bool = False) -> Ask:
    """Returns what asks a perceiver for the names that it has, without masks.

    Args:
        perceiver: with names.
        agnostic: whether boxes of different names suppress each other.
    """

    def ask(choice: Choice, most: int) -> Predict:
        settings = Settings(
            choice.score,
            choice.iou,
            max_detections=most,
            class_agnostic_nms=agnostic,
            masks=False,
            class_thresholds=choice.own,
        )
        query = perceiver.prepare(settings=settings)
        return lambda frame: perceiver.look(frame, query, StageTimes())

    return ask


def look(
    sequences: Sequence[SampleSequence],
    names: tuple[str, ...],
    predict: Predict,
    *,
    least: float = 0.0,
    progress: Progress = lambda done: None,
) -> Seen:
    """Looks at the pictures with truth.

    Args:
        sequences: pictures.
        names: that `predict` asks for.
        predict: gives detections of a frame.
        least: rows with lower scores are not kept.
        progress: called with the number of pictures read so far.

    Raises:
        EvaluationError: a picture, or what is true of it, does not fit.
    """
    seen = Seen()
    done = 0
    for sequence in sequences:
        for sample in _samples(sequence, seen):
            done += 1
            if isinstance(sample, LeftOut):
                seen.left_out[sample.cause] += 1
                seen.lines += [sample.line][: LINES_SHOWN - len(seen.lines)]
            elif sample.truth is None:
                seen.left_out[WITHOUT_TRUTH] += 1
            else:
                _keep(seen, sequence.key, sample, _checked(predict(sample.frame), names), least)
            progress(done)
        seen.unused.update(sequence.unused())
    return seen


def look_again(
    frames: Sequence[LookedAt],
    names: tuple[str, ...],
    predict: Predict,
    frame_of: FrameOf,
    *,
    progress: Progress = lambda done: None,
) -> list[LookedAt]:
    """Looks at pictures that were looked at before; returns them with the rows of now.

    Args:
        frames: of all sequences, each in order.
        names: that `predict` asks for.
        predict: gives detections of a frame.
        frame_of: gives the picture of a sequence that has a number.
        progress: called with the number of pictures so far.

    Raises:
        EvaluationError: a picture is not the same any more.
    """
    again = []
    for done, frame in enumerate(frames, start=1):
        picture = frame_of(frame.sequence, frame.number)
        check_unchanged(frame, picture)
        found = _checked(predict(picture), names)
        rows = FrameRows(found.boxes, found.scores, found.labels, None)
        again.append(replace(frame, rows=(rows,)))
        progress(done)
    return again


def _samples(sequence: SampleSequence, seen: Seen) -> Iterator[Sample | LeftOut]:
    try:
        yield from sequence.samples()
    except BagDamageError as error:
        seen.damage.append(str(error))


def _keep(
    seen: Seen,
    key: str,
    sample: Sample,
    found: Detections,
    least: float,
) -> None:
    assert sample.truth is not None
    rows = np.flatnonzero(found.scores >= least)
    seen.frames.append(
        LookedAt(
            sequence=key,
            number=sample.number,
            name=sample.name,
            stamp=sample.frame.stamp,
            size=(sample.frame.height, sample.frame.width),
            truth=replace(sample.truth, masks=None),
            rows=(FrameRows(found.boxes[rows], found.scores[rows], found.labels[rows], None),),
        )
    )
    seen.weakest.append(float(found.scores.min(initial=np.inf)) if len(found) else 0.0)


def _checked(found: Detections, names: tuple[str, ...]) -> Detections:
    if found.names != names:
        raise EvaluationError(
            f"expected detections of {shown(names)}, found some of {shown(found.names)}"
        )
    return found
