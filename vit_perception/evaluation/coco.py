# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""COCO metrics of a predictor on a dataset folder (computed by faster-coco-eval)."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vit_perception.detections import Detections
from vit_perception.evaluation.dataset import Dataset, EvaluationError, load_dataset, read_frame
from vit_perception.frame import Frame
from vit_perception.nms import suppressed

Predict = Callable[[Frame], Detections]
Progress = Callable[[int, int], None]

# Proposals per picture at which class-agnostic recall is told.
RECALL_AT = (30, 100)
METRICS = (
    *(f"AR50@{count}" for count in RECALL_AT),
    "AP50",
    "AP",
    "AP50_small",
    "AP50_medium",
    "AP50_large",
)
# Overlap above which two names stand for one box, when boxes are counted without names.
PROPOSAL_IOU = 0.7
# COCO keeps this many detections per picture and category.
DETECTIONS_PER_CATEGORY = 100


def evaluate_dataset(
    dataset: Path | str | Dataset,
    predict: Predict,
    *,
    limit: int | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Detect on every picture and compare with the boxes that are there.

    Ask `predict` for all names of the dataset at once, with a score threshold near 0 and
    thousands of detections: average precision needs the uncertain ones too.

    Args:
        dataset: the folder, or one already loaded.
        predict: turns a frame into detections; their names are category names.
        limit: use only the first pictures of a folder.
        progress: called with (done, all) after every picture.

    Returns:
        `pictures`, `objects`, `categories`, `detections` (counts), `overall` and
        `parts` (name → the same keys): AP, AP50, AP50_small, AP50_medium, AP50_large,
        AR50@30, AR50@100 (recall of class-agnostic boxes), objects, categories.
        A figure nothing was there to measure with is None.

    Raises:
        EvaluationError: the dataset or a prediction does not fit.

    """
    data = dataset if isinstance(dataset, Dataset) else load_dataset(dataset, limit)
    results = _predict_all(data, predict, progress)
    return summarize(data, results)


def summarize(data: Dataset, results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Metrics of COCO results (`image_id`, `category_id`, `bbox` xywh px, `score`)."""
    parts = {part: _measure(data, results, part) for part in data.parts()}
    return {
        "dataset": data.directory.name,
        "pictures": len(data.pictures),
        "objects": sum(not a["iscrowd"] for a in data.annotations),
        "categories": len(data.categories),
        "detections": len(results),
        "overall": _measure(data, results, None),
        "parts": parts,
    }


def format_table(metrics: dict[str, Any]) -> str:
    """Plain text table of what `evaluate_dataset` returns, figures in percent."""
    head = f"{'part':<16}{'objects':>8}{'names':>7}" + "".join(f"{c:>13}" for c in METRICS)
    lines = [
        f"{metrics['dataset']}: {metrics['pictures']} pictures, "
        f"{metrics['categories']} names asked at once",
        head,
    ]
    for name, row in (("all", metrics["overall"]), *metrics["parts"].items()):
        cells = "".join(_percent(row[column]).rjust(13) for column in METRICS)
        lines.append(f"{name:<16}{row['objects']:>8}{row['categories']:>7}{cells}")
    return "\n".join(lines)


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}"


def _predict_all(
    data: Dataset, predict: Predict, progress: Progress | None
) -> list[dict[str, Any]]:
    ids = {name: key for key, name in data.categories.items()}
    results: list[dict[str, Any]] = []
    for done, picture in enumerate(data.pictures, start=1):
        results += _coco_results(picture.id, predict(read_frame(picture)), ids)
        if progress is not None:
            progress(done, len(data.pictures))
    return results


def _coco_results(
    image_id: int, detections: Detections, ids: dict[str, int]
) -> list[dict[str, Any]]:
    corners = detections.boxes.astype(np.float64)
    boxes = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)
    results = []
    for box, score, label in zip(boxes, detections.scores, detections.labels, strict=True):
        name = detections.names[int(label)]
        if name not in ids:
            raise EvaluationError(f"expected names of the dataset, found '{name}'")
        results.append(
            {
                "image_id": image_id,
                "category_id": ids[name],
                "bbox": box.tolist(),
                "score": float(score),
            }
        )
    return results


