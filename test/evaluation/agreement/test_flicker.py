# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""How steadily a run sees things."""

from __future__ import annotations

from typing import Any

import pytest

from vit_perception.evaluation.agreement.flicker import WORST, Flicker

from .looked import NAMES, Found, looked, rows

MUG = (10, 10, 30, 30)


def followed(frames: list[Found], **changes: Any) -> dict[str, Any]:
    flicker = Flicker(NAMES)
    for number, found in enumerate(frames):
        flicker.add(looked(number, **changes), rows(found))
    return flicker.result()


def seen(names: str) -> list[Found]:
    """A frame for each letter: m a mug, b a bowl, - nothing, at one place."""
    called = {"m": "mug", "b": "bowl"}
    return [[] if each == "-" else [(called[each], 0.9, MUG)] for each in names]


def test_what_is_steady_does_not_flicker() -> None:
    result = followed(seen("mmmmmmmm"))
    assert result == {
        "followed_frames": 8,
        "unfollowed_frames": 0,
        "things": 1,
        "seen_once": 0,
        "thing_frames": 8,
        "switches": 0,
        "gap_frames": 0,
        "switches_per_100": 0.0,
        "gap_frames_per_100": 0.0,
        "worst": [],
    }


def test_frames_between_are_gaps_and_those_at_the_ends_are_none() -> None:
    result = followed(seen("--m-mm--m-"))
    assert (result["things"], result["thing_frames"], result["gap_frames"]) == (1, 7, 3)
    assert result["gap_frames_per_100"] == pytest.approx(300 / 7)
    assert result["worst"] == [
        {
            "sequence": "bag",
            "first": 2,
            "last": 8,
            "seen": 4,
            "switches": 0,
            "gap_frames": 3,
            "names": {"mug": 4},
        }
    ]


def test_every_other_frame_is_followed_too() -> None:
    assert followed(seen("m-m-m-m-m"))["gap_frames"] == 4


def test_each_change_of_a_name_is_a_switch() -> None:
    result = followed(seen("mmbbmb"))
    assert (result["things"], result["switches"]) == (1, 3)
    assert result["switches_per_100"] == pytest.approx(50)
    assert result["worst"][0]["names"] == {"bowl": 3, "mug": 3}


def test_things_that_are_forgotten_are_others_when_they_come_again() -> None:
    result = followed(seen("m" + "-" * 30 + "m"))
    assert (result["things"], result["seen_once"], result["gap_frames"]) == (2, 2, 0)


def test_each_sequence_is_followed_alone() -> None:
    flicker = Flicker(NAMES)
    for sequence in ("one", "two"):
        for number, found in enumerate(seen("mm-m")):
            flicker.add(looked(number, sequence=sequence), rows(found))
    result = flicker.result()
    assert (result["things"], result["gap_frames"]) == (2, 2)
    assert [each["sequence"] for each in result["worst"]] == ["one", "two"]


def test_frames_without_stamps_are_not_followed() -> None:
    result = followed(seen("m-m"), stamp=0)
    assert (result["things"], result["unfollowed_frames"]) == (0, 3)
    assert result["gap_frames_per_100"] is None


def test_those_that_flicker_most_are_told() -> None:
    places = [(8 * place, 0, 8 * place + 6, 6) for place in range(10)]
    frames: list[Found] = []
    for number in range(13):
        missed = [place for place in range(10) if 0 < number <= place + 2 and number < 12]
        frames.append([("mug", 0.9, box) for at, box in enumerate(places) if at not in missed])
    result = followed(frames)
    gaps = [each["gap_frames"] for each in result["worst"]]
    assert len(gaps) == WORST
    assert gaps == sorted(gaps, reverse=True)
    assert result["gap_frames"] == sum(gaps) == sum(range(2, 12))
