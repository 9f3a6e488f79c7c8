# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What is known of one followed thing, and what became of all of them."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vit_perception.tracking.association import Shape

HISTORY = 100
"""Sightings that a track keeps; older ones are forgotten."""


class Sighting(NamedTuple):
    """A thing in one frame, as it was detected.

    Attributes:
        stamp: of the frame, nanoseconds.
        name: what it was found as.
        score: 0..1.
        box: float32 [4], x1 y1 x2 y2 in pixels of the source image.
        candidates: the names that it may have been and their scores, best first; none where
            they were not asked for, see `NameScores`.
    """

    stamp: int
    name: str
    score: float
    box: NDArray[np.float32]
    candidates: tuple[tuple[str, float], ...] = ()

    @property
    def told(self) -> tuple[tuple[str, float], ...]:
        """The candidates, or where there are none its name and score."""
        return self.candidates or ((self.name, self.score),)


@dataclass(slots=True, eq=False)
class Track:
    """A thing that is followed.

    Attributes:
        name: what it was found as last.
        id: 0 until it is confirmed.
        sightings: the last ones, oldest first.
        unseen_since: stamp of the first frame in which it was not found any more, nanoseconds;
            None while it is seen.
        shape: its mask when it was seen last; None without masks.
    """

    name: str
    id: int = 0
    sightings: deque[Sighting] = field(default_factory=lambda: deque(maxlen=HISTORY))
    unseen_since: int | None = None
    shape: Shape | None = None

    def see(self, sighting: Sighting, shape: Shape | None) -> None:
        """Takes down that it was seen."""
        self.name = sighting.name
        self.sightings.append(sighting)
        self.unseen_since = None
        self.shape = shape


@dataclass(frozen=True, slots=True)
class TrackCounts:
    """What became of things with ids.

    Attributes:
        tracks: that are followed now, seen or not.
        lost: how often one was not found in a frame any more.
        refound: how often a lost one was found again, with its id.
        switched: how often one went on under another name, with its id.
        ids: how many were given.
        resets: how often all were forgotten because stamps jumped.
    """

    tracks: int = 0
    lost: int = 0
    refound: int = 0
    switched: int = 0
    ids: int = 0
    resets: int = 0
