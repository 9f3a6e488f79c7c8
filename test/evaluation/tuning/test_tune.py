# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Tuning with the toy detector, which gives pale squares low scores."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from vit_perception.detections import Detections
from vit_perception.evaluation.errors import EvaluationError
from vit_perception.evaluation.samples.sample import LeftOut, Sample
from vit_perception.evaluation.tuning.choice import Choice
from vit_perception.evaluation.tuning.looking import Ask, Predict, asking
from vit_perception.evaluation.tuning.metric import Metric, checked_parameters
from vit_perception.evaluation.tuning.search import Question
from vit_perception.evaluation.tuning.tune import tune
from vit_perception.frame import Frame
from vit_perception.perceiver.perceiver import Perceiver

from ...toy_bundle import DEFAULT_NAMES
from .pale import RED, pictures
from .seen import GivenSequence, truth_of

pytest.importorskip("hotcoco")
pytest.importorskip("optuna")

PRESENT = Choice(0.6, 0.3)


def ask_of(perceiver: Perceiver, asked: list[Choice] | None = None) -> Ask:
    ask = asking(perceiver)

    def noted(choice: Choice, most: int) -> Predict:
        if asked is not None:
            asked.append(choice)
        return ask(choice, most)

    return noted


@contextmanager
def no_bar(title: str, total: int) -> Iterator[Callable[[int], None]]:
    yield lambda done: None


def question(metric: str = "f1", **others: object) -> Question:
    asked = Question(
        names=DEFAULT_NAMES,
        metric=Metric.parse(metric),
        parameters=checked_parameters(Metric.parse(metric), (), False),
        per_name=False,
        present=PRESENT,
        most=100,
        agnostic=False,
    )
    return replace(asked, **others)  # type: ignore[arg-type]


def test_thresholds_that_are_better_on_held_out_pictures(toy_perceiver: Perceiver) -> None:
    asked: list[Choice] = []
    data = GivenSequence(pictures(20))
    ask = ask_of(toy_perceiver, asked)
    tuned = tune([data], question(), ask, data.again, trials=5, seed=0, bar=no_bar)
    assert (tuned.chosen_on, tuned.held_out, tuned.objects) == (14, 6, 12)
    assert 0.14 <= tuned.choice.score <= 0.42
    assert (tuned.before.true, tuned.before.false) == (6, 6)
    assert (tuned.after.true, tuned.after.false) == (12, 6)
    assert tuned.verdict.better
    assert (tuned.verdict.before, tuned.verdict.after) == (0.5, pytest.approx(0.8))
    # The network ran once over all, and once more over those that were held out.
    assert [each.iou for each in asked] == [1.0, tuned.choice.iou]
    assert data.read == 1
    assert data.asked == [("bag", number) for number in range(14, 20)]


@pytest.mark.parametrize("agnostic", [False, True])
def test_thresholds_of_names_are_confirmed(toy_perceiver: Perceiver, agnostic: bool) -> None:
    asked = question(per_name=True, agnostic=agnostic)
    data = GivenSequence(pictures(20))
    ask = ask_of(toy_perceiver)
    tuned = tune([data], asked, ask, data.again, trials=5, seed=0, bar=no_bar)
    assert tuned.apart == ("red", "blue")
    assert tuned.verdict.better
    assert tuned.after.f1 == 1


def test_the_figures_are_those_of_the_perceiver(toy_perceiver: Perceiver) -> None:
    """Counted again from what a robot would publish of the held-out pictures."""
    samples = pictures(20)
    data = GivenSequence(samples)
    asked = question(per_name=True)
    ask = ask_of(toy_perceiver)
    tuned = tune([data], asked, ask, data.again, trials=5, seed=0, bar=no_bar)
    for choice, counts in ((PRESENT, tuned.before), (tuned.choice, tuned.after)):
        found = [ask(choice, 100)(sample.frame) for sample in samples[14:]]
        assert sum(map(len, found)) == counts.true + counts.false


def test_a_short_recording_says_nothing_of_others(toy_perceiver: Perceiver) -> None:
    data = GivenSequence(pictures(20, period=100_000_000))
    tuned = tune(
        [data], question(), ask_of(toy_perceiver), data.again, trials=0, seed=0, bar=no_bar
    )
    assert tuned.after.f1 > tuned.before.f1
    assert not tuned.verdict.better
    assert tuned.verdict.sentence.startswith("Cannot tell: ")


