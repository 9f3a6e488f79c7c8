# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""COCO's metric by faster-coco-eval, some categories at a time so that memory stays small."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from vit_perception.evaluation.dataset import Dataset
from vit_perception.evaluation.results import Found
from vit_perception.evaluation.truth import Truth

# The library's own sizes of objects, in the order of its tables: all, then these.
SIZES = ("small", "medium", "large")
# Detections become dictionaries for the library, at 1 kB each: of hundreds of categories and
# pictures, all at once would be gigabytes.
_CATEGORIES_AT_ONCE = 32


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """What the library measured.

    Attributes:
        categories: C ids.
        precision: float64 [thresholds, recalls, C, sizes, limits]; -1 where nothing was there.
        recall: float64 [thresholds, C, sizes, limits]; -1 where nothing was there.

    """

    categories: tuple[int, ...]
    precision: NDArray[np.float64]
    recall: NDArray[np.float64]

    def average_precision(self, *, size: int = 0, at_50: bool = False) -> float | None:
        """Mean over categories and overlaps 0.50 to 0.95, or at 0.50 only."""
        return _mean(self.precision[: 1 if at_50 else None, :, :, size, -1])

    def average_precisions_at_50(self) -> dict[int, float | None]:
        """Average precision at overlap 0.50 of each category."""
        return {
            category: _mean(self.precision[0, :, index, 0, -1])
            for index, category in enumerate(self.categories)
        }

    def recall_at_50(self, limit: int) -> float | None:
        """Recall at overlap 0.50, of the limit with this index."""
        return _mean(self.recall[0, :, 0, limit])


def compare(
    data: Dataset,
    found: Sequence[Found],
    truths: Sequence[Truth],
    limits: Sequence[int],
) -> list[Curves | None]:
    """Compare detections with each of several truths.

    Args:
        data: its pictures are the ones that count.
        found: one entry a picture; where they have masks, masks are compared, else boxes.
        truths: for each, curves come back, or None where it has no object.
        limits: detections kept of a picture and category, ascending.

    """
    masks = bool(found) and found[0].masks is not None
    wanted = sorted({category for truth in truths for category in truth.categories})
    pieces: list[list[Curves]] = [[] for _ in truths]
    for start in range(0, len(wanted), _CATEGORIES_AT_ONCE):
        chunk = wanted[start : start + _CATEGORIES_AT_ONCE]
        entries = [entry for one in found for entry in one.entries(chunk)]
        there = {(entry["image_id"], entry["category_id"]) for entry in entries}
        results = _dataset(data, [], chunk, entries)
        for truth, curves in zip(truths, pieces, strict=True):
            categories = sorted(set(chunk) & set(truth.categories))
            if categories:
                expected = _dataset(data, truth.annotations(categories, there), chunk)
                kind: Literal["segm", "bbox"] = "segm" if masks else "bbox"
                curves.append(_run(expected, results, categories, limits, kind))
    return [_joined(curves) if curves else None for curves in pieces]


def _dataset(
    data: Dataset,
    annotations: Sequence[dict[str, Any]],
    categories: Sequence[int],
    results: list[dict[str, Any]] | None = None,
) -> Any:
    """The library's form of annotations or, where given, of results."""
    from faster_coco_eval import COCO

    # The masks carry their own size; the library wants one of the picture nevertheless.
    pictures = [
        {"id": p.id, "file_name": p.file_name, "height": 0, "width": 0} for p in data.pictures
    ]
    document = {
        "info": {},
        "images": pictures,
        "categories": [{"id": key, "name": data.categories.get(key, "")} for key in categories],
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
) -> Curves:
    from faster_coco_eval import COCOeval_faster

    with contextlib.redirect_stdout(io.StringIO()):
        evaluator = COCOeval_faster(expected, results, kind, extra_calc=False)
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
    """Mean of what could be measured (the library writes -1 elsewhere)."""
    known = values[values > -1]
    return float(known.mean()) if known.size else None
