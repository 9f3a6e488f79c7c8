# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures and rows that are known, for tests of tuning."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

import numpy as np

from vit_perception.evaluation.rows.looked_at import FrameRows, LookedAt
from vit_perception.evaluation.samples.sample import FrameTruth, LeftOut, Sample
from vit_perception.frame import Frame

Thing = tuple[str, Sequence[float]]
Row = tuple[int, float, Sequence[float]]


def truth_of(things: Sequence[Thing], crowds: Sequence[bool] = ()) -> FrameTruth:
    """What is true: names and boxes, some of them regions of many things."""
    boxes = np.array([box for _, box in things], np.float32).reshape(-1, 4)
    empty = ("",) * len(things)
    return FrameTruth(
        boxes=boxes,
        names=tuple(name for name, _ in things),
        masks=None,
        areas=(boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]),
        crowds=np.array([*crowds, *[False] * (len(things) - len(crowds))], np.bool_),
        parts=empty,
        ids=empty,
    )


def rows_of(rows: Sequence[Row]) -> FrameRows:
    """Rows of a graph: label, score and box."""
    return FrameRows(
        np.array([box for _, _, box in rows], np.float32).reshape(-1, 4),
        np.array([score for _, score, _ in rows], np.float32),
        np.array([label for label, _, _ in rows], np.int64),
        None,
    )


def seen(
    number: int,
    things: Sequence[Thing],
    rows: Sequence[Row],
    *,
    sequence: str = "bag",
    stamp: int = 0,
    crowds: Sequence[bool] = (),
) -> LookedAt:
    """A picture that was looked at."""
    truth = truth_of(things, crowds)
    return LookedAt(sequence, number, "", stamp, (100, 100), truth, (rows_of(rows),))


def crowded(seed: int, names: Sequence[str], pictures: int = 6, rows: int = 40) -> list[LookedAt]:
    """Pictures with many boxes that overlap, by chance, with names that are not asked for too."""
    rng = np.random.default_rng(seed)
    frames = []
    for number in range(pictures):
        things = [
            (str(rng.choice([*names, "other"])), _box(rng)) for _ in range(rng.integers(0, 8))
        ]
        boxes = [
            np.array(things[rng.integers(len(things))][1]) + rng.uniform(-4, 4, 4)
            if things and rng.random() < 0.7
            else np.array(_box(rng))
            for _ in range(rows)
        ]
        found = [
            (int(rng.integers(len(names))), float(rng.uniform(0.01, 1)), np.maximum(box, 0))
            for box in boxes
        ]
        found.sort(key=lambda row: -row[1])
        crowds = [bool(rng.random() < 0.2) for _ in things]
        frames.append(seen(number, things, found, crowds=crowds))
    return frames


def _box(rng: np.random.Generator) -> tuple[float, ...]:
    x, y = rng.uniform(5, 60, 2)
    width, height = rng.uniform(10, 30, 2)
    return float(x), float(y), float(x + width), float(y + height)


@dataclass
class GivenSequence:
    """Pictures that are given."""

    given: Sequence[Sample | LeftOut]
    key: str = "bag"
    title: str = "bag"
    notes: tuple[str, ...] = ()
    error: Exception | None = None
    read: int = 0
    left: Mapping[str, int] = field(default_factory=dict)
    asked: Sequence[tuple[str, int]] = ()

    def names(self) -> tuple[str, ...]:
        found = {
            name
            for sample in self.given
            if isinstance(sample, Sample) and sample.truth is not None
            for name in sample.truth.names
        }
        return tuple(sorted(found))

    def __len__(self) -> int:
        return len(self.given)

    def samples(self) -> Iterator[Sample | LeftOut]:
        self.read += 1
        yield from self.given
        if self.error is not None:
            raise self.error

    def again(
        self, wanted: Collection[tuple[str, int]]
    ) -> AbstractContextManager[Callable[[str, int], Frame]]:
        """Gives the pictures that are wanted, and no other."""
        self.asked = sorted(wanted)
        frames = {each.number: each.frame for each in self.given if isinstance(each, Sample)}

        def frame_of(sequence: str, number: int) -> Frame:
            assert (sequence, number) in wanted
            return frames[number]

        return nullcontext(frame_of)

    def unused(self) -> Mapping[str, int]:
        return self.left
