# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
from itertools import count

import numpy as np
import pytest

from test.tracking.pictured import NAMES, SECOND, Thing, found, ids
from vit_perception.detections import Detections, NameScores
from vit_perception.masks import Masks
from vit_perception.tracking.settings import TrackingSettings
from vit_perception.tracking.tracker import Tracker
from vit_perception.tracking.tracks import TrackCounts

AT_ONCE = TrackingSettings(track_min_hits=1)
TENTH = SECOND // 10
THRESHOLDS = np.full(len(NAMES), 0.3, np.float32)


def follow(tracker: Tracker, frames: list[Detections], first: int = 0) -> list[list[int]]:
    """Returns the ids of frames at 10 Hz."""
    return [
        ids(tracker.update(frame, first + number * TENTH)) for number, frame in enumerate(frames)
    ]


def test_an_id_is_given_once_a_thing_is_confirmed() -> None:
    tracker = Tracker(TrackingSettings(track_min_hits=3))
    assert follow(tracker, [found([Thing(100, 100)])] * 4) == [[0], [0], [1], [1]]
    assert tracker.tracks[1].name == "mug"


def test_what_is_missed_before_it_is_confirmed_begins_anew() -> None:
    tracker = Tracker(TrackingSettings(track_min_hits=3))
    seen, gone = found([Thing(100, 100)]), found([])
    assert follow(tracker, [seen, seen, gone, seen, seen, seen]) == [[0], [0], [], [0], [0], [1]]
    assert tracker.counts == TrackCounts(tracks=1, ids=1)


def test_things_that_move_keep_their_ids() -> None:
    frames = [
        found([Thing(100 + 10 * step, 100), Thing(500 - 12 * step, 300)]) for step in range(30)
    ]
    assert follow(Tracker(AT_ONCE), frames) == [[1, 2]] * 30


def test_things_of_one_name_that_cross_keep_their_ids() -> None:
    tracker = Tracker(AT_ONCE)
    for step in range(40):
        left, right = Thing(100 + 10 * step, 100), Thing(490 - 10 * step, 112)
        order = [left, right] if step % 3 else [right, left]
        given = ids(tracker.update(found(order), step * TENTH))
        if not step:
            first = dict(zip(order, given, strict=True))
            moving_right, moving_left = first[left], first[right]
        assert dict(zip(order, given, strict=True)) == {left: moving_right, right: moving_left}


def test_names_are_not_confused_where_boxes_are() -> None:
    frames = [found([Thing(100, 100, "mug"), Thing(102, 100, "spoon")])] * 3
    swapped = found([Thing(100, 100, "spoon"), Thing(102, 100, "mug")])
    assert follow(Tracker(AT_ONCE), [*frames, swapped]) == [[1, 2]] * 3 + [[2, 1]]


@pytest.mark.parametrize("speed", [0, 40])
def test_an_id_survives_two_seconds_out_of_sight(speed: float) -> None:
    tracker = Tracker()
    frames = [found([Thing(100 + speed * step / 10, 100)]) for step in range(50)]
    for step in range(15, 35):
        frames[step] = found([])
    given = follow(tracker, frames)
    assert given[14] == given[35] == given[-1] == [1]
    assert tracker.counts == TrackCounts(tracks=1, lost=1, refound=1, ids=1)


def test_what_is_out_of_sight_for_longer_gets_a_new_id() -> None:
    tracker = Tracker()
    seen = [found([Thing(100, 100)])] * 5
    given = follow(tracker, [*seen, *[found([])] * 21, *seen])
    assert (given[4], given[-1]) == ([1], [2])
    assert tracker.counts == TrackCounts(tracks=1, lost=1, ids=2)


def test_a_thing_found_again_may_be_a_bit_elsewhere() -> None:
    frames = [found([Thing(100, 100)])] * 5 + [found([])] * 15 + [found([Thing(138, 100)])]
    assert follow(Tracker(), frames)[-1] == [1]
    # Under another name it is another thing.
    frames[-1] = found([Thing(138, 100, "spoon")])
    assert follow(Tracker(AT_ONCE), frames)[-1] == [2]


def test_no_box_is_made_up() -> None:
    tracker = Tracker(AT_ONCE)
    frame = found([Thing(100, 100), Thing(300, 100)])
    tracker.update(frame, 0)
    told = tracker.update(frame[:1], TENTH)
    np.testing.assert_array_equal(told.boxes, frame.boxes[:1])
    assert len(tracker.update(found([]), 2 * TENTH)) == 0


