# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""COCO's and LVIS's metrics by hotcoco, some pictures at a time to save memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from vit_perception.evaluation.dataset import Dataset, Picture
from vit_perception.evaluation.lvis_dataset import LvisDataset
from vit_perception.evaluation.results import Found
from vit_perception.evaluation.truth import Truth

if TYPE_CHECKING:
    from hotcoco import StreamingEval

SIZES = ("small", "medium", "large")
"""The library's sizes of objects, in the order of its tables, where "all" comes first."""
# The library takes 400 bytes for a detection until it is compared, and 30 from then on.
_DETECTIONS_AT_ONCE = 20_000


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """Precision and recall as the library returns them.

    Attributes:
        categories: C ids.
        precision: float64 [thresholds, recalls, C, sizes, limits]; -1 if there are no objects.
        recall: float64 [thresholds, C, sizes, limits]; -1 if there are no objects.
    """

    categories: tuple[int, ...]
    precision: NDArray[np.float64]
    recall: NDArray[np.float64]

    def average_precision(
        self,
        *,
        size: int = 0,
        overlap: float | None = None,
        categories: Set[int] | None = None,
    ) -> float | None:
        """Returns the mean over categories and overlaps; None if there are no objects.

        Args:
            size: 0 for all, else an index into SIZES from 1.
            overlap: 0.50, 0.55, ... 0.95, or None for all of these.
            categories: ids, or None for all.
        """
        rows = [i for i, c in enumerate(self.categories) if categories is None or c in categories]
        thresholds = slice(None)
        if overlap is not None:
            first = round((overlap - 0.5) / 0.05)
            thresholds = slice(first, first + 1)
        return _mean(self.precision[thresholds][:, :, rows, size, -1])

    def average_precisions_at_50(self) -> dict[int, float | None]:
        """Returns the average precision at overlap 0.50 of each category."""
        return {
            category: _mean(self.precision[0, :, index, 0, -1])
            for index, category in enumerate(self.categories)
        }

    def recall_at_50(self, limit: int) -> float | None:
        """Returns the recall at overlap 0.50; `limit` is an index into the limits."""
        return _mean(self.recall[0, :, 0, limit])


def compare(
    data: Dataset,
    found: Sequence[Found],
    truths: Sequence[Truth],
    limits: Sequence[int],
) -> list[Curves | None]:
    """Compares detections with each of several truths.

    Args:
        data: the pictures to count.
        found: one entry per picture; compares masks if they have any, else boxes.
        truths: one result each, None for a truth without objects.
        limits: detections kept per picture and category, ascending.
    """
    masks = bool(found) and found[0].masks is not None
    kind: Literal["segm", "bbox"] = "segm" if masks else "bbox"
    blocks = list(_blocks(data.pictures, found))
    return [
        _compared(truth, blocks, limits, kind) if truth.categories else None for truth in truths
    ]


def compare_federated(data: LvisDataset, found: Sequence[Found]) -> Curves | None:
    """Compares boxes with what LVIS knows of each picture; None if there are no objects.

    A detection is not judged if its category is neither in the picture nor listed as absent, or
    if it lies on no object and its category is not marked completely. All detections count:
    the library would limit them per picture and category, which LVIS does not.

    Args:
        data: the pictures to count.
        found: one entry per picture.
    """
    wanted = sorted({annotation["category_id"] for annotation in data.annotations})
    if not wanted:
        return None
    most = max((len(one) for one in found), default=1)
    evaluation = _evaluation(wanted, [most], "bbox", federated=True)
    objects = _by_picture(data.annotations)
    inside = frozenset(wanted)
    for pictures, several in _blocks(data.pictures, found):
        described = [
            {
                "id": picture.id,
                "neg_category_ids": sorted(data.absent[picture.id] & inside),
                "not_exhaustive_category_ids": sorted(data.incomplete[picture.id] & inside),
            }
            for picture in pictures
        ]
        annotations = [a for picture in pictures for a in objects.get(picture.id, ())]
        evaluation.update(described, _numbered(annotations), _table(several, wanted))
    return _curves(evaluation, wanted)