def test_the_end_of_a_recording_guards_against_its_beginning(toy_perceiver: Perceiver) -> None:
    """What is pale is labelled at first, and is something else at the end."""
    shown = pictures(14)
    others = [
        replace(sample, truth=truth_of([("blue", sample.truth.boxes[1].tolist())]))
        for sample in pictures(6, first=14)
        if sample.truth is not None
    ]
    data = GivenSequence([*shown, *others])
    tuned = tune(
        [data], question(), ask_of(toy_perceiver), data.again, trials=0, seed=0, bar=no_bar
    )
    assert tuned.value_after > tuned.value_before
    assert not tuned.verdict.better
    assert tuned.verdict.sentence.startswith("Worse: ")


def test_present_thresholds_that_are_good_stay(toy_perceiver: Perceiver) -> None:
    asked: list[Choice] = []
    present = Choice(0.3, 0.3)
    ask = ask_of(toy_perceiver, asked)
    data = GivenSequence(pictures(20))
    tuned = tune([data], question(present=present), ask, data.again, trials=5, seed=0, bar=no_bar)
    assert tuned.choice == present
    assert not tuned.verdict.better
    assert tuned.verdict.sentence.startswith("No better: ")
    assert len(asked) == 1


def test_suppression_for_average_precision(toy_perceiver: Perceiver) -> None:
    """With 1.0 the boxes beside the blue square stand before the pale one."""
    asked: list[Choice] = []
    ask = ask_of(toy_perceiver, asked)
    present = Choice(0.6, 1.0)
    data = GivenSequence(pictures(20))
    tuned = tune(
        [data], question("ap", present=present), ask, data.again, trials=5, seed=0, bar=no_bar
    )
    assert tuned.choice.score == 0.6
    assert tuned.value_after >= tuned.value_before
    assert tuned.verdict.figure == "AP50"
    assert all(each.score <= 0.001 for each in asked)


def test_pictures_with_more_rows_than_the_graph_gives_are_counted(
    toy_perceiver: Perceiver,
) -> None:
    def ask(choice: Choice, most: int) -> Predict:
        predict = ask_of(toy_perceiver)(choice, most)

        def few(frame: Frame) -> Detections:
            found = predict(frame)
            return Detections(found.boxes[:4], found.scores[:4], found.labels[:4], found.names, 0)

        return few

    data = GivenSequence(pictures(20))
    assert tune([data], question(), ask, data.again, trials=0, seed=0, bar=no_bar).limited == 20
    whole = tune(
        [data], question(), ask_of(toy_perceiver), data.again, trials=0, seed=0, bar=no_bar
    )
    assert whole.limited == 0


def test_pictures_without_truth_are_left_out(toy_perceiver: Perceiver) -> None:
    broken = LeftOut(50, "broken", "image 50: expected a JPEG, found none")
    data = GivenSequence([*pictures(20), broken, *pictures(5, first=60, shown=False)])
    tuned = tune(
        [data], question(), ask_of(toy_perceiver), data.again, trials=0, seed=0, bar=no_bar
    )
    assert (tuned.chosen_on, tuned.held_out) == (14, 6)
    assert dict(tuned.seen.left_out) == {"broken": 1, "without truth": 5}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (pictures(20, shown=False), "expected pictures with labels, found none; 'compare'"),
        (pictures(9), "expected 10 pictures with truth or more, found 9"),
        (
            [replace(each, truth=truth_of([])) for each in pictures(14)] + pictures(6, first=14),
            "expected objects called 'red, green, blue' in the first 14 pictures, found none",
        ),
        (
            pictures(14)
            + [replace(e, truth=truth_of([("cup", RED)])) for e in pictures(6, first=14)],
            "in the last 6 pictures, found none",
        ),
    ],
)
def test_data_that_say_too_little_are_refused(
    given: list[Sample], told: str, toy_perceiver: Perceiver
) -> None:
    data = GivenSequence(given, title="bag /camera")
    with pytest.raises(EvaluationError, match=f"^bag /camera: .*{told}") as caught:
        tune([data], question(), ask_of(toy_perceiver), data.again, trials=0, seed=0, bar=no_bar)
    assert "\n" not in str(caught.value)


def test_data_that_change_meanwhile_are_refused(toy_perceiver: Perceiver) -> None:
    data, others = GivenSequence(pictures(20)), GivenSequence(pictures(20, period=5))
    with pytest.raises(EvaluationError, match="^'bag': .* the data have changed meanwhile"):
        tune([data], question(), ask_of(toy_perceiver), others.again, trials=0, seed=0, bar=no_bar)
