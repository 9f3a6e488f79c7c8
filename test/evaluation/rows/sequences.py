# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Sequences of pictures in which the toy detector finds squares; other processes get them too."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from vit_perception.bags.reader import BagDamageError
from vit_perception.bundle.bundle import Bundle
from vit_perception.evaluation.errors import EvaluationError
from vit_perception.evaluation.rows.looker import Engine, Looker, run_of
from vit_perception.evaluation.rows.run import Run
from vit_perception.evaluation.samples.sample import FrameTruth, LeftOut, Sample
from vit_perception.frame import Frame
from vit_perception.perceiver.settings import Settings

from ...toy_bundle import toy_picture

NAMES = ("red", "green", "blue", "cyan")


@dataclass
class Squares:
    """Pictures of a red and a green square that move.

    Attributes:
        broken: numbers that cannot be looked at.
        unknown: numbers of which nothing is true.
        damage: raised after the last picture, if not "".
        error: raised in place of the last picture, if not "".
        killed_once: a file; the process that first comes to the last picture makes it and dies.
        always_killed: whether every process that comes there dies.
        called: with the number of each picture before it is made.
    """

    key: str = "squares"
    count: int = 150
    broken: frozenset[int] = frozenset()
    unknown: frozenset[int] = frozenset()
    damage: str = ""
    error: str = ""
    killed_once: Path | None = None
    always_killed: bool = False
    title: str = "squares of a test"
    notes: tuple[str, ...] = ("a note",)
    called: Callable[[int], None] | None = None
    threads: set[str] = field(default_factory=set)

    def names(self) -> tuple[str, ...]:
        return NAMES[:2]

    def __len__(self) -> int:
        return self.count

    def unused(self) -> Mapping[str, int]:
        return {"no_image": 2}

    def samples(self) -> Iterator[Sample | LeftOut]:
        for number in range(self.count):
            self.threads.add(threading.current_thread().name)
            if self.called is not None:
                self.called(number)
            if number == self.count - 1:
                self._end()
            if number in self.broken:
                yield LeftOut(number, "message", f"picture {number} is broken")
                continue
            image, boxes = toy_picture(64, 96, places(number))
            truth = FrameTruth(
                boxes=np.stack(list(boxes.values())).astype(np.float32),
                names=tuple(boxes),
                masks=None,
                areas=np.full(len(boxes), 256, np.float32),
                crowds=np.zeros(len(boxes), np.bool_),
                parts=("",) * len(boxes),
                ids=("",) * len(boxes),
            )
            frame = Frame(image, stamp=1000 + number)
            yield Sample(number, "", frame, None if number in self.unknown else truth, number)
        if self.damage:
            raise BagDamageError(self.damage)

    def _end(self) -> None:
        if self.error:
            raise EvaluationError(self.error)
        if self.always_killed or (self.killed_once is not None and not self.killed_once.exists()):
            if self.killed_once is not None:
                self.killed_once.touch()
            os.kill(os.getpid(), signal.SIGKILL)


def places(number: int) -> dict[str, tuple[int, int]]:
    """Where the squares of a picture are, see `toy_picture`."""
    return {"red": (number % 5, number % 7), "green": (4, 3 + number % 8)}


def runs_of(*bundles: Bundle) -> tuple[Run, ...]:
    """A run of each bundle; their keys are a, b, and so on."""
    return tuple(
        run_of(key, bundle.directory, "fp32", NAMES, Settings())
        for key, bundle in zip("abcd", bundles, strict=False)
    )


def lookers_of(*bundles: Bundle) -> tuple[Looker, ...]:
    """What looks with these bundles."""
    return tuple(Looker(run, NAMES, Engine(threads=1)) for run in runs_of(*bundles))


def rows_on_disk(folder: Path) -> dict[str, bytes]:
    """The files of rows of a measurement."""
    found = sorted((folder / "rows").rglob("*"))
    return {str(each.relative_to(folder)): each.read_bytes() for each in found if each.is_file()}
