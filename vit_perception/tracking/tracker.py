# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Gives detections ids that stay: a tracker on ByteTrack's association.

Zhang et al., "ByteTrack: Multi-Object Tracking by Associating Every Detection Box", ECCV 2022:
tracks are first paired with sure detections and what is left of them with weak ones, by the
overlap with where a Kalman filter expects them. Added are time steps from stamps, names, masks,
and room around what was out of sight.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import count

import numpy as np
from numpy.typing import NDArray

from vit_perception.boxes import box_iou
from vit_perception.detections import Detections
from vit_perception.tracking.association import Shape, best_pairs, near_iou, shapes_of
from vit_perception.tracking.kalman import Motion
from vit_perception.tracking.settings import TrackingSettings
from vit_perception.tracking.tracks import HISTORY, Sighting, Track, TrackCounts

LEAST_OVERLAP = 0.1
"""Similarity of a track and a detection that can be a pair."""
WEAK_OVERLAP = 0.3
"""The same with a weak detection."""
SAME_PLACE = 0.6
"""The same with a detection of another name."""
MOST_UNSEEN = 1000
"""Things out of sight that are remembered; those unseen the longest are forgotten first."""

_NANOSECONDS = 1_000_000_000
# Frames come apart by less, whatever is remembered of them.
_LEAST_GAP = 1 * _NANOSECONDS