def _measure(data: Dataset, results: Sequence[dict[str, Any]], part: str | None) -> dict[str, Any]:
    """Metrics on one part.

    What lies on objects of other parts is not judged, whatever it is called: for each name
    that is asked about they become crowd regions, which the metric leaves out. Only categories
    with an object in the part count.
    """
    counted = [a for a in data.annotations if not a["iscrowd"] and part in (None, a["part"])]
    wanted = sorted({a["category_id"] for a in counted})
    others = [a for a in data.annotations if a["iscrowd"] or part not in (None, a["part"])]
    truth = [*counted, *_unjudged(others, wanted if part is not None else None)]
    row: dict[str, Any] = {"objects": len(counted), "categories": len(wanted)}
    if not counted:
        return row | dict.fromkeys(METRICS)
    named = _run(data, truth, results, wanted, [DETECTIONS_PER_CATEGORY], use_categories=True)
    proposals = _proposals(results)
    boxes = _run(
        data,
        [*counted, *_unjudged(others, None)],
        proposals,
        wanted,
        list(RECALL_AT),
        use_categories=False,
    )
    precision = named["precision"]  # thresholds × recalls × categories × areas × limits
    row["AP"] = _mean(precision[:, :, :, 0, 0])
    row["AP50"] = _mean(precision[0, :, :, 0, 0])
    for index, size in enumerate(("small", "medium", "large"), start=1):
        row[f"AP50_{size}"] = _mean(precision[0, :, :, index, 0])
    recall = boxes["recall"]  # thresholds × categories × areas × limits
    for index, count in enumerate(RECALL_AT):
        row[f"AR50@{count}"] = _mean(recall[0, :, 0, index])
    return row


def _unjudged(
    annotations: Sequence[dict[str, Any]], categories: Sequence[int] | None
) -> list[dict[str, Any]]:
    """Crowd regions in place of objects: of every given category, or of their own."""
    regions = []
    for annotation in annotations:
        own = [annotation["category_id"]]
        for category in own if categories is None or annotation["iscrowd"] else categories:
            regions.append({**annotation, "category_id": category, "iscrowd": 1})
    return [{**region, "id": -1 - number} for number, region in enumerate(regions)]


def _proposals(results: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each box once, under its best name: class-agnostic recall counts boxes, not names."""
    by_image: dict[int, list[dict[str, Any]]] = {}
    for result in results:
        by_image.setdefault(result["image_id"], []).append(result)
    kept: list[dict[str, Any]] = []
    for found in by_image.values():
        boxes = np.array([result["bbox"] for result in found])
        boxes[:, 2:] += boxes[:, :2]
        scores = np.array([result["score"] for result in found], np.float32)
        together = np.zeros(len(found), np.int64)
        rows = suppressed(boxes.astype(np.float32), scores, together, PROPOSAL_IOU)
        kept += [found[row] for row in rows[: max(RECALL_AT)]]
    return kept


def _run(
    data: Dataset,
    truth: Sequence[dict[str, Any]],
    results: Sequence[dict[str, Any]],
    wanted: Sequence[int],
    limits: list[int],
    *,
    use_categories: bool,
) -> dict[str, Any]:
    from faster_coco_eval import COCO, COCOeval_faster

    pictures = [{"id": p.id, "file_name": p.file_name} for p in data.pictures]
    categories = [{"id": key, "name": name} for key, name in data.categories.items()]
    # The library writes into what it is given, and prints.
    with contextlib.redirect_stdout(io.StringIO()):
        expected = COCO(
            {
                "info": {},
                "images": pictures,
                "categories": categories,
                "annotations": [dict(a) for a in truth],
            }
        )
        found = expected.loadRes([dict(r) for r in results])
        evaluator = COCOeval_faster(expected, found, "bbox", extra_calc=False)
        if use_categories:
            evaluator.params.catIds = list(wanted)
        evaluator.params.useCats = int(use_categories)
        evaluator.params.maxDets = limits
        evaluator.evaluate()
        evaluator.accumulate()
    evaluation: dict[str, Any] = evaluator.eval
    return evaluation


def _mean(values: np.ndarray[Any, Any]) -> float | None:
    """Mean of what could be measured (the library writes -1 elsewhere)."""
    known = values[values > -1]
    return float(known.mean()) if known.size else None