@pytest.mark.parametrize("jump", [-TENTH, -100 * SECOND, 3 * SECOND])
def test_a_jump_of_time_begins_anew_and_no_id_comes_again(jump: int) -> None:
    tracker = Tracker(AT_ONCE)
    frame = found([Thing(100, 100), Thing(300, 100)])
    follow(tracker, [frame] * 3, first=200 * SECOND)
    given = follow(tracker, [frame] * 2, first=200 * SECOND + 2 * TENTH + jump)
    assert given == [[3, 4]] * 2
    assert tracker.counts == TrackCounts(tracks=2, lost=2, ids=4, resets=1)


def test_slow_frames_are_no_jump() -> None:
    tracker = Tracker(TrackingSettings(track_min_hits=1, track_memory=0.0))
    frame = found([Thing(100, 100)])
    assert [ids(tracker.update(frame, step * SECOND)) for step in range(4)] == [[1]] * 4
    assert tracker.counts.resets == 0


def test_frames_of_one_stamp_are_followed() -> None:
    tracker = Tracker(AT_ONCE)
    assert [ids(tracker.update(found([Thing(100, 100)]), 0)) for _ in range(4)] == [[1]] * 4


def test_uneven_frames_of_a_fast_thing() -> None:
    """At 300 px/s a box of 40 px leaves its place within a frame; speed is in seconds."""
    rng = np.random.default_rng(5)
    tracker = Tracker(AT_ONCE)
    stamp, given = 0, []
    for step in range(60):
        given.append(ids(tracker.update(found([Thing(50 + 300e-9 * stamp, 100)]), stamp)))
        stamp += TENTH if step < 5 else int(rng.uniform(0.02, 0.3) * SECOND)
    assert given == [[1]] * 60


def test_a_change_of_the_vocabulary_keeps_ids_of_names_that_stay() -> None:
    tracker = Tracker(AT_ONCE)
    things = [Thing(100, 100, "mug"), Thing(300, 100, "spoon")]
    tracker.update(found(things), 0)
    others = ("banana", "apple", "spoon", "mug")
    assert ids(tracker.update(found(things[::-1], others), TENTH)) == [2, 1]
    assert ids(tracker.update(found(things[1:], ("spoon",)), 2 * TENTH)) == [2]
    # The name comes back within the memory.
    assert ids(tracker.update(found(things), 3 * TENTH)) == [1, 2]
    assert ids(tracker.update(found([], ()), 4 * TENTH)) == []


def test_a_thing_under_another_name_keeps_its_id_and_is_counted() -> None:
    tracker = Tracker(AT_ONCE)
    frames = [found([Thing(100, 100, name)]) for name in ("mug", "mug", "spoon", "spoon")]
    assert follow(tracker, frames) == [[1]] * 4
    assert tracker.counts == TrackCounts(tracks=1, switched=1, ids=1)
    assert [each.name for each in tracker.tracks[1].sightings] == ["mug", "mug", "spoon", "spoon"]


def test_a_track_remembers_what_evidence_needs() -> None:
    tracker = Tracker(AT_ONCE)
    for step in range(3):
        scores = NameScores(
            np.array([[0, 1, -1]]), np.array([[0.9, 0.25 * step, 0.0]], np.float32)
        )
        tracker.update(replace(found([Thing(100 + step, 100)]), name_scores=scores), step * TENTH)
    track = tracker.tracks[1]
    assert (
        [each.stamp for each in track.sightings] == list(tracker.stamps) == [0, TENTH, 2 * TENTH]
    )
    last = track.sightings[-1]
    assert (last.name, last.score) == ("mug", pytest.approx(0.9))
    assert last.candidates == (("mug", pytest.approx(0.9)), ("spoon", 0.5))
    assert last.box.tolist() == [82, 85, 122, 115]


def test_weak_detections_carry_on_things_and_begin_none() -> None:
    tracker = Tracker(AT_ONCE)
    strong, weak = Thing(100, 100), Thing(100, 100, score=0.15)
    elsewhere = Thing(400, 300, score=0.2)
    told = [
        tracker.update(found(frame), number * TENTH, THRESHOLDS)
        for number, frame in enumerate(
            [[strong, elsewhere], [elsewhere, weak], [weak, elsewhere], [strong]]
        )
    ]
    assert [ids(each) for each in told] == [[1]] * 4
    assert [each.scores.tolist() for each in told[1:3]] == [[pytest.approx(0.15)]] * 2
    # Out of sight, it is found again in a weak one where it was expected, and not elsewhere.
    tracker.update(found([]), 4 * TENTH, THRESHOLDS)
    assert len(tracker.update(found([weak._replace(x=125)]), 5 * TENTH, THRESHOLDS)) == 0
    assert ids(tracker.update(found([weak]), 6 * TENTH, THRESHOLDS)) == [1]


