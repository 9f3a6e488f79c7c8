# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from vit_perception.evaluation.rows.looked_at import LookedAt
from vit_perception.evaluation.tuning.choice import Choice
from vit_perception.evaluation.tuning.metric import Metric, checked_parameters
from vit_perception.evaluation.tuning.search import Question, Tried, search

from .seen import crowded, seen

pytest.importorskip("hotcoco")
pytest.importorskip("optuna")

NAMES = ("mug", "bowl")
MUG, BOWL, BESIDE = (10, 10, 30, 30), (50, 50, 80, 80), (10, 60, 30, 80)
PRESENT = Choice(0.5, 0.5)


def question(
    metric: str = "f1", parameters: tuple[str, ...] = (), per_name: bool = False, **others: object
) -> Question:
    given = {"names": NAMES, "present": PRESENT, "most": 100, "agnostic": False} | others
    parsed = Metric.parse(metric)
    chosen = checked_parameters(parsed, parameters, per_name)
    return Question(metric=parsed, parameters=chosen, per_name=per_name, **given)


def pictures(count: int = 12) -> list[LookedAt]:
    """Mugs are found with 0.3, bowls with 0.8; beside them "mugs" with 0.2, "bowls" with 0.7."""
    things = [("mug", MUG), ("bowl", BOWL)]
    rows = [(1, 0.8, BOWL), (1, 0.7, BESIDE), (0, 0.3, MUG), (0, 0.2, BESIDE)]
    return [seen(number, things, rows) for number in range(count)]


def found(asked: Question, frames: list[LookedAt], trials: int = 20) -> tuple[Choice, float]:
    return search(Tried(frames, asked), trials, 0, lambda done: None)


def test_each_name_gets_the_threshold_that_it_needs() -> None:
    choice, value = found(question(per_name=True), pictures())
    assert value == 1
    assert 0.2 < choice.own.get("mug", choice.score) <= 0.3
    assert 0.7 < choice.own.get("bowl", choice.score) <= 0.8
    assert choice.score == PRESENT.score  # of no name


def test_one_threshold_of_all_names_is_a_compromise() -> None:
    choice, value = found(question(), pictures())
    assert not choice.own
    assert 0.2 < choice.score <= 0.3
    assert value == pytest.approx(4 / 5)


def test_names_with_few_objects_share_a_threshold() -> None:
    tried = Tried(pictures(9), question(per_name=True))
    assert tried.names_apart() == ()
    frames = [*pictures(9), seen(9, [("mug", MUG)], [])]
    tried = Tried(frames, question(per_name=True))
    assert tried.names_apart() == (0,)
    choice, _ = search(tried, 5, 0, lambda done: None)
    assert set(choice.own) <= {"mug"}
    assert Tried(frames, question()).names_apart() == ()


def test_a_fixed_parameter_stays() -> None:
    assert found(question(parameters=("iou_threshold",)), pictures())[0].score == 0.5
    assert found(question(parameters=("score_threshold",)), pictures())[0].iou == 0.5


def test_the_present_thresholds_stay_unless_others_are_better() -> None:
    present = Choice(0.293, 0.47)
    choice, _ = found(question(present=present), pictures())
    assert choice == present


def test_suppression_is_tuned() -> None:
    """Two mugs that overlap by a third, and each found twice."""
    beside = (20, 10, 40, 30)
    again = (11, 10, 31, 30), (21, 10, 41, 30)
    rows = [(0, 0.9, MUG), (0, 0.8, again[0]), (0, 0.7, beside), (0, 0.6, again[1])]
    frames = [seen(n, [("mug", MUG), ("mug", beside)], rows) for n in range(10)]
    for metric in ("f1", "ap"):
        asked = question(metric, ("iou_threshold",), present=Choice(0.5, 0.95))
        choice, value = found(asked, frames)
        assert value == pytest.approx(1)
        assert 0.35 <= choice.iou <= 0.9


def test_recall_at_a_precision() -> None:
    choice, value = found(question("recall@precision=0.99", per_name=True), pictures())
    assert value == 1
    choice, value = found(question("recall@precision=0.99"), pictures())
    assert value == 0.5
    assert 0.7 < choice.score <= 0.8
    beside = [seen(n, [("mug", MUG)], [(0, 0.9, BESIDE), (0, 0.3, MUG)]) for n in range(10)]
    assert found(question("recall@precision=0.9"), beside)[1] < 0


def test_names_that_suppress_each_other_are_tried_as_they_are_published() -> None:
    """A false bowl over each mug hides it, unless the bowls' own threshold leaves it out."""
    rows = [(1, 0.9, BOWL), (1, 0.6, (11, 10, 31, 30)), (0, 0.4, MUG)]
    frames = [seen(n, [("mug", MUG), ("bowl", BOWL)], rows) for n in range(10)]
    asked = question(per_name=True, agnostic=True)
    tried = Tried(frames, asked)
    assert tried.value(Choice(0.3, 0.5)) == pytest.approx(0.5)
    assert tried.value(Choice(0.3, 0.5, {"bowl": 0.7})) == 1
    choice, value = search(tried, 60, 0, lambda done: None)
    assert value == 1
    assert choice.own


def test_a_search_repeats() -> None:
    frames = crowded(1, NAMES, pictures=10)
    asked = question(per_name=True)
    assert found(asked, frames, 30) == found(asked, frames, 30)


@pytest.mark.parametrize("metric", ["f1", "ap", "recall@precision=0.3"])
def test_what_is_found_is_never_worse(metric: str) -> None:
    frames = crowded(2, NAMES, pictures=10)
    tried = Tried(frames, question(metric))
    choice, value = search(tried, 10, 0, lambda done: None)
    assert value == tried.value(choice)
    assert value >= tried.value(PRESENT)


def test_the_progress_counts_what_is_tried(caplog: pytest.LogCaptureFixture) -> None:
    told: list[int] = []
    search(Tried(pictures(), question(parameters=("score_threshold",))), 7, 0, told.append)
    assert told == list(range(1, 2 + 7 + 1))  # the present, the best by counting
    assert not caplog.records


def test_an_interrupt_ends_the_search() -> None:
    def interrupted(done: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search(Tried(pictures(), question()), 5, 0, interrupted)


def test_thresholds_reach_the_weakest_rows() -> None:
    assert question().least == 0.01
    assert question("ap").least == 0.001
    assert question(present=Choice(0.002, 0.5)).least == 0.002
    assert np.float32(question(parameters=("iou_threshold",)).least) == np.float32(0.5)
