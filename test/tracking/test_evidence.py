# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Followed things are named by all that was seen of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np
import pytest

from vit_perception.detections import Detections
from vit_perception.tracking.evidence import (
    LabelEvidence,
    averaged,
    chosen,
)
from vit_perception.tracking.evidence_graph import Verdict, judged, window_of
from vit_perception.tracking.evidence_window import FEATURES, STEPS
from vit_perception.tracking.tracks import Sighting, Track

NAMES = ("mug", "bowl", "can", "box")
SIZE = (200, 100)
BOX = np.array([50, 20, 90, 60], np.float32)
STEP = 100_000_000


def sighting(number: int, *told: tuple[str, float]) -> Sighting:
    return Sighting(number * STEP, *told[0], BOX, told)


def track(*sightings: Sighting) -> Track:
    return Track(sightings[-1].name, 1, deque(sightings))


def steady(count: int = 20) -> list[Sighting]:
    """A mug in all frames but the last, in which it is taken for a bowl."""
    seen = [sighting(n, ("mug", 0.8), ("bowl", 0.2)) for n in range(count - 1)]
    return [*seen, sighting(count - 1, ("bowl", 0.45), ("mug", 0.4))]


def stamps(sightings: Sequence[Sighting]) -> list[int]:
    return [each.stamp for each in sightings]


def found(*rows: tuple[int, str, float], names: tuple[str, ...] = NAMES) -> Detections:
    """Detections of id, name and score."""
    return Detections(
        np.tile(BOX, (len(rows), 1)),
        np.array([score for _, _, score in rows], np.float32),
        np.array([names.index(name) for _, name, _ in rows], np.int64),
        names,
        1,
        ids=np.array([key for key, _, _ in rows], np.int64),
    )


@pytest.mark.parametrize("mode", ["average", "transformer"])
def test_one_frame_does_not_rename_a_thing(mode: str) -> None:
    seen = steady()
    told = LabelEvidence().named(
        found((1, "bowl", 0.45)), {1: track(*seen)}, stamps(seen), SIZE, mode
    )
    assert [each.name for each in told] == ["mug"]
    assert 0.45 < told.scores[0] <= 1
    assert told.ids is not None
    assert told.ids.tolist() == [1]


def test_without_evidence_nothing_changes() -> None:
    seen = steady()
    told = LabelEvidence().named(
        found((1, "bowl", 0.45), (0, "can", 0.3)), {1: track(*seen)}, stamps(seen), SIZE, "none"
    )
    assert [each.name for each in told] == ["bowl", "can"]
    np.testing.assert_allclose(told.scores, [0.45, 0.3])


@pytest.mark.parametrize("mode", ["average", "transformer"])
def test_what_has_no_id_keeps_its_name_and_the_best_come_first(mode: str) -> None:
    seen = steady()
    told = LabelEvidence().named(
        found((0, "can", 0.999), (1, "bowl", 0.45), (0, "box", 0.05)),
        {1: track(*seen)},
        stamps(seen),
        SIZE,
        mode,
    )
    assert [each.name for each in told] == ["can", "mug", "box"]
    assert (np.diff(told.scores) <= 0).all()


@pytest.mark.parametrize("mode", ["average", "transformer"])
def test_names_that_are_no_longer_asked_for_are_not_told(mode: str) -> None:
    seen = steady()
    told = LabelEvidence().named(
        found((1, "bowl", 0.45), names=("box", "bowl")),
        {1: track(*seen)},
        stamps(seen),
        SIZE,
        mode,
    )
    assert [each.name for each in told] == ["bowl"]
    last = [*seen, Sighting(20 * STEP, "cup", 0.5, BOX)]
    told = LabelEvidence().named(
        found((1, "cup", 0.5), names=("cup",)), {1: track(*last)}, stamps(last), SIZE, mode
    )
    assert [each.name for each in told] == ["cup"]


def test_flips_time_and_probability_are_counted() -> None:
    evidence, seen = LabelEvidence(), steady()
    for number, each in enumerate(seen, start=1):
        evidence.named(
            found((1, each.name, each.score)),
            {1: track(*seen[:number])},
            stamps(seen[:number]),
            SIZE,
            "none",
        )
    assert evidence.counts.flips == 1
    assert evidence.counts.seconds == pytest.approx(1.9)
    assert evidence.counts.named == 20
    assert evidence.counts.probability == pytest.approx(19 * 0.8 + 0.45, abs=1e-4)
    # Forgotten things cannot flip.
    evidence.named(found(), {}, stamps(seen), SIZE, "none")
    evidence.named(found((1, "mug", 0.8)), {1: track(*seen)}, stamps(seen), SIZE, "none")
    assert evidence.counts.flips == 1