class Tracker:
    """Follows the things of one camera.

    The same frames give the same ids. One thread updates it; others may read `counts`.

    Args:
        settings: None for the defaults.
        ids: where new ids come from; trackers that share it never give the same id.

    Attributes:
        settings: for the next frame.
        stamps: of the last frames since the last reset, nanoseconds, oldest first.
    """

    def __init__(
        self, settings: TrackingSettings | None = None, ids: Iterator[int] | None = None
    ) -> None:
        self.settings = TrackingSettings() if settings is None else settings
        self._ids = count(1) if ids is None else ids
        self._counts = TrackCounts()
        self._tracks: list[Track] = []
        self._motion = Motion.of(np.zeros((0, 4), np.float32))
        self.stamps: deque[int] = deque(maxlen=HISTORY)

    @property
    def tracks(self) -> Mapping[int, Track]:
        """The things with an id, also those out of sight, by id."""
        return {track.id: track for track in self._tracks if track.id}

    @property
    def counts(self) -> TrackCounts:
        """What became of them so far; a reset does not set it back."""
        return self._counts

    def reset(self) -> None:
        """Forgets all things; their ids do not come again."""
        self._miss(self._tracks, 0)
        self._keep([])
        self.stamps.clear()

    def update(
        self,
        detections: Detections,
        stamp: int,
        thresholds: NDArray[np.float32] | None = None,
    ) -> Detections:
        """Finds out which thing each detection of the next frame is.

        Args:
            detections: of the frame, weak ones too.
            stamp: of the frame, nanoseconds.
            thresholds: float32 [names], the score from which on a detection of a name is sure;
                None: all are.

        Returns:
            With ids, in the same order: the sure detections, and of the weak ones those in which
            a thing with an id was seen.
        """
        sure = np.ones(len(detections), np.bool_)
        if thresholds is not None:
            sure = detections.scores >= thresholds[detections.labels]
        self._advance(stamp)
        shapes: list[Shape] | list[None] = [None] * len(detections)
        if detections.masks is not None:
            shapes = shapes_of(detections.masks)
        owners = self._owners(detections, sure, shapes)
        found = np.flatnonzero(owners >= 0)
        self._motion = self._motion.updated(owners[found], detections.boxes[found])
        begun = np.flatnonzero(sure & (owners < 0))
        owners[begun] = len(self._tracks) + np.arange(len(begun))
        self._tracks += [Track(detections.class_name(row)) for row in begun.tolist()]
        self._motion = self._motion.joined(Motion.of(detections.boxes[begun]))
        ids = self._see(owners, detections, shapes, stamp)
        self._miss([self._tracks[row] for row in _others(owners, len(self._tracks))], stamp)
        self._keep([row for row, track in enumerate(self._tracks) if self._stays(track)])
        kept = np.flatnonzero(sure | (ids > 0))
        told = detections if len(kept) == len(detections) else detections[kept]
        return replace(told, ids=ids[kept])

    def _advance(self, stamp: int) -> None:
        """Expects things where they are at `stamp`; forgets those out of sight for too long."""
        memory = round(self.settings.track_memory * _NANOSECONDS)
        passed = stamp - self.stamps[-1] if self.stamps else 0
        if not 0 <= passed <= max(memory, _LEAST_GAP):
            self.reset()
            self._counts = replace(self._counts, resets=self._counts.resets + 1)
            passed = 0
        self.stamps.append(stamp)
        since = sorted(t.unseen_since for t in self._tracks if t.unseen_since is not None)
        earliest = max(stamp - memory, since[-MOST_UNSEEN] if len(since) > MOST_UNSEEN else 0)
        self._keep(
            [
                row
                for row, track in enumerate(self._tracks)
                if track.unseen_since is None or track.unseen_since >= earliest
            ]
        )
        unseen = np.array([track.unseen_since is not None for track in self._tracks], np.bool_)
        self._motion = self._motion.predicted(passed / _NANOSECONDS, unseen)

    def _owners(
        self,
        detections: Detections,
        sure: NDArray[np.bool_],
        shapes: Sequence[Shape | None],
    ) -> NDArray[np.int64]:
        """Returns the row of the track of each detection, int64 [N]; -1 for none."""
        numbers = {name: number for number, name in enumerate(detections.names)}
        labels = np.array([numbers.get(track.name, -1) for track in self._tracks], np.int64)
        same = labels[:, None] == detections.labels[None, :]
        known = np.array([track.id > 0 for track in self._tracks], np.bool_)
        fresh = np.array([track.unseen_since is None for track in self._tracks], np.bool_)
        overlaps = self._overlaps(detections, shapes, same)
        near = near_iou(self._motion.boxes, detections.boxes, self._motion.room())
        owners = np.full(len(detections), -1, np.int64)
        free = np.ones(len(self._tracks), np.bool_)
        for tracks, columns, allowed, similarity, least in (
            (free, sure, same, overlaps, LEAST_OVERLAP),
            # A detector that changes its mind about a name. What it then finds weakly under the
            # old one is not told beside it.
            (known, sure, ~same, overlaps, SAME_PLACE),
            (free, ~sure, same, overlaps, WEAK_OVERLAP),
            # What was out of sight is rarely where it was expected, least of all for a camera that
            # moves.
            (known & ~fresh, sure, same, near, LEAST_OVERLAP),
        ):
            possible = (tracks & free)[:, None] & (columns & (owners < 0))[None, :] & allowed
            if possible.any():
                rows, found = best_pairs(np.where(possible, similarity, 0.0), least)
                owners[found], free[rows] = rows, False
        return owners

    def _overlaps(
        self, detections: Detections, shapes: Sequence[Shape | None], same: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        """Returns how much each track overlaps each detection, 0..1: float32 [tracks, N].

        With masks it is the mean of boxes and masks: the masks of thin things soon lie beside
        each other, and the boxes of crossing things say little.
        """
        overlaps = box_iou(self._motion.boxes, detections.boxes)
        candidates = (overlaps > 0) & (same | (overlaps >= SAME_PLACE))
        for row, column in zip(*np.nonzero(candidates), strict=True):
            track, shape = self._tracks[row], shapes[column]
            if track.shape is None or shape is None:
                continue
            x1, y1, x2, y2 = track.sightings[-1].box.tolist()
            x, y = self._motion.place[row, :2].tolist()
            expected = track.shape.moved(x - (x1 + x2) / 2, y - (y1 + y2) / 2)
            overlaps[row, column] = (overlaps[row, column] + expected.iou(shape)) / 2
        return overlaps

    def _see(
        self,
        owners: NDArray[np.int64],
        detections: Detections,
        shapes: Sequence[Shape | None],
        stamp: int,
    ) -> NDArray[np.int64]:
        """Takes down what was seen; returns the id of each detection, int64 [N], 0 for none."""
        ids = np.zeros(len(detections), np.int64)
        given, refound, switched = 0, 0, 0
        for row in np.flatnonzero(owners >= 0).tolist():
            track, seen = self._tracks[owners[row]], _sighting(detections, row, stamp)
            if track.id:
                refound += track.unseen_since is not None
                switched += track.name != seen.name
            track.see(seen, shapes[row])
            if not track.id and len(track.sightings) >= self.settings.track_min_hits:
                track.id = next(self._ids)
                given += 1
            ids[row] = track.id
        now = self._counts
        self._counts = replace(
            now,
            refound=now.refound + refound,
            switched=now.switched + switched,
            ids=now.ids + given,
        )
        return ids

    def _miss(self, tracks: Sequence[Track], stamp: int) -> None:
        """Takes down that these were not seen at `stamp`."""
        lost = 0
        for track in tracks:
            if track.unseen_since is None:
                track.unseen_since = stamp
                lost += track.id > 0
        self._counts = replace(self._counts, lost=self._counts.lost + lost)

    def _stays(self, track: Track) -> bool:
        # What was seen too rarely for an id may have been nothing.
        return track.id > 0 or track.unseen_since is None

    def _keep(self, rows: list[int]) -> None:
        """Forgets the tracks of other rows."""
        if len(rows) < len(self._tracks):
            self._tracks = [self._tracks[row] for row in rows]
            self._motion = self._motion.chosen(np.array(rows, np.int64))
        self._counts = replace(self._counts, tracks=sum(track.id > 0 for track in self._tracks))


def _others(owners: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Returns the rows of `count` tracks that own no detection: int64 [M]."""
    alone = np.ones(count, np.bool_)
    alone[owners[owners >= 0]] = False
    return np.flatnonzero(alone)


def _sighting(detections: Detections, row: int, stamp: int) -> Sighting:
    candidates: tuple[tuple[str, float], ...] = ()
    if detections.name_scores is not None:
        candidates = tuple(
            (detections.names[label], score)
            for label, score in zip(
                detections.name_scores.labels[row].tolist(),
                detections.name_scores.scores[row].tolist(),
                strict=True,
            )
            if label >= 0
        )
    return Sighting(
        stamp,
        detections.class_name(row),
        float(detections.scores[row]),
        detections.boxes[row],
        candidates,
    )
