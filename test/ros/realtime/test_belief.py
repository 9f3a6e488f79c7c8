# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from vit_perception.bags.messages import IMAGE
from vit_perception.detections import Detections
from vit_perception.evaluation.rows.looked_at import FrameRows, LookedAt
from vit_perception.ros.realtime.belief import Result, believed
from vit_perception.ros.realtime.pictures import Pictures

from .recorded import truth_of

MS = 1_000_000
PERIOD = 100 * MS
START = 1000 * PERIOD
NAMES = ("cup", "plate")


def rows(score: float) -> FrameRows:
    return FrameRows(
        np.array([[0, 0, 9, 9]], np.float32), np.array([score], np.float32), np.zeros(1, int), None
    )


def frame(
    number: int, corners: Sequence[tuple[str, float]], ids: Sequence[str] | None = None
) -> LookedAt:
    """A picture with squares of 10 px, by name and left side."""
    things = Detections(
        boxes=np.array([(x, 0, x + 10, 10) for _, x in corners], np.float32).reshape(-1, 4),
        scores=np.ones(len(corners), np.float32),
        labels=np.array([NAMES.index(name) for name, _ in corners], np.int64),
        names=NAMES,
        vocabulary_version=0,
    )
    stamp = START + number * PERIOD
    return LookedAt("s", number, "", stamp, (100, 100), truth_of(things, ids), (rows(0.1),))


def pictures(count: int) -> Pictures:
    stamps = tuple(START + number * PERIOD for number in range(count))
    return Pictures(IMAGE, stamps, stamps)


def result(number: int, arrived_ms: float) -> Result:
    """Of a picture; its score tells which."""
    return Result(arrived_ms / 1e3, START + number * PERIOD, rows(number / 8))


def clock(moment: float) -> int:
    return START + round(moment * 1e9)


def of(looked: Sequence[LookedAt]) -> list[int | None]:
    """Of which pictures the believed results are."""
    scores = [each.rows[0].scores for each in looked]
    return [round(float(each[0]) * 8) if len(each) else None for each in scores]


def test_the_newest_result_that_has_arrived_is_believed() -> None:
    frames = [frame(number, [("cup", 3.0 * number)]) for number in range(5)]
    # Of picture 1 just in time for the third; of picture 3 too late for all.
    results = [result(0, 150), result(1, 300), result(3, 401)]
    belief = believed(frames, results, pictures(5), clock)
    assert of(belief.pictures) == [None, None, 0, 1, 1]
    assert [each.truth for each in belief.pictures] == [each.truth for each in frames]
    assert belief.without == 2
    assert belief.ages_ms.tolist() == [200, 200, 300]
    assert belief.moved.tolist() == [6, 6, 9]


def test_a_recording_played_faster_is_judged_in_its_own_time() -> None:
    frames = [frame(number, []) for number in range(3)]
    results = [result(0, 60), result(1, 110)]
    at_once = believed(frames, results, pictures(3), clock)
    twice = believed(frames, results, pictures(3), lambda moment: clock(2 * moment))
    assert of(at_once.pictures) == [None, 0, 1]
    assert of(twice.pictures) == [None, None, 0]
    assert twice.ages_ms.tolist() == [200]


def test_pictures_without_truth_are_no_instants() -> None:
    known = frame(1, [])
    unknown = LookedAt("s", 0, "", START, (100, 100), None, (rows(0.1),))
    belief = believed([unknown, known], [result(0, 20)], pictures(2), clock)
    assert [each.number for each in belief.pictures] == [1]
    assert belief.ages_ms.tolist() == [100]
    assert belief.moved.size == 0


def test_nothing_is_believed_before_the_first_result() -> None:
    belief = believed([frame(0, [("cup", 0)])], [], pictures(1), clock)
    assert (of(belief.pictures), belief.without) == ([None], 1)
    assert belief.ages_ms.size == belief.moved.size == 0


@pytest.mark.parametrize(
    ("before", "now", "moved"),
    [
        ([("cup", 0), ("plate", 50)], [("plate", 54), ("cup", 3)], [3, 4]),
        ([("cup", 0), ("cup", 20), ("plate", 5)], [("cup", 1), ("cup", 21), ("plate", 5)], [0]),
        ([("cup", 0)], [("plate", 0)], []),
    ],
)
def test_things_are_followed_by_a_name_that_is_theirs_alone(
    before: Sequence[tuple[str, float]], now: Sequence[tuple[str, float]], moved: Sequence[float]
) -> None:
    belief = believed([frame(0, before), frame(1, now)], [result(0, 9)], pictures(2), clock)
    assert belief.moved.tolist() == moved


def test_things_are_followed_by_their_ids() -> None:
    before = frame(0, [("cup", 0), ("cup", 20)], ids=("a", "b"))
    now = frame(1, [("cup", 22), ("cup", 1)], ids=("b", "a"))
    belief = believed([before, now], [result(0, 9)], pictures(2), clock)
    assert belief.moved.tolist() == [1, 2]


def test_the_age_of_a_result_without_a_stamp_of_its_own_is_not_known() -> None:
    same = Pictures(IMAGE, (START, START), (START, START + PERIOD))
    frames = [frame(1, [("cup", 0)])]
    belief = believed(frames, [result(0, 9)], same, clock)
    assert of(belief.pictures) == [0]
    assert belief.ages_ms.size == 0
