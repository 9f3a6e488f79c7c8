# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Collects what people made of proposals, whichever tool they used."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from pycocotools import mask as coco_mask

from vit_perception.evaluation.errors import EvaluationError
from vit_perception.evaluation.labelling.labelled import (
    Box,
    LabelledPicture,
    Thing,
    last_part,
)
from vit_perception.evaluation.labelling.outlines import Polygon, filled
from vit_perception.names import VocabularyError, checked_names
from vit_perception.rle import Rle, RleError
from vit_perception.wording import shown

# Label Studio puts this before the names of files that are uploaded.
_UPLOADED = re.compile("^[0-9a-f]{8}-")

OUTSIDE = "things without a pixel in the picture, left out"
ROTATED = "rotated rectangles, taken as the boxes around them"


@dataclass(slots=True)
class Corrections:
    """Pictures that people went through.

    Args:
        known: the pictures that were given to them.

    Attributes:
        done: those that they went through, by file name.
        notes: what was not taken as it was drawn, counted by cause.
        labels: that could be given, where the tool tells; else None.
    """

    known: Sequence[LabelledPicture]
    done: dict[str, LabelledPicture] = field(default_factory=dict)
    notes: Counter[str] = field(default_factory=Counter)
    labels: set[str] | None = None
    _shelf: dict[str, LabelledPicture] = field(init=False)

    def __post_init__(self) -> None:
        self._shelf = {last_part(picture.file_name): picture for picture in self.known}
        if len(self._shelf) < len(self.known):
            raise EvaluationError("expected pictures with names of their own, found one twice")

    @property
    def pictures(self) -> list[LabelledPicture]:
        """Those that people went through, in the order in which they were given."""
        names = (picture.file_name for picture in self.known)
        return [self.done[name] for name in names if name in self.done]

    def find(self, name: str) -> LabelledPicture:
        """Returns the picture that a tool calls so, whatever it puts before the file's name.

        Raises:
            EvaluationError: there is none.
        """
        last = last_part(name)
        found = self._shelf.get(last) or self._shelf.get(_UPLOADED.sub("", last))
        if found is None:
            raise EvaluationError(
                f"expected pictures of the folder of proposals, found {shown(name)}"
            )
        return found

    def add(self, picture: LabelledPicture, things: Iterable[Thing]) -> None:
        """Takes the things of a picture that `find` gave.

        Raises:
            EvaluationError: the picture was there already.
        """
        if picture.file_name in self.done:
            raise EvaluationError(f"expected {shown(picture.file_name)} once, found it again")
        self.done[picture.file_name] = replace(picture, things=tuple(things))

    def alike_names(self) -> list[tuple[str, ...]]:
        """Returns names of things that differ in case alone, each group together, sorted."""
        groups: defaultdict[str, set[str]] = defaultdict(set)
        for picture in self.done.values():
            for thing in picture.things:
                groups[thing.name.casefold()].add(thing.name)
        return [tuple(sorted(groups[key])) for key in sorted(groups) if len(groups[key]) > 1]

    def box(
        self, name: str, corners: Box, picture: LabelledPicture, mask: Rle | None = None
    ) -> Thing | None:
        """Returns a thing in a box, as far as it is in the picture; else None."""
        x1, x2 = (min(max(value, 0.0), picture.width) for value in corners[::2])
        y1, y2 = (min(max(value, 0.0), picture.height) for value in corners[1::2])
        box = (round(x1, 2), round(y1, 2), round(x2, 2), round(y2, 2))
        if box[2] <= box[0] or box[3] <= box[1]:
            self.notes[OUTSIDE] += 1
            return None
        return Thing(name, box, mask)

    def rotated(self, name: str, corners: Polygon, picture: LabelledPicture) -> Thing | None:
        """Returns a thing in the box around the corners of a rotated one."""
        self.notes[ROTATED] += 1
        columns, rows = zip(*corners, strict=True)
        return self.box(name, (min(columns), min(rows), max(columns), max(rows)), picture)

    def outlined(
        self, name: str, polygons: Sequence[Polygon], picture: LabelledPicture
    ) -> Thing | None:
        """Returns a thing inside outlines, px; None if they hold no pixel.

        Raises:
            EvaluationError: they are no outlines.
        """
        try:
            mask = filled(polygons, (picture.height, picture.width))
        except RleError as error:
            raise EvaluationError(str(error)) from None
        return self.masked(name, mask)

    def masked(self, name: str, mask: Rle) -> Thing | None:
        """Returns a thing with a mask; None if it has no pixel."""
        stored = {"size": mask["size"], "counts": mask["counts"].encode("ascii")}
        x, y, width, height = coco_mask.toBbox(stored).tolist()
        if width <= 0 or height <= 0:
            self.notes[OUTSIDE] += 1
            return None
        return Thing(name, (x, y, x + width, y + height), mask)


def named(label: object) -> str:
    """Returns a name that a person gave, without blanks around and double ones in it.

    Raises:
        EvaluationError: it cannot be looked for.
    """
    name = " ".join(label.split()) if isinstance(label, str) else ""
    try:
        checked_names([name])
    except VocabularyError as error:
        raise EvaluationError(f"label: {error}") from None
    return name


def turned(
    corner: tuple[float, float], about: tuple[float, float], degrees: float
) -> tuple[float, float]:
    """Returns a corner after a turn about a point, clockwise as seen in the picture, px."""
    angle = math.radians(degrees)
    right, down = corner[0] - about[0], corner[1] - about[1]
    return (
        about[0] + right * math.cos(angle) - down * math.sin(angle),
        about[1] + right * math.sin(angle) + down * math.cos(angle),
    )
