# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""COCO metrics of a predictor on a dataset folder, by part of the split."""

from __future__ import annotations

from typing import Any

from vit_perception.evaluation.dataset import Dataset
from vit_perception.evaluation.library import SIZES, Curves, compare
from vit_perception.evaluation.results import (
    MASKS_PER_PICTURE,
    Found,
    Results,
)
from vit_perception.evaluation.truth import Truth, lenient, strict

RECALL_AT = (30, 100)
"""Proposals per picture at which class-agnostic recall is reported."""
NAMED = ("AP", "AP50", "AP_strict", "AP50_strict", *(f"AP50_{size}" for size in SIZES))
"""Metrics of boxes; those of masks have the prefix "mask_"."""
MASK_NAMED = tuple(f"mask_{figure}" for figure in NAMED)
UNNAMED = (*(f"AR50@{count}" for count in RECALL_AT), "AP50_any")
DETECTIONS_PER_CATEGORY = 100
"""COCO's limit of detections per picture and category."""

_ANY = 1  # the single category of boxes without names


def summarize(data: Dataset, results: Results) -> dict[str, Any]:
    """Returns the metrics of the detections.

    Returns:
        `dataset`, `pictures`, `objects`, `categories` (asked), `detections`,
        `masks_per_picture` (None without masks), `overall` and `parts` (name → the same keys):
        `objects`, `named_objects` (whose names are asked), `categories` (with such objects),
        NAMED, UNNAMED and, with masks, MASK_NAMED. A metric without objects is None.

        AP and AP50 ignore detections on objects of other parts; AP_strict and AP50_strict ignore
        only those on objects of the same name in other parts. AR50@N is the recall of the best N
        boxes without names, AP50_any the average precision of the best 100.
    """
    parts: list[str | None] = [None, *data.parts()]
    mild, hard = [lenient(data, part) for part in parts], [strict(data, part) for part in parts]
    rows = [_counts(truth) for truth in mild]
    for prefix, found in (("", results.boxes), ("mask_", results.masks)):
        if found is not None:
            for row, figures in zip(rows, _named(data, found, mild, hard), strict=True):
                row |= {prefix + key: value for key, value in figures.items()}
    for row, figures in zip(rows, _unnamed(data, results.boxes, hard), strict=True):
        row |= figures
    return {
        "dataset": data.directory.name,
        "pictures": len(data.pictures),
        "objects": sum(not a["iscrowd"] for a in data.annotations),
        "categories": len(data.names),
        "detections": sum(len(found) for found in results.boxes),
        "masks_per_picture": None if results.masks is None else MASKS_PER_PICTURE,
        "overall": rows[0],
        "parts": dict(zip(data.parts(), rows[1:], strict=True)),
    }


def _counts(truth: Truth) -> dict[str, Any]:
    named = sum(a["category_id"] in truth.categories for a in truth.objects)
    return {
        "objects": len(truth.objects),
        "named_objects": named,
        "categories": len(truth.categories),
    }


def _named(
    data: Dataset, found: tuple[Found, ...], mild: list[Truth], hard: list[Truth]
) -> list[dict[str, float | None]]:
    """Returns the metrics by name, one row per part."""
    # For all parts together, the first in both lists, lenient and strict are the same.
    curves = compare(data, found, [*mild, *hard[1:]], [DETECTIONS_PER_CATEGORY])
    others = [curves[0], *curves[len(mild) :]]
    return [_precisions(*pair) for pair in zip(curves[: len(mild)], others, strict=True)]


def _precisions(mild: Curves | None, hard: Curves | None) -> dict[str, float | None]:
    if mild is None or hard is None:
        return dict.fromkeys(NAMED)
    return {
        "AP": mild.average_precision(),
        "AP50": mild.average_precision(overlap=0.5),
        "AP_strict": hard.average_precision(),
        "AP50_strict": hard.average_precision(overlap=0.5),
    } | {
        f"AP50_{size}": mild.average_precision(size=index, overlap=0.5)
        for index, size in enumerate(SIZES, start=1)
    }


def _unnamed(
    data: Dataset, found: tuple[Found, ...], truths: list[Truth]
) -> list[dict[str, float | None]]:
    """Returns the class-agnostic metrics, one row per part; objects of other parts are ignored."""
    proposals = [one.proposals(max(RECALL_AT), _ANY) for one in found]
    curves = compare(data, proposals, [truth.as_one(_ANY) for truth in truths], RECALL_AT)
    rows: list[dict[str, float | None]] = []
    for one in curves:
        if one is None:
            rows.append(dict.fromkeys(UNNAMED))
            continue
        row = {f"AR50@{n}": one.recall_at_50(index) for index, n in enumerate(RECALL_AT)}
        rows.append(row | {"AP50_any": one.average_precision(overlap=0.5)})
    return rows