def test_the_average_fades_by_time_not_by_frames() -> None:
    early = [sighting(n, ("mug", 0.6), ("bowl", 0.3)) for n in range(3)]
    late = [sighting(30 + n, ("bowl", 0.6), ("mug", 0.3)) for n in range(2)]
    assert averaged([*early, *late], 31 * STEP, NAMES)[0] == "bowl"
    near = [replace_stamp(each, 3 + n) for n, each in enumerate(late)]
    assert averaged([*early, *near], 4 * STEP, NAMES)[0] == "mug"
    assert averaged(early, 2 * STEP, ("can",)) == ("", 0.0)


def replace_stamp(each: Sighting, number: int) -> Sighting:
    return each._replace(stamp=number * STEP)


def verdict(seen: Sequence[Sighting], names: tuple[str, ...] = NAMES) -> Verdict:
    return judged({1: track(*seen)}, stamps(seen), SIZE, names)[1]


def test_the_clock_changes_nothing() -> None:
    seen = steady()
    later = [each._replace(stamp=each.stamp + 1_767_225_600_000_000_000) for each in seen]
    np.testing.assert_allclose(
        verdict(later).probabilities, verdict(seen).probabilities, atol=1e-6
    )


def test_an_unrelated_name_changes_nothing_for_the_others() -> None:
    seen = steady()
    wider = [each._replace(candidates=(*each.candidates, ("can", 0.06))) for each in seen]
    before, after = verdict(seen), verdict(wider)
    assert before.names == ("mug", "bowl")
    assert after.names == ("mug", "bowl", "can")
    np.testing.assert_allclose(after.probabilities[:2], before.probabilities, atol=1e-6)
    # As the best competitor it does.
    strong = [each._replace(candidates=(*each.candidates, ("can", 0.9))) for each in seen]
    rival = verdict(strong)
    assert rival.probabilities[rival.names.index("mug")] < before.probabilities[0] - 0.05


def test_a_verdict_says_which_times_spoke_for_a_name() -> None:
    result = verdict(steady())
    assert result.shares.shape == (2, STEPS + FEATURES)
    assert (result.probabilities >= 0).all()
    assert (result.probabilities <= 1).all()


def test_a_thing_out_of_the_window_is_not_judged() -> None:
    seen = steady()
    assert judged({1: track(*seen)}, [*stamps(seen), 100 * STEP], SIZE, NAMES) == {}
    assert judged({}, [0], SIZE, NAMES) == {}


def test_the_window_knows_frames_without_the_thing() -> None:
    seen = steady(10)[::2]
    window = window_of(seen, [n * STEP for n in range(9)], SIZE, set(NAMES))
    assert window is not None
    assert window[0].frames == 9
    assert len(window[0].times) == 5
    np.testing.assert_allclose(window[0].boxes[0], [0.25, 0.2, 0.45, 0.6])


def test_a_name_that_another_thing_has_more_surely_is_less_likely() -> None:
    shares = np.zeros((2, STEPS + FEATURES), np.float32)
    unsure = Verdict(("mug", "bowl"), np.array([0.5, 0.45], np.float32), shares, np.zeros(2))
    assert chosen({1: unsure})[1][0] == "mug"
    sure = Verdict(("mug",), np.array([0.95], np.float32), shares[:1], np.array([2.0]))
    names = chosen({1: unsure, 2: sure})
    assert names[1] == ("bowl", pytest.approx(0.45))
    assert names[2] == ("mug", pytest.approx(0.95))
    # Three of a kind stay three of a kind.
    assert {name for name, _ in chosen(dict.fromkeys((1, 2, 3), sure)).values()} == {"mug"}
    assert chosen({}) == {}


def test_what_was_seen_before_the_window_counts() -> None:
    early = [sighting(n, ("mug", 0.9), ("bowl", 0.1)) for n in range(60)]
    late = [sighting(60 + n, ("bowl", 0.42), ("mug", 0.4)) for n in range(35)]
    assert chosen({1: verdict([*early, *late])})[1][0] == "mug"
    assert verdict([*early, *late]).names == verdict(late).names == ("bowl", "mug")
    np.testing.assert_array_equal(
        verdict([*early, *late]).probabilities, verdict(late).probabilities
    )


def test_equal_frames_give_equal_verdicts_whatever_else_is_there() -> None:
    seen = steady()
    other = [each._replace(box=BOX + 7, candidates=(("can", 0.7),)) for each in seen]
    together = judged({1: track(*seen), 2: track(*other)}, stamps(seen), SIZE, NAMES)
    np.testing.assert_allclose(together[1].probabilities, verdict(seen).probabilities, atol=1e-6)
    assert together[2].names == ("can",)
