# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What a planner believes at each instant: the newest result that has arrived by then.

The idea is that of Li, Wang and Ramanan, "Towards Streaming Perception", ECCV 2020.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vit_perception.evaluation.rows.looked_at import FrameRows, LookedAt
from vit_perception.evaluation.samples.sample import FrameTruth
from vit_perception.ros.realtime.pictures import Pictures

_MS = 1e6


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """What the node found in one picture.

    Attributes:
        moment: when it arrived, seconds of time.monotonic.
        stamp: of the picture, ns.
        rows: what was found.
    """

    moment: float
    stamp: int
    rows: FrameRows


@dataclass(frozen=True, slots=True, eq=False)
class Belief:
    """What a planner would have believed at the stamp of each picture with truth.

    Attributes:
        pictures: with the truth of the instant and what was believed then.
        without: at how many of these instants no result had arrived yet.
        ages_ms: of the believed results, ms of the recording, where both stamps are known.
        moved: px that the centres of things had moved since the believed result's picture, of
            each thing that can be followed.
    """

    pictures: tuple[LookedAt, ...]
    without: int
    ages_ms: NDArray[np.float64]
    moved: NDArray[np.float64]


def believed(
    looked_at: Iterable[LookedAt],
    results: Sequence[Result],
    pictures: Pictures,
    time: Callable[[float], int],
) -> Belief:
    """Finds what was believed at each instant.

    Args:
        looked_at: all pictures in the order of the recording; what was found in them is not read.
        results: in the order of arrival, with stamps as in the recording.
        pictures: of the recording.
        time: returns which time it is by the clock of the stamps (ns) at a moment.
    """
    frames = list(looked_at)
    truths = {each.stamp: each.truth for each in frames if each.stamp in pictures.known}
    arrived = np.array([time(each.moment) for each in results], np.int64)
    found: list[LookedAt] = []
    ages: list[float] = []
    moved: list[float] = []
    without = 0
    for frame in frames:
        instant = pictures.instant(frame.number, frame.stamp)
        if frame.truth is None or instant is None:
            continue
        newest = int(np.searchsorted(arrived, instant, side="right")) - 1
        if newest < 0:
            without += 1
            found.append(replace(frame, rows=(_nothing(),)))
            continue
        result = results[newest]
        found.append(replace(frame, rows=(result.rows,)))
        if result.stamp in pictures.known:
            ages.append((instant - result.stamp) / _MS)
            before = truths.get(result.stamp)
            moved += [] if before is None else _moved(before, frame.truth)
    return Belief(tuple(found), without, np.array(ages), np.array(moved))


def _nothing() -> FrameRows:
    return FrameRows(
        np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64), None
    )


def _moved(before: FrameTruth, now: FrameTruth) -> list[float]:
    """Returns how far the centres moved, px, of things with an id, or alone with their name."""
    then, there = _centres(before), _centres(now)
    return [float(np.hypot(*(there[thing] - then[thing]))) for thing in then if thing in there]


def _centres(truth: FrameTruth) -> dict[tuple[str, str], NDArray[np.float32]]:
    things = list(zip(truth.names, truth.ids, strict=True))
    counts = Counter(things)
    centres = (truth.boxes[:, :2] + truth.boxes[:, 2:]) / 2
    return {
        thing: centre for thing, centre in zip(things, centres, strict=True) if counts[thing] == 1
    }
