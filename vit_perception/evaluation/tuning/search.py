# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Searches thresholds with Optuna."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vit_perception.evaluation.rows.looked_at import LookedAt
from vit_perception.evaluation.tuning.average_precision import LEAST_SCORE, MOST, average_precision
from vit_perception.evaluation.tuning.choice import (
    FEWEST_OBJECTS,
    IOUS,
    SCORES,
    Choice,
    best_common,
    best_of_names,
)
from vit_perception.evaluation.tuning.judged import Judged, judge
from vit_perception.evaluation.tuning.metric import AP, IOU, SCORE, Metric

if TYPE_CHECKING:
    from optuna import Trial

_OWN = "own/"


@dataclass(frozen=True)
class Question:
    """What is searched.

    Attributes:
        names: that were asked for.
        metric: is to be high.
        parameters: that may change, SCORE, IOU or both.
        per_name: whether names may have score thresholds of their own.
        present: thresholds of now.
        most: detections that a robot publishes of a picture.
        agnostic: whether boxes of different names suppress each other.
    """

    names: tuple[str, ...]
    metric: Metric
    parameters: tuple[str, ...]
    per_name: bool
    present: Choice
    most: int
    agnostic: bool

    @property
    def scores(self) -> tuple[float, ...]:
        """The score thresholds to choose from, ascending."""
        present = self.present.score
        return tuple(sorted({*SCORES, present})) if SCORE in self.parameters else (present,)

    @property
    def ious(self) -> tuple[float, ...]:
        """The thresholds of suppression to choose from, ascending."""
        present = self.present.iou
        return tuple(sorted({*IOUS, present})) if IOU in self.parameters else (present,)

    @property
    def least(self) -> float:
        """The score below which no row matters."""
        return LEAST_SCORE if self.metric.kind == AP else self.scores[0]


class Tried:
    """What any thresholds give on the same pictures.

    Args:
        frames: with truth, and the rows of one run before thresholds and suppression.
        question: see there.
    """

    def __init__(self, frames: Sequence[LookedAt], question: Question) -> None:
        self._frames = frames
        self.question = question
        self._known: dict[float, Judged] = {}

    def judged(self, choice: Choice) -> Judged:
        """Returns the judged detections, in general those below the score thresholds too."""
        question = self.question
        names, agnostic = question.names, question.agnostic
        if agnostic and choice.own:
            # A row below its own threshold must not suppress a weaker one of another name.
            thresholds = choice.thresholds(names)
            return judge(self._frames, names, choice.iou, thresholds, agnostic=True)
        if choice.iou not in self._known:
            thresholds = np.full(len(names), question.least, np.float32)
            most = MOST if question.metric.kind == AP else None
            self._known[choice.iou] = judge(
                self._frames, names, choice.iou, thresholds, agnostic=agnostic, most=most
            )
        return self._known[choice.iou]

    def value(self, choice: Choice) -> float:
        """Returns the metric with these thresholds."""
        question = self.question
        judged = self.judged(choice)
        if question.metric.kind == AP:
            return average_precision(judged)
        counts = judged.counts(choice.thresholds(question.names), question.most)
        return question.metric.of(counts)

    def names_apart(self) -> tuple[int, ...]:
        """Returns the labels of the names that can have a threshold of their own."""
        if not self.question.per_name:
            return ()
        judged = self.judged(Choice(self.question.present.score, self.question.present.iou))
        enough = judged.matches.objects.sum(axis=0) >= FEWEST_OBJECTS
        return tuple(np.flatnonzero(enough).tolist())


def search(
    tried: Tried, trials: int, seed: int, progress: Callable[[int], None]
) -> tuple[Choice, float]:
    """Returns the best thresholds and what the metric is with them.

    Tried are those of now, for each threshold of suppression those that are best by counting, and
    then `trials` more, which Optuna's tree-structured Parzen estimator chooses. Of several that
    are as good the first are taken, so those of now stay unless others are better.

    Args:
        tried: what thresholds give.
        trials: see above.
        seed: of the estimator.
        progress: called with the number of thresholds tried so far.
    """
    import optuna

    question = tried.question
    scores, ious, names = question.scores, question.ious, question.names
    apart = tried.names_apart()
    last = {f"{_OWN}{label}": len(scores) - 1 for label in apart} | {IOU: len(ious) - 1}
    if len(apart) < len(names):  # otherwise no name has the common one
        last[SCORE] = len(scores) - 1

    def choice_at(places: Mapping[str, int]) -> Choice:
        own = {names[label]: scores[places[f"{_OWN}{label}"]] for label in apart}
        common = scores[places[SCORE]] if SCORE in last else question.present.score
        return Choice(common, ious[places[IOU]], own)

    def place_of(choice: Choice) -> dict[str, int]:
        own = {label: choice.own.get(names[label], choice.score) for label in apart}
        places = {SCORE: scores.index(choice.score), IOU: ious.index(choice.iou)}
        places |= {f"{_OWN}{label}": scores.index(each) for label, each in own.items()}
        return {name: places[name] for name in last}

    def objective(trial: Trial) -> float:
        places = {name: trial.suggest_int(name, 0, high) for name, high in last.items()}
        return tried.value(choice_at(places))

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    sampler = optuna.samplers.TPESampler(seed=seed)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    first = [question.present, *_counted(tried, apart)]
    for choice in first:
        study.enqueue_trial(place_of(choice), skip_if_exists=True)
    # Thresholds of suppression alone were tried all.
    more = trials if len(scores) > 1 else 0
    study.optimize(
        objective,
        n_trials=len(study.get_trials(deepcopy=False)) + more,
        callbacks=[lambda _, trial: progress(trial.number + 1)],
    )
    return choice_at(study.best_params), float(study.best_value)


def _counted(tried: Tried, apart: Sequence[int]) -> list[Choice]:
    """Returns for each threshold of suppression what is best by counting, nearest first."""
    question = tried.question
    choices = []
    for iou in sorted(question.ious, key=lambda each: abs(each - question.present.iou)):
        choice = Choice(question.present.score, iou)
        if question.metric.kind != AP:
            judged = tried.judged(choice)
            choice = Choice(best_common(judged, question.metric, question.scores), iou)
            choices.append(choice)
            if apart:
                common, own = best_of_names(judged, question.metric, question.scores, apart)
                singles = {question.names[label]: score for label, score in own.items()}
                choice = Choice(common, iou, singles)
        choices.append(choice)
    return choices
