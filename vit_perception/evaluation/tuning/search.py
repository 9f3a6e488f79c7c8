# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Searches thresholds with Optuna."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vit_perception.evaluation.rows.looked_at import LookedAt
from vit_perception.evaluation.rows.run import LEAST_SCORE, PER_PICTURE
from vit_perception.evaluation.tuning.average_precision import average_precision
from vit_perception.evaluation.tuning.choice import (
    FEWEST_OBJECTS,
    IOUS,
    SCORES,
    Choice,
    best_common,
    best_of_names,
)
from vit_perception.evaluation.tuning.judged import judge
from vit_perception.evaluation.tuning.metric import AP, IOU, SCORE, Metric
from vit_perception.evaluation.tuning.tally import Tally, joined, tally

if TYPE_CHECKING:
    from optuna import Trial

_OWN = "own/"
_PICTURES_AT_ONCE = 256


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
        self._tallies: dict[float, Tally] = {}
        self._precisions: dict[float, float] = {}

    def tally(self, choice: Choice) -> Tally:
        """Returns the judged detections, in general those below the score thresholds too."""
        question = self.question
        if question.agnostic and choice.own:
            # A row below its own threshold must not suppress a weaker one of another name.
            return self._tally(choice.iou, choice.thresholds(question.names))
        if choice.iou not in self._tallies:
            self._tallies[choice.iou] = self._tally(choice.iou, self._least)
        return self._tallies[choice.iou]

    def value(self, choice: Choice) -> float:
        """Returns the metric with these thresholds, which are among those of the question."""
        question = self.question
        if question.metric.kind == AP:
            return self._precision(choice.iou)
        scores = (choice.own.get(name, choice.score) for name in question.names)
        places = np.array([question.scores.index(score) for score in scores], np.int64)
        return question.metric.of(self.tally(choice).counts(places, question.most))

    def _tally(self, iou: float, least: NDArray[np.float32]) -> Tally:
        question, frames = self.question, self._frames
        # What judging needs is kept of a few pictures at a time.
        return joined(
            [
                tally(
                    judge(
                        frames[first : first + _PICTURES_AT_ONCE],
                        question.names,
                        iou,
                        least,
                        agnostic=question.agnostic,
                    ),
                    question.scores,
                )
                for first in range(0, len(frames), _PICTURES_AT_ONCE)
            ]
        )

    def _precision(self, iou: float) -> float:
        question = self.question
        if iou not in self._precisions:
            judged = judge(
                self._frames,
                question.names,
                iou,
                self._least,
                agnostic=question.agnostic,
                most=PER_PICTURE,
            )
            self._precisions[iou] = average_precision(judged)
        return self._precisions[iou]

    @property
    def _least(self) -> NDArray[np.float32]:
        return np.full(len(self.question.names), self.question.least, np.float32)

    def names_apart(self) -> tuple[int, ...]:
        """Returns the labels of the names that can have a threshold of their own."""
        if not self.question.per_name:
            return ()
        objects = self.tally(self.question.present).objects
        return tuple(np.flatnonzero(objects >= FEWEST_OBJECTS).tolist())


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
            counted = tried.tally(choice)
            choice = Choice(best_common(counted, question.metric), iou)
            choices.append(choice)
            if apart:
                common, own = best_of_names(counted, question.metric, apart)
                singles = {question.names[label]: score for label, score in own.items()}
                choice = Choice(common, iou, singles)
        choices.append(choice)
    return choices
