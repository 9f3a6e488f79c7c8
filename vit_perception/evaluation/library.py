# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""COCO's and LVIS's metrics by faster-coco-eval, some categories at a time to save memory."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from vit_perception.evaluation.dataset import Dataset, Picture
from vit_perception.evaluation.lvis_dataset import LvisDataset
from vit_perception.evaluation.results import Found
from vit_perception.evaluation.truth import Truth

SIZES = ("small", "medium", "large")
"""The library's sizes of objects, in the order of its tables, where "all" comes first."""
# Detections become dictionaries of 1 kB for the library; hundreds of categories and pictures at
# once would take gigabytes.
_CATEGORIES_AT_ONCE = 32


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
    wanted = sorted({category for truth in truths for category in truth.categories})
    pieces: list[list[Curves]] = [[] for _ in truths]
    pictures = [_picture(picture) for picture in data.pictures]
    for start in range(0, len(wanted), _CATEGORIES_AT_ONCE):
        chunk = wanted[start : start + _CATEGORIES_AT_ONCE]
        entries = [entry for one in found for entry in one.entries(chunk)]
        there = {(entry["image_id"], entry["category_id"]) for entry in entries}
        kinds = [{"id": key, "name": data.categories.get(key, "")} for key in chunk]
        results = _dataset(pictures, kinds, [], entries)
        for truth, curves in zip(truths, pieces, strict=True):
            categories = sorted(set(chunk) & set(truth.categories))
            if categories:
                expected = _dataset(pictures, kinds, truth.annotations(categories, there))
                kind: Literal["segm", "bbox"] = "segm" if masks else "bbox"
                curves.append(_run(expected, results, categories, limits, kind))
    return [_joined(curves) if curves else None for curves in pieces]


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
    judged = data.judged()
    most = max((len(one) for one in found), default=1)
    curves: list[Curves] = []
    for start in range(0, len(wanted), _CATEGORIES_AT_ONCE):
        chunk = wanted[start : start + _CATEGORIES_AT_ONCE]
        inside = frozenset(chunk)
        # A category is judged in a few pictures only; leaving out the others saves time.
        chosen = [p for p in data.pictures if not inside.isdisjoint(judged[p.id])]
        ids = {picture.id for picture in chosen}
        pictures = [
            _picture(picture)
            | {
                "neg_category_ids": sorted(data.absent[picture.id]),
                "not_exhaustive_category_ids": sorted(data.incomplete[picture.id]),
            }
            for picture in chosen
        ]
        kinds = [
            {"id": key, "name": data.names[key], "frequency": data.frequencies[key]}
            for key in chunk
        ]
        entries = [e for one in found if one.picture in ids for e in one.entries(chunk)]
        objects = [a for a in data.annotations if a["category_id"] in inside]
        # Ids start at 1: the library takes id 0 for no object.
        objects = [{**a, "id": number} for number, a in enumerate(objects, start=1)]
        results = _dataset(pictures, kinds, [], entries)
        expected = _dataset(pictures, kinds, objects)
        curves.append(_run(expected, results, chunk, [most], "bbox", federated=True))
    return _joined(curves) if curves else None


def _picture(picture: Picture) -> dict[str, Any]:
    """Returns the library's form; it requires a size, though masks carry their own."""
    return {"id": picture.id, "file_name": picture.file_name, "height": 0, "width": 0}


def _dataset(
    pictures: Sequence[dict[str, Any]],
    categories: Sequence[dict[str, Any]],
    annotations: Sequence[dict[str, Any]],
    results: list[dict[str, Any]] | None = None,
) -> Any:
    """Returns the library's form of annotations or, if given, of results."""
    from faster_coco_eval import COCO

    document = {
        "info": {},
        "images": list(pictures),
        "categories": list(categories),
        "annotations": list(annotations),
    }
    with contextlib.redirect_stdout(io.StringIO()):
        dataset = COCO(document)
        return dataset if results is None else dataset.loadRes(results)


def _run(
    expected: Any,
    results: Any,
    categories: Sequence[int],
    limits: Sequence[int],
    kind: Literal["segm", "bbox"],
    *,
    federated: bool = False,
) -> Curves:
    from faster_coco_eval import COCOeval_faster

    with contextlib.redirect_stdout(io.StringIO()):
        evaluator = COCOeval_faster(
            expected, results, kind, extra_calc=False, lvis_style=federated
        )
        evaluator.params.catIds = list(categories)
        evaluator.params.maxDets = list(limits)
        evaluator.evaluate()
        evaluator.accumulate()
    evaluation: dict[str, Any] = evaluator.eval
    return Curves(tuple(categories), evaluation["precision"], evaluation["recall"])


def _joined(curves: Sequence[Curves]) -> Curves:
    return Curves(
        tuple(category for one in curves for category in one.categories),
        np.concatenate([one.precision for one in curves], axis=2),
        np.concatenate([one.recall for one in curves], axis=1),
    )


def _mean(values: NDArray[np.float64]) -> float | None:
    """Returns the mean of the known values (the library writes -1 for the others)."""
    known = values[values > -1]
    return float(known.mean()) if known.size else None
