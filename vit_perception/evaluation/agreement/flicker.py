# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""How steadily one run sees things: names that change and frames in which a thing is missed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from heapq import nsmallest
from typing import Any

from vit_perception.detections import Detections
from vit_perception.evaluation.rows.looked_at import FrameRows, LookedAt
from vit_perception.tracking.settings import TrackingSettings
from vit_perception.tracking.tracker import Tracker

WORST = 10
"""Things that are told one by one."""
# A thing has its id at once: what is seen in every other frame would else never be followed.
_SETTINGS = TrackingSettings(tracking=True, track_min_hits=1)


@dataclass(slots=True)
class _Thing:
    """One followed thing.

    Attributes:
        sequence: key.
        first, last: numbers of the frames in which it was seen first and last.
        begin, end: the same, counted among the frames that were looked at.
        name: what it was found as last.
        names: how often it was found as what.
        switches: how often that changed.
    """

    sequence: str
    first: int
    last: int
    begin: int
    end: int
    name: str
    names: Counter[str] = field(default_factory=Counter)
    switches: int = 0

    @property
    def seen(self) -> int:
        return sum(self.names.values())

    @property
    def span(self) -> int:
        """Frames from the first to the last."""
        return self.end - self.begin + 1

    @property
    def gaps(self) -> int:
        """Frames between in which it was not seen."""
        return self.span - self.seen


class Flicker:
    """Follows what one run published, frame by frame.

    Args:
        names: that the labels of rows refer to.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names = tuple(names)
        self._sequence = ""
        self._tracker = Tracker(_SETTINGS)
        self._open: dict[int, _Thing] = {}
        self._worst: list[_Thing] = []
        self._counts = Counter[str]()
        self._frame = 0

    def add(self, looked: LookedAt, rows: FrameRows) -> None:
        """Takes the next frame, with the rows that a robot would publish.

        Frames without a stamp are counted: nothing is known of what lies between them.
        """
        if looked.sequence != self._sequence:
            self._close()
            self._sequence, self._tracker = looked.sequence, Tracker(_SETTINGS)
        if not looked.stamp:
            self._counts["unfollowed"] += 1
            return
        self._frame += 1
        self._counts["followed"] += 1
        detections = Detections(rows.boxes, rows.scores, rows.labels, self._names, 0)
        told = self._tracker.update(detections, looked.stamp)
        assert told.ids is not None
        for row, key in enumerate(told.ids.tolist()):
            self._see(key, told.class_name(row), looked)
        # What the tracker has forgotten does not come again.
        for key in self._open.keys() - self._tracker.tracks.keys():
            self._end(self._open.pop(key))

    def result(self) -> dict[str, Any]:
        """Returns the counts, and those things that flicker most."""
        self._close()
        counts = self._counts
        frames = counts["thing_frames"]
        return {
            "followed_frames": counts["followed"],
            "unfollowed_frames": counts["unfollowed"],
            "things": counts["things"],
            "seen_once": counts["seen_once"],
            "thing_frames": frames,
            "switches": counts["switches"],
            "gap_frames": counts["gap_frames"],
            "switches_per_100": _per_100(counts["switches"], frames),
            "gap_frames_per_100": _per_100(counts["gap_frames"], frames),
            "worst": [_told(thing) for thing in self._worst],
        }

    def _see(self, key: int, name: str, looked: LookedAt) -> None:
        thing = self._open.get(key)
        if thing is None:
            number, place = looked.number, self._frame
            thing = _Thing(looked.sequence, number, number, place, place, name)
            self._open[key] = thing
        thing.switches += thing.name != name
        thing.name, thing.last, thing.end = name, looked.number, self._frame
        thing.names[name] += 1

    def _end(self, thing: _Thing) -> None:
        self._counts["things"] += 1
        self._counts["seen_once"] += thing.seen == 1
        self._counts["thing_frames"] += thing.span
        self._counts["switches"] += thing.switches
        self._counts["gap_frames"] += thing.gaps
        if thing.switches or thing.gaps:
            self._worst = nsmallest(WORST, [*self._worst, thing], key=_order)

    def _close(self) -> None:
        for key in sorted(self._open):
            self._end(self._open[key])
        self._open.clear()


def _order(thing: _Thing) -> tuple[int, str, int, str]:
    return -(thing.switches + thing.gaps), thing.sequence, thing.first, thing.name


def _told(thing: _Thing) -> dict[str, Any]:
    names = sorted(thing.names.items(), key=lambda pair: (-pair[1], pair[0]))
    return {
        "sequence": thing.sequence,
        "first": thing.first,
        "last": thing.last,
        "seen": thing.seen,
        "switches": thing.switches,
        "gap_frames": thing.gaps,
        "names": dict(names),
    }


def _per_100(count: int, frames: int) -> float | None:
    return 100 * count / frames if frames else None
