# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""How far what was found is from where it truly is, of recordings that say where things are."""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from vit_perception.bags.detections_3d import NamedObjects
from vit_perception.bags.placing import Placer, Unplaced
from vit_perception.bags.placing_topics import Placing, with_topics
from vit_perception.bags.reader import BagDamageError, BagError, BagReader
from vit_perception.bags.true_places import TruePlaces, true_places
from vit_perception.bundle.samples import GROUND_TRUTH_3D_TOPIC
from vit_perception.detections import Detections
from vit_perception.evaluation.rows.looked_at import FrameRows
from vit_perception.evaluation.rows.places_told import EVERY
from vit_perception.evaluation.rows.run import Run
from vit_perception.evaluation.samples.bag import BagSequence
from vit_perception.evaluation.samples.keys import without_folders
from vit_perception.evaluation.samples.sample import Sample
from vit_perception.evaluation.space_errors import SpaceErrors
from vit_perception.space.objects import Objects

_AHEAD = 1_000_000_000
"""Nanoseconds of the recording that the truth of an image is looked for before and after it."""


class InSpace:
    """Places what the runs would publish, and keeps the errors of a block of pictures.

    It reads the recording along with the pictures. It is opened, used and closed in one thread.

    Args:
        bag: the recording.
        image: topic of the pictures.
        runs: in their order.
        names: that are asked for; other true things are not looked for.
    """

    def __init__(self, bag: Path, image: str, runs: Sequence[Run], names: Sequence[str]) -> None:
        self._bag, self._image = bag, image
        self._runs, self._names = tuple(runs), tuple(names)
        self._placer: Placer | None = None
        self._moments: _Moments | None = None
        self._begin()

    def add(self, sample: Sample, found: Sequence[Detections], rows: Sequence[FrameRows]) -> None:
        """Adds the errors of one picture in EVERY, where the recording tells the truth of it.

        Args:
            sample: in the order of the recording.
            found, rows: of each run.

        Raises:
            BagError: a message that this needs cannot be read.
        """
        if sample.number % EVERY:
            return
        if self._placer is None or self._moments is None:
            self._placer = Placer(self._bag, self._image, Placing()).__enter__()
            # Both are compared where the camera sees them, so that no other frame is needed.
            self._moments = _Moments(self._bag, sample.frame.frame_id)
        truth = self._moments.at(sample.time, sample.frame.stamp)
        if truth is None:
            return
        truth = _of_names(truth, self._names)
        for run, errors, detections, kept in zip(
            self._runs, self._errors, found, rows, strict=True
        ):
            published = detections[run.published(kept)]
            try:
                objects = self._placer.place(sample.time, sample.frame, published)
            except Unplaced as error:  # whatever was found in it, so none of the runs
                self._unplaced[error.cause] += 1
                return
            errors.add(truth, _named(objects, published))
        self._placed += 1

    def taken(self) -> bytes:
        """Returns the errors since the last call as JSON, the same bytes for the same pictures."""
        document = {
            "placed": self._placed,
            "unplaced": dict(sorted(self._unplaced.items())),
            "runs": [_by_name(errors) for errors in self._errors],
        }
        self._begin()
        return json.dumps(document, separators=(",", ":")).encode() + b"\n"

    def close(self) -> None:
        """Closes the recording."""
        if self._moments is not None:
            self._moments.close()
        if self._placer is not None:
            self._placer.__exit__(None, None, None)
        self._placer = self._moments = None

    def _begin(self) -> None:
        self._errors = [SpaceErrors() for _ in self._runs]
        self._unplaced: Counter[str] = Counter()
        self._placed = 0


def in_space(
    sequence: BagSequence, runs: Sequence[Run], names: Sequence[str]
) -> tuple[InSpace | None, str]:
    """Returns what places the things of a sequence that tells their places; see `tells_places`.

    It is None if the recording lacks what detections are placed by; beside it is a line about it.

    Raises:
        BagError: the recording cannot be read.
    """
    with BagReader(sequence.path) as bag:
        try:
            with_topics(Placing(), bag, sequence.topic)
        except BagError as error:
            # What can be chosen elsewhere cannot here.
            line = without_folders(str(error).partition("; choose ")[0], sequence.path)
            return None, f"errors in space are not measured: {line}"
    return InSpace(sequence.path, sequence.topic, runs, names), ""


class _Moments:
    """Where things truly are, read along with the pictures; a few seconds are in memory."""

    def __init__(self, bag: Path, target: str) -> None:
        self._coming: Iterator[tuple[int, int, TruePlaces]]
        self._coming = true_places(bag, GROUND_TRUTH_3D_TOPIC, target)
        self._read: deque[tuple[int, int, TruePlaces]] = deque()

    def at(self, time: int, stamp: int) -> NamedObjects | None:
        """Returns what is true of a picture, in the target frame; None if nothing is said.

        Args:
            time: of its recording, ns; not before that of the picture before.
            stamp: its own, ns.
        """
        while not (self._read and self._read[-1][0] > time + _AHEAD):
            try:
                moment = next(self._coming, None)
            except BagDamageError:  # the pictures' own reader tells of it
                moment = None
            if moment is None:
                break
            self._read.append(moment)
            while self._read[0][0] < time - _AHEAD and len(self._read) > 1:
                self._read.popleft()
        return next((each.boxes for _, at, each in self._read if at == stamp), None)

    def close(self) -> None:
        """Closes the recording."""
        getattr(self._coming, "close", lambda: None)()


def _of_names(truth: NamedObjects, names: Sequence[str]) -> NamedObjects:
    rows = np.array([row for row, name in enumerate(truth.names) if name in names], np.int64)
    # Errors are of centres alone.
    objects = replace(truth.objects, rows=rows, centres=truth.objects.centres[rows])
    return NamedObjects(
        objects,
        tuple(truth.names[row] for row in rows),
        truth.scores[rows],
        tuple(truth.ids[row] for row in rows),
    )


def _named(objects: Objects, detections: Detections) -> NamedObjects:
    rows = objects.rows
    names = tuple(detections.class_name(row) for row in rows.tolist())
    return NamedObjects(objects, names, detections.scores[rows], ("",) * len(rows))


def _by_name(errors: SpaceErrors) -> dict[str, dict[str, object]]:
    """Returns, of each true name, at how many moments things of it were, and errors in mm."""
    found: dict[str, dict[str, object]] = {}
    for name in sorted({name for name, _ in errors.seen}):
        things = sorted(thing for thing in errors.seen if thing[0] == name)
        away = [error for thing in things for error in errors.errors.get(thing, [])]
        found[name] = {
            "things": sum(errors.seen[thing] for thing in things),
            "mm": [round(1e3 * error, 3) for error in away],
        }
    return found
