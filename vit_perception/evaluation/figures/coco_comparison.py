# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Compares what was found with what is true by COCO's rules, some pictures at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vit_perception.evaluation.figures.averages import RECALL_AT, Averages
from vit_perception.evaluation.figures.flat import Rows, Things, inside
from vit_perception.evaluation.figures.library_form import (
    categories,
    entries,
    images,
    sides,
    table,
)
from vit_perception.rle import Rle

if TYPE_CHECKING:
    from hotcoco import StreamingEval

# The library takes 400 bytes for a detection until it is compared, and 30 from then on.
_PICTURES_AT_ONCE = 256


class CocoComparison:
    """Collects comparisons of pictures.

    Args:
        names: N, how many were asked for.
        limits: detections of a name in a picture that count, ascending.
        masks: whether masks are compared, else boxes.
    """

    def __init__(
        self, names: int, limits: Sequence[int] = RECALL_AT, *, masks: bool = False
    ) -> None:
        from hotcoco import Params, StreamingEval

        kind = "segm" if masks else "bbox"
        params = Params(kind)
        params.max_dets = list(limits)
        self._evaluation = StreamingEval(categories(names), kind, params=params)

    def add(
        self,
        things: Things,
        rows: Rows,
        pictures: tuple[int, int],
        objects: NDArray[np.bool_] | None = None,
    ) -> None:
        """Compares the boxes of the pictures from the first to before the second.

        Args:
            things: what is true, in other pictures too.
            rows: what was found, in other pictures too.
            pictures: which to compare.
            objects: bool [T], what there is to find; all that is judged by default.
        """
        objects = things.judged() if objects is None else objects
        for first in range(*pictures, _PICTURES_AT_ONCE):
            last = min(pictures[1], first + _PICTURES_AT_ONCE)
            here = inside(things.pictures, first, last)
            found = rows.chosen(inside(rows.pictures, first, last))
            truth = _annotations(things.chosen(here), found, objects[here])
            self._evaluation.update(images(first, last), truth, table(found))

    def add_masks(
        self,
        things: Things,
        rows: Rows,
        pictures: tuple[int, int],
        true: Sequence[Rle],
        found: Sequence[Rle],
    ) -> None:
        """Compares the masks of the pictures from the first to before the second.

        Args:
            things: what is true in these pictures.
            rows: what was found in them.
            pictures: which these are.
            true: masks of the things.
            found: masks of the detections.
        """
        truth = _annotations(things, rows, things.judged(), true)
        columns = (rows.pictures + 1, rows.labels + 1, rows.scores)
        # Without boxes, so that the library takes sizes from the masks.
        results = [
            {"image_id": picture, "category_id": category, "score": score, "segmentation": mask}
            for picture, category, score, mask in zip(
                *(column.tolist() for column in columns), found, strict=True
            )
        ]
        self._evaluation.update(images(*pictures), truth, results)

    def averages(self) -> Averages:
        """Returns the averages over all that was added."""
        return _averages(self._evaluation)

    @staticmethod
    def together(comparisons: Sequence[CocoComparison]) -> Averages:
        """Returns the averages over several comparisons of different pictures, at least one."""
        from hotcoco import StreamingEval

        return _averages(StreamingEval.merge([each._evaluation for each in comparisons]))


def _averages(evaluation: StreamingEval) -> Averages:
    evaluator = evaluation.finalize()
    evaluator.accumulate()
    arrays: dict[str, Any] = evaluator.eval or {}
    # Precision matters at the largest limit only; a copy frees the others.
    return Averages(np.ascontiguousarray(arrays["precision"][..., -1]), arrays["recall"])


def _annotations(
    things: Things, rows: Rows, objects: NDArray[np.bool_], masks: Sequence[Rle] | None = None
) -> list[dict[str, Any]]:
    entered = entries(things, rows, objects)
    columns = zip(
        entered.things.tolist(),
        (things.pictures[entered.things] + 1).tolist(),
        (entered.labels + 1).tolist(),
        sides(things.boxes[entered.things]).tolist(),
        things.areas[entered.things].tolist(),
        entered.regions.tolist(),
        strict=True,
    )
    return [
        {
            "id": number,
            "image_id": picture,
            "category_id": category,
            "bbox": box,
            "area": area,
            "iscrowd": int(region),
        }
        | ({} if masks is None else {"segmentation": masks[thing]})
        for number, (thing, picture, category, box, area, region) in enumerate(columns, start=1)
    ]
