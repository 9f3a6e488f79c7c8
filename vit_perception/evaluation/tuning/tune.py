# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Chooses thresholds on the first part of each sequence, and confirms them on the last."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np

from vit_perception.evaluation.errors import EvaluationError
from vit_perception.evaluation.report.frames_again import FrameOf
from vit_perception.evaluation.rows.looked_at import LookedAt
from vit_perception.evaluation.rows.run import LEAST_SCORE, PER_PICTURE
from vit_perception.evaluation.samples.sample import NO_LABELS, SampleSequence
from vit_perception.evaluation.tuning.choice import Choice
from vit_perception.evaluation.tuning.held_out import blocks, divided
from vit_perception.evaluation.tuning.judged import judge
from vit_perception.evaluation.tuning.looking import Ask, Seen, look, look_again
from vit_perception.evaluation.tuning.metric import AP, Counts
from vit_perception.evaluation.tuning.search import Question, Tried, search
from vit_perception.evaluation.tuning.verdict import Published, Verdict, compare, unchanged
from vit_perception.perceiver.settings import Settings
from vit_perception.setting import settings_of
from vit_perception.wording import shown, shown_path

Bar = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]
"""Takes a title and a total; gives what takes the number done so far."""

Again = Callable[[Collection[tuple[str, int]]], AbstractContextManager[FrameOf]]
"""Takes the keys of sequences and the numbers of their pictures, which can then be asked for."""

FEWEST_PICTURES = 10
ALL = Choice(0.0, 1.0)
"""Thresholds that leave out nothing."""
_MOST_ROWS = int(settings_of(Settings)["max_detections"].maximum or 0)


@dataclass(frozen=True, eq=False)
class Tuned:
    """Thresholds that were found, and what they are worth.

    Attributes:
        question: what was searched.
        choice: the thresholds.
        apart: names that could have a threshold of their own.
        chosen_on: pictures that they were chosen on.
        value_before, value_after: the metric on those, with the thresholds of now and these.
        held_out: pictures kept out.
        objects: in the held-out pictures.
        before, after: counts in the held-out pictures, with the thresholds of now and these.
        verdict: the comparison on the held-out pictures.
        limited: pictures in which the graph had no room for all rows above the lowest threshold
            that was tried.
        complete: score from which on no row is missing in any picture.
        seen: all pictures that were looked at.
    """

    question: Question
    choice: Choice
    apart: tuple[str, ...]
    chosen_on: int
    value_before: float
    value_after: float
    held_out: int
    objects: int
    before: Counts
    after: Counts
    verdict: Verdict
    limited: int
    complete: float
    seen: Seen


def tune(
    sequences: Sequence[SampleSequence],
    question: Question,
    ask: Ask,
    again: Again,
    *,
    trials: int,
    seed: int,
    bar: Bar,
) -> Tuned:
    """Searches thresholds, and runs the network with them once more on the held-out pictures.

    Args:
        sequences: pictures with truth.
        question: what is searched.
        ask: gives predictors that ask for the names of the question.
        again: reads pictures of the sequences once more.
        trials, seed: see `search`.
        bar: shows progress.

    Raises:
        EvaluationError: too few pictures with truth, no object that was asked for, or a picture
            that does not fit.
    """
    total = sum(len(sequence) for sequence in sequences)
    with bar("looking", total) as show:
        seen = look(
            sequences,
            question.names,
            ask(ALL, _MOST_ROWS),
            least=min(question.least, question.present.score),
            progress=show,
        )
    first, last = (
        [seen.frames[index] for index in part.tolist()] for part in divided(seen.frames)
    )
    _check(sequences, seen, question, first, last)
    tried = Tried(first, question)
    with bar("choosing", 0) as show:
        choice, value = search(tried, trials, seed, show)
    before = _before(last, question)
    if choice == question.present:
        after, verdict = before, unchanged(question.metric, before)
    else:
        with bar("confirming", len(last)) as show:
            after = _confirmed(last, question, choice, ask, again, show)
        verdict = compare(question.metric, before, after, blocks(last))
    return Tuned(
        question=question,
        choice=choice,
        apart=tuple(question.names[label] for label in tried.names_apart()),
        chosen_on=len(first),
        value_before=tried.value(question.present),
        value_after=value,
        held_out=len(last),
        objects=before.judged.objects,
        before=before.counts,
        after=after.counts,
        verdict=verdict,
        limited=sum(weakest > question.least for weakest in seen.weakest),
        complete=max(seen.weakest),
        seen=seen,
    )


def _check(
    sequences: Sequence[SampleSequence],
    seen: Seen,
    question: Question,
    first: Sequence[LookedAt],
    last: Sequence[LookedAt],
) -> None:
    count = len(seen.frames)
    where = _titles(sequences)
    if not count:
        raise EvaluationError(f"{where}: {NO_LABELS}")
    if count < FEWEST_PICTURES:
        raise EvaluationError(
            f"{where}: expected {FEWEST_PICTURES} pictures with truth or more, found {count}"
        )
    for part, which in ((first, "first"), (last, "last")):
        if not any(
            name in question.names and not crowd
            for frame in part
            if frame.truth is not None
            for name, crowd in zip(frame.truth.names, frame.truth.crowds.tolist(), strict=True)
        ):
            raise EvaluationError(
                f"{where}: expected objects called {shown(', '.join(question.names))} in the "
                f"{which} {len(part)} pictures, found none"
            )


def _before(frames: Sequence[LookedAt], question: Question) -> Published:
    """Returns what is published with the thresholds of now.

    One threshold of all names only cuts off the end of the graph's rows, so they need no other
    run.
    """
    names, present = question.names, question.present
    thresholds = present.thresholds(names)
    if question.metric.kind == AP:
        thresholds = np.full(len(names), LEAST_SCORE, np.float32)
    most = PER_PICTURE if question.metric.kind == AP else None
    judged = judge(frames, names, present.iou, thresholds, agnostic=question.agnostic, most=most)
    return Published(judged, thresholds, _most(question))


def _confirmed(
    frames: Sequence[LookedAt],
    question: Question,
    choice: Choice,
    ask: Ask,
    again: Again,
    progress: Callable[[int], None],
) -> Published:
    """Returns what the network publishes of the held-out pictures."""
    names = question.names
    given = choice if question.metric.kind != AP else Choice(LEAST_SCORE, choice.iou)
    predict = ask(given, _most(question))
    with again({(frame.sequence, frame.number) for frame in frames}) as frame_of:
        looked_at = look_again(frames, names, predict, frame_of, progress=progress)
    everything = np.zeros(len(names), np.float32)
    judged = judge(looked_at, names, ALL.iou, everything)
    return Published(judged, everything, _most(question))


def _most(question: Question) -> int:
    return PER_PICTURE if question.metric.kind == AP else question.most


def _titles(sequences: Sequence[SampleSequence]) -> str:
    return ", ".join(shown_path(sequence.title) for sequence in sequences)
