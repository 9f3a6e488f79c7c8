# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What thresholds are chosen for."""

from __future__ import annotations

import math
from dataclasses import dataclass

from vit_perception.evaluation.errors import EvaluationError
from vit_perception.wording import shown

F1 = "f1"
AP = "ap"
RECALL = "recall"
SCORE = "score_threshold"
IOU = "iou_threshold"
PARAMETERS = (SCORE, IOU)
"""What can be tuned, as the node calls it."""
_AT = f"{RECALL}@precision="


@dataclass(frozen=True, slots=True)
class Counts:
    """What was found, all pictures and names together.

    Attributes:
        true: detections of an object.
        false: detections of nothing.
        objects: there are.
    """

    true: int
    false: int
    objects: int

    @property
    def precision(self) -> float:
        """Share of the detections that are true; 0 without any."""
        return self.true / max(1, self.true + self.false)

    @property
    def recall(self) -> float:
        """Share of the objects that are found; 0 without any."""
        return self.true / max(1, self.objects)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return 2 * self.true / max(1, self.true + self.false + self.objects)


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure that is to be high.

    Attributes:
        kind: F1, AP or RECALL.
        precision: that has to be reached at least; 0 but for RECALL.
    """

    kind: str
    precision: float = 0.0

    @classmethod
    def parse(cls, text: str) -> Metric:
        """Reads 'f1', 'ap' or 'recall@precision=0.9'.

        Raises:
            EvaluationError: another text.
        """
        if text in (F1, AP):
            return cls(text)
        kind, _, number = text.partition("=")
        try:
            precision = float(number)
        except ValueError:
            precision = math.nan
        if f"{kind}=" != _AT or not 0 < precision <= 1:
            raise EvaluationError(
                f"--metric: expected {F1}, {AP} or {_AT}P with P above 0 and at most 1, found "
                f"{shown(text)}"
            )
        return cls(RECALL, precision)

    def __str__(self) -> str:
        return f"{_AT}{self.precision:g}" if self.kind == RECALL else self.kind

    def reached_by(self, counts: Counts) -> bool:
        """Returns whether the precision that is asked for, if any, is reached."""
        return counts.precision >= self.precision

    def of(self, counts: Counts) -> float:
        """Returns how good counts are; of RECALL below 0 where the precision is not reached."""
        if self.kind == F1:
            return counts.f1
        if self.reached_by(counts):
            return counts.recall
        return counts.precision - self.precision - 1.0


def checked_parameters(
    metric: Metric, parameters: tuple[str, ...], per_name: bool
) -> tuple[str, ...]:
    """Returns what is tuned: the given parameters, or all that act on the metric.

    Raises:
        EvaluationError: an unknown one, or one that does not act on the metric.
    """
    for name in parameters:
        if name not in PARAMETERS:
            raise EvaluationError(
                f"--parameter: expected {' or '.join(PARAMETERS)}, found {shown(name)}"
            )
    if metric.kind == AP and (SCORE in parameters or per_name):
        option = "--per-class" if per_name else f"--parameter {SCORE}"
        raise EvaluationError(
            f"{option}: expected {F1} or {_AT}P as --metric, found {AP}, which takes detections "
            f"of any score; only {IOU} acts on it"
        )
    acting = [IOU] if metric.kind == AP else list(PARAMETERS)
    chosen = [name for name in acting if name in parameters] or acting
    if per_name and SCORE not in chosen:
        raise EvaluationError(
            f"--per-class: expected --parameter {SCORE} beside it, found {IOU} alone"
        )
    return tuple(chosen)