def _compared(
    truth: Truth,
    blocks: Sequence[tuple[Sequence[Picture], Sequence[Found]]],
    limits: Sequence[int],
    kind: Literal["segm", "bbox"],
) -> Curves:
    categories = list(truth.categories)
    evaluation = _evaluation(categories, limits, kind)
    kinds = [_by_picture(each) for each in (truth.objects, truth.regions, truth.wide_regions)]
    for pictures, several in blocks:
        objects, regions, wide = (
            tuple(a for picture in pictures for a in each.get(picture.id, ())) for each in kinds
        )
        there = {
            (one.picture, category)
            for one in several
            for category in np.unique(one.categories).tolist()
        }
        here = Truth(objects, regions, wide, truth.categories)
        annotations = here.annotations(categories, there)
        if kind == "segm":
            results: Any = [entry for one in several for entry in one.entries(categories)]
        else:
            results = _table(several, categories)
        evaluation.update([{"id": picture.id} for picture in pictures], annotations, results)
    return _curves(evaluation, categories)


def _blocks(
    pictures: Sequence[Picture], found: Sequence[Found]
) -> Iterator[tuple[Sequence[Picture], Sequence[Found]]]:
    """Yields the pictures and what was found in them, some detections at a time."""
    results: dict[int, list[Found]] = {}
    for one in found:
        results.setdefault(one.picture, []).append(one)
    block: list[Picture] = []
    count = 0
    for picture in pictures:
        more = sum(len(one) for one in results.get(picture.id, ()))
        if block and count + more > _DETECTIONS_AT_ONCE:
            yield block, [one for each in block for one in results.get(each.id, ())]
            block, count = [], 0
        block.append(picture)
        count += more
    if block:
        yield block, [one for each in block for one in results.get(each.id, ())]


def _by_picture(annotations: Iterable[dict[str, Any]]) -> dict[int, list[dict[str, Any]]]:
    there: dict[int, list[dict[str, Any]]] = {}
    for annotation in annotations:
        there.setdefault(annotation["image_id"], []).append(annotation)
    return there


def _numbered(annotations: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns annotations with ids from 1: the library takes id 0 for no object."""
    return [{**annotation, "id": number} for number, annotation in enumerate(annotations, start=1)]


def _table(found: Sequence[Found], categories: Sequence[int]) -> NDArray[np.float64]:
    """Returns boxes as the library reads them: picture, x, y, w, h, score, category."""
    tables = [np.zeros((0, 7))]
    for one in found:
        rows = np.flatnonzero(np.isin(one.categories, categories))
        boxes = one.boxes[rows].astype(np.float64)
        table = np.empty((len(rows), 7))
        table[:, 0] = one.picture
        table[:, 1:3] = boxes[:, :2]
        table[:, 3:5] = boxes[:, 2:] - boxes[:, :2]
        table[:, 5] = one.scores[rows]
        table[:, 6] = one.categories[rows]
        tables.append(table)
    return np.concatenate(tables)


def _evaluation(
    categories: Sequence[int],
    limits: Sequence[int],
    kind: Literal["segm", "bbox"],
    *,
    federated: bool = False,
) -> StreamingEval:
    from hotcoco import Params, StreamingEval

    params = Params(kind)
    params.max_dets = list(limits)
    kinds = [{"id": key, "name": str(key)} for key in categories]
    return StreamingEval(kinds, kind, federated, params)


def _curves(evaluation: StreamingEval, categories: Sequence[int]) -> Curves:
    evaluator = evaluation.finalize()
    evaluator.accumulate()
    curves: dict[str, Any] = evaluator.eval or {}
    return Curves(tuple(categories), curves["precision"], curves["recall"])


def _mean(values: NDArray[np.float64]) -> float | None:
    """Returns the mean of the known values (the library writes -1 for the others)."""
    known = values[values > -1]
    return float(known.mean()) if known.size else None
