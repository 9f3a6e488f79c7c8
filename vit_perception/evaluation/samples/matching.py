# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Finds what is true of the images of one topic, in their order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Protocol

from vit_perception.bags.image import BagImage
from vit_perception.evaluation.errors import EvaluationError
from vit_perception.evaluation.samples.detected import inside, with_masks
from vit_perception.evaluation.samples.instance_topics import InstanceReader
from vit_perception.evaluation.samples.sample import FrameTruth
from vit_perception.evaluation.samples.table import UNKNOWN_SIZE, TruthTable
from vit_perception.frame import Frame
from vit_perception.wording import shown_path

NO_PICTURE = "without a picture"
OF_BROKEN = "of a broken picture"
CONTRADICTED = "contradicted"
REPEATED = "of a picture whose stamp was there before"
OUTSIDE = "things outside of the picture"


class BagTruth(Protocol):
    """What is true of the images of a bag.

    Attributes:
        table: the truth.
        contradicted: rows of it for which there are several, different truths.
        notes: what was left out, one line each.
    """

    table: TruthTable
    contradicted: set[int]
    notes: tuple[str, ...]

    def names(self) -> tuple[str, ...]:
        """Returns the names of what is true."""

    def find(self, topic: str, image: BagImage) -> int | None:
        """Returns the row of an image of a topic, or None.

        Raises:
            EvaluationError: there are several.
        """

    def rows_of(self, topic: str) -> Iterable[int]:
        """Returns the rows that are meant for a topic of images."""

    def masks_of(self, row: int) -> tuple[str, int] | None:
        """Returns topic and place of the image of a row's masks; None where there is none."""


class NoTruth:
    """Nothing is known; see `BagTruth`."""

    def __init__(self) -> None:
        self.table = TruthTable()
        self.contradicted: set[int] = set()
        self.notes: tuple[str, ...] = ()

    def names(self) -> tuple[str, ...]:
        """Returns none."""
        return ()

    def find(self, topic: str, image: BagImage) -> int | None:
        """Returns None."""
        return None

    def rows_of(self, topic: str) -> Iterable[int]:
        """Returns none."""
        return ()

    def masks_of(self, row: int) -> tuple[str, int] | None:
        """Returns None."""
        return None


class Matching:
    """The truth of one topic, as its images are read.

    Args:
        truth: of the bag.
        topic: of the images.
    """

    def __init__(self, truth: BagTruth, topic: str) -> None:
        self._truth = truth
        self._topic = topic
        self._ends: dict[int, str] = {}  # of rows: why they are not used, "" for those that are
        self._counts: Counter[str] = Counter()

    def of(self, image: BagImage, frame: Frame, masks: InstanceReader) -> FrameTruth | None:
        """Returns what is true of an image with a picture; None where nothing is known of it.

        The second image of a stamp has no truth: which of them was meant cannot be known.

        Raises:
            EvaluationError: what is true does not fit the picture.
        """
        row = self._truth.find(self._topic, image)
        if row is None:
            return None
        if row in self._ends:
            self._counts[REPEATED] += 1
            return None
        self._ends[row] = CONTRADICTED if row in self._truth.contradicted else ""
        if self._ends[row]:
            return None
        try:
            return self._fitted(row, frame, masks)
        except EvaluationError as error:
            seconds, nanoseconds = divmod(image.stamp or 0, 1_000_000_000)
            raise EvaluationError(
                f"{shown_path(self._topic)}: frame {image.index}, stamp "
                f"{seconds}.{nanoseconds:09d}: {error}"
            ) from None

    def leave_out(self, image: BagImage) -> None:
        """Takes down an image without a picture."""
        row = self._truth.find(self._topic, image)
        if row is not None:
            self._ends.setdefault(row, OF_BROKEN)

    def unused(self) -> Mapping[str, int]:
        """Returns what was true of no picture so far, counted by cause."""
        counts = self._counts.copy()
        for row in self._truth.rows_of(self._topic):
            counts[self._ends.get(row, NO_PICTURE)] += 1
        del counts[""]
        return {cause: count for cause, count in sorted(counts.items()) if count}

    def _fitted(self, row: int, frame: Frame, masks: InstanceReader) -> FrameTruth:
        truth, size = self._truth.table[row], self._truth.table.size(row)
        if size != UNKNOWN_SIZE:
            _check_size("as annotated", size, frame)
            return truth
        place = self._truth.masks_of(row)
        if place is not None:
            numbers = masks.numbers(*place)
            _check_size(f"of masks on {shown_path(place[0])}", numbers.shape, frame)
            try:
                truth = with_masks(truth, numbers)
            except EvaluationError as error:
                raise EvaluationError(f"{shown_path(place[0])}: {error}") from None
        there = inside(truth, frame.height, frame.width)
        self._counts[OUTSIDE] += len(truth) - len(there)
        return there


def _check_size(what: str, size: tuple[int, ...], frame: Frame) -> None:
    if size != (frame.height, frame.width):
        raise EvaluationError(
            f"expected a picture of {size[1]}x{size[0]} px, {what}, found "
            f"{frame.width}x{frame.height} px"
        )
