# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What is wrong with the published detections of one picture, in words."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vit_perception.evaluation.figures.flat import Rows, Things, inside
from vit_perception.evaluation.figures.kinds import BESIDE
from vit_perception.evaluation.figures.library_form import overlaps_of
from vit_perception.evaluation.figures.matches import NOTHING, OVERLAP, Matches


@dataclass(frozen=True, slots=True, eq=False)
class Published:
    """What one run publishes.

    Attributes:
        names: that were asked for.
        things: what is true.
        rows: what was found.
        matches: the same.
        kept: bool [D], what is published.
        lies_on: int64 [D], object that it lies on, whatever its name, or NOTHING.
    """

    names: tuple[str, ...]
    things: Things
    rows: Rows
    matches: Matches
    kept: NDArray[np.bool_]
    lies_on: NDArray[np.int64]

    def wrong(self, picture: int) -> Counter[str]:
        """Returns the errors of a picture: of its detections, best first, and then the misses.

        "mug as bowl": a mug is called a bowl. "mug also as bowl": and another box has found it.
        "mug twice": a better box has found it. "mug misplaced": the box overlaps a mug by less
        than half. "nothing as mug": there is none. "mug missed": no box lies on it.
        """
        here = inside(self.rows.pictures, picture, picture + 1)
        there = inside(self.things.pictures, picture, picture + 1)
        objects = there[self.things.judged()[there]]
        shown = here[self.kept[here] & ~self.matches.ignored[here]]
        errors = [self._line(index, objects) for index in shown.tolist()]
        on = self.lies_on[shown]
        missed = np.setdiff1d(objects, on[on != NOTHING])
        errors += [f"{self.names[label]} missed" for label in self.things.labels[missed].tolist()]
        return Counter(error for error in errors if error)

    def _line(self, index: int, objects: NDArray[np.int64]) -> str:
        """Returns what is wrong with a detection; "" for nothing."""
        if self.matches.true[index]:
            return ""
        label, on = int(self.rows.labels[index]), int(self.lies_on[index])
        name = self.names[label]
        if on != NOTHING:
            return f"{self.names[self.things.labels[on]]} as {name}"
        if not len(objects):
            return f"nothing as {name}"
        overlaps = overlaps_of(self.rows.boxes[[index]], self.things.boxes[objects])[0]
        alike = np.where(self.things.labels[objects] == label, overlaps, 0)
        if alike.max() >= OVERLAP:
            return f"{name} twice"
        if overlaps.max() >= OVERLAP:
            there = self.things.labels[objects[overlaps.argmax()]]
            return f"{self.names[there]} also as {name}"
        return f"{name} misplaced" if alike.max() >= BESIDE else f"nothing as {name}"


def lines(counts: Counter[str]) -> list[str]:
    """Returns errors as lines, several alike as "mug missed (2)"."""
    return [line if count == 1 else f"{line} ({count})" for line, count in counts.items()]
