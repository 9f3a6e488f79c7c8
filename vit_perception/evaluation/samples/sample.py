# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""One picture of a measurement, and what is true of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vit_perception.frame import Frame
from vit_perception.rle import Rle

NO_LABELS = "expected pictures with labels, found none; 'compare' and 'label' need no labels"
"""What is said of sources in which nothing is known to be true."""


@dataclass(frozen=True, slots=True, eq=False)
class FrameTruth:
    """N things in one picture.

    Attributes:
        boxes: float32 [N, 4], x1 y1 x2 y2 px.
        names: N names.
        masks: N run lengths; None where not every thing has one.
        areas: float32 [N], px²: of the masks, else of the boxes.
        crowds: bool [N], regions of many things, on which nothing is judged.
        parts: N words such as "train"; "" without.
        ids: N ids, of the things over time; "" without.
    """

    boxes: NDArray[np.float32]
    names: tuple[str, ...]
    masks: tuple[Rle, ...] | None
    areas: NDArray[np.float32]
    crowds: NDArray[np.bool_]
    parts: tuple[str, ...]
    ids: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One picture.

    Attributes:
        number: its place in the sequence, from 0; broken images have places too.
        name: of the file, or "" for an image of a bag.
        frame: the picture, with stamp and frame_id.
        truth: what is in it; None where nothing is known of it, which is not the same as nothing.
        time: of the recording, ns; 0 without.
    """

    number: int
    name: str
    frame: Frame
    truth: FrameTruth | None
    time: int = 0


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A picture that cannot be looked at.

    Attributes:
        number: its place in the sequence, from 0.
        cause: a word, as the node's diagnostics count it.
        line: what is wrong with it.
    """

    number: int
    cause: str
    line: str


class SampleSequence(Protocol):
    """Pictures in one order: of a folder, or of one camera of a bag.

    Attributes:
        key: tells it from the others of a measurement; fit for the name of a folder.
        title: for people: the path and, of a bag, the topic.
        notes: what was left out of the source before any picture was read, one line each.
    """

    key: str
    title: str
    notes: tuple[str, ...]

    def names(self) -> tuple[str, ...]:
        """Returns the names of what is true, each once, sorted or in the order of the source."""

    def __len__(self) -> int:
        """Returns how many pictures are announced, for the progress."""

    def samples(self) -> Iterator[Sample | LeftOut]:
        """Yields all pictures in order.

        Raises:
            BagDamageError: pictures are missing; after all that are there.
            EvaluationError: a picture or what is true of it does not fit.
        """

    def unused(self) -> Mapping[str, int]:
        """Returns what was true of no picture that was read, counted by cause."""
