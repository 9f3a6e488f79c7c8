# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Compares masks on the way through the pictures, so that none are kept."""

from __future__ import annotations

from collections.abc import Sequence

from vit_perception.evaluation.figures.averages import Averages
from vit_perception.evaluation.figures.coco_comparison import CocoComparison
from vit_perception.evaluation.figures.flat import Rows, Things
from vit_perception.evaluation.rows.looked_at import FrameRows
from vit_perception.evaluation.samples.sample import FrameTruth
from vit_perception.rle import Rle


class MaskComparison:
    """Compares the masks of one run, unless a thing or a detection has none.

    Args:
        names: N, how many were asked for.
    """

    def __init__(self, names: int) -> None:
        self._comparison: CocoComparison | None = CocoComparison(names, masks=True)
        self._things, self._found = False, False

    def add(
        self,
        truths: Sequence[FrameTruth],
        rows: Sequence[FrameRows],
        flat: tuple[Things, Rows],
        pictures: tuple[int, int],
    ) -> None:
        """Compares the masks of some pictures.

        Args:
            truths: one entry per picture.
            rows: one entry per picture.
            flat: the same without masks.
            pictures: index of the first and after the last.
        """
        true = _masks(truths)
        found = _masks(rows)
        if self._comparison is None or true is None or found is None:
            # Figures of some of the pictures would be called those of all.
            self._comparison = None
            return
        self._things = self._things or bool(true)
        self._found = self._found or any(one.masks is not None for one in rows)
        self._comparison.add_masks(*flat, pictures, true, found)

    def averages(self) -> Averages | None:
        """Returns the averages; None where something has no mask, or nothing has one."""
        if self._comparison is None or not self._things or not self._found:
            return None
        return self._comparison.averages()


def _masks(each: Sequence[FrameTruth] | Sequence[FrameRows]) -> list[Rle] | None:
    """Returns all masks; None where something has none."""
    masks: list[Rle] = []
    for one in each:
        if one.masks is None and len(one):
            return None
        masks += one.masks or ()
    return masks