def test_a_name_that_grows_weak_is_not_told_beside_a_strong_one() -> None:
    tracker = Tracker(AT_ONCE)
    tracker.update(found([Thing(100, 100, "mug", 0.4)]), 0, THRESHOLDS)
    both = found([Thing(100, 100, "spoon", 0.5), Thing(100, 100, "mug", 0.2)])
    told = tracker.update(both, TENTH, THRESHOLDS)
    assert [(each.id, each.name) for each in told] == [(1, "spoon")]


def test_masks_tell_things_apart_whose_boxes_are_alike() -> None:
    """Two bars cross: their boxes are the same, their masks are not."""
    bar = np.zeros((60, 60), np.bool_)
    bar[range(60), range(60)] = bar[range(59), range(1, 60)] = True
    boxes = np.array([[0, 0, 60, 60]] * 2, np.float32)

    def frame(*crops: np.ndarray, masked: bool = True) -> Detections:
        masks = Masks(np.zeros((2, 2), np.int64), crops, height=80, width=80)
        things = found([Thing(0, 0)] * 2, masks=masks if masked else None)
        return replace(things, boxes=boxes)

    other = bar[:, ::-1]
    for masked, expected in ((True, [2, 1]), (False, [1, 2])):
        tracker = Tracker(AT_ONCE)
        tracker.update(frame(bar, other, masked=masked), 0)
        assert ids(tracker.update(frame(other, bar, masked=masked), TENTH)) == expected


def test_trackers_can_share_where_ids_come_from() -> None:
    numbers = count(1)
    front, wrist = Tracker(AT_ONCE, numbers), Tracker(AT_ONCE, numbers)
    frame = found([Thing(100, 100)])
    assert (ids(front.update(frame, 0)), ids(wrist.update(frame, 0))) == ([1], [2])
    front.reset()
    assert (ids(front.update(frame, TENTH)), ids(wrist.update(frame, TENTH))) == ([3], [2])


def test_settings_change_between_frames() -> None:
    tracker = Tracker(TrackingSettings(track_min_hits=5))
    frame = found([Thing(100, 100)])
    follow(tracker, [frame] * 2)
    tracker.settings = AT_ONCE
    assert ids(tracker.update(frame, 2 * TENTH)) == [1]


def test_detections_stay_as_they_are_beside_their_ids() -> None:
    frame = found([Thing(100, 100), Thing(300, 100, "spoon", 0.4)])
    told = Tracker(AT_ONCE).update(frame, 0)
    assert frame.ids is None
    for name in ("boxes", "scores", "labels", "names", "masks", "vocabulary_version"):
        np.testing.assert_array_equal(getattr(told, name), getattr(frame, name))


def test_the_same_frames_give_the_same_ids() -> None:
    rng = np.random.default_rng(11)
    frames = [
        found(
            Thing(*rng.uniform(50, 600, 2), NAMES[int(rng.integers(3))], rng.random())
            for _ in range(int(rng.integers(0, 25)))
        )
        for _ in range(40)
    ]
    assert follow(Tracker(), frames) == follow(Tracker(), frames)


def test_crowded_frames_are_followed_to_the_last() -> None:
    """A thousand things, as a vocabulary of hundreds of names gives them."""
    places = [(60 * (n % 40) + 30, 50 * (n // 40) + 25) for n in range(1000)]
    frames = [found(Thing(x + 3 * step, y) for x, y in places) for step in range(4)]
    assert follow(Tracker(AT_ONCE), frames) == [list(range(1, 1001))] * 4


def test_many_empty_frames_leave_nothing_behind() -> None:
    tracker = Tracker(AT_ONCE)
    follow(tracker, [found([Thing(100, 100)]), *[found([])] * 60])
    assert not tracker.tracks and tracker.counts == TrackCounts(lost=1, ids=1)


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vit_perception.tracking.tracker.MOST_UNSEEN", 3)
    tracker = Tracker(AT_ONCE)
    frames = [found([Thing(100 + 100 * step, 100)]) for step in range(8)]
    follow(tracker, frames)
    # Of those unseen before the last frame three are left.
    assert set(tracker.tracks) == {4, 5, 6, 7, 8}
