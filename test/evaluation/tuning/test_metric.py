# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from vit_perception.evaluation.errors import EvaluationError
from vit_perception.evaluation.tuning.metric import Counts, Metric, checked_parameters


def test_figures_of_counts() -> None:
    counts = Counts(true=6, false=2, objects=12)
    assert counts.precision == 0.75
    assert counts.recall == 0.5
    assert counts.f1 == pytest.approx(0.6)


def test_nothing_found_and_nothing_there_is_nothing() -> None:
    counts = Counts(0, 0, 0)
    assert (counts.precision, counts.recall, counts.f1) == (0, 0, 0)


@pytest.mark.parametrize("text", ["f1", "ap", "recall@precision=0.9", "recall@precision=1"])
def test_a_metric_is_written_as_it_is_read(text: str) -> None:
    assert str(Metric.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    ["", "F1", "f1=3", "recall", "recall@precision=", "recall@precision=0", "precision=0.9"]
    + ["recall@precision=1.1", "recall@precision=nan", "recall@precision=inf", "f\n1", "r=0.9"],
)
def test_other_metrics_are_refused_in_one_line(text: str) -> None:
    with pytest.raises(EvaluationError, match="expected f1, ap or recall@precision=P") as caught:
        Metric.parse(text)
    assert "\n" not in str(caught.value)


def test_recall_counts_once_the_precision_is_reached() -> None:
    metric = Metric.parse("recall@precision=0.75")
    reached, missed, further = Counts(3, 1, 10), Counts(9, 4, 10), Counts(9, 9, 10)
    assert metric.of(reached) == 0.3
    assert metric.of(further) < metric.of(missed) < 0
    assert [metric.reached_by(each) for each in (reached, missed)] == [True, False]
    assert Metric("f1").reached_by(missed)


@pytest.mark.parametrize(
    ("metric", "given", "per_name", "chosen"),
    [
        ("f1", (), False, ("score_threshold", "iou_threshold")),
        ("f1", ("iou_threshold",), False, ("iou_threshold",)),
        ("f1", ("iou_threshold", "score_threshold"), True, ("score_threshold", "iou_threshold")),
        ("ap", (), False, ("iou_threshold",)),
        ("ap", ("iou_threshold",), False, ("iou_threshold",)),
    ],
)
def test_parameters_that_act(
    metric: str, given: tuple[str, ...], per_name: bool, chosen: tuple[str, ...]
) -> None:
    assert checked_parameters(Metric.parse(metric), given, per_name) == chosen


@pytest.mark.parametrize(
    ("metric", "given", "per_name", "told"),
    [
        ("f1", ("max_detections",), False, "expected score_threshold or iou_threshold, found"),
        ("ap", ("score_threshold",), False, "only iou_threshold acts on it"),
        ("ap", (), True, "--per-class: expected f1 or recall@precision=P"),
        ("f1", ("iou_threshold",), True, "--per-class: expected --parameter score_threshold"),
    ],
)
def test_parameters_that_do_not_act_are_refused(
    metric: str, given: tuple[str, ...], per_name: bool, told: str
) -> None:
    with pytest.raises(EvaluationError, match=told):
        checked_parameters(Metric.parse(metric), given, per_name)
