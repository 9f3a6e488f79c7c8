# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Counts boxes on the background, at the score threshold of a robot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vit_perception.boxes import box_iou
from vit_perception.evaluation.coco_entries import corners
from vit_perception.evaluation.dataset import Dataset
from vit_perception.evaluation.results import Found

BACKGROUND_IOU = 0.1
"""A box whose IoU with every object is lower lies on the background."""
DETECTIONS = 100
"""Detections per picture that a robot publishes at most, by default."""


def false_alarms(data: Dataset, found: Sequence[Found], threshold: float) -> dict[str, Any]:
    """Counts the boxes on the background; objects that are mostly hidden count as objects too.

    Args:
        data: the dataset.
        found: one entry per picture, with scores below the threshold too.
        threshold: 0..1, the lowest score that is published.

    Returns:
        `threshold`, `boxes` (all that are published), `on_background`, `per_picture` and
        `clean_pictures` (share of pictures without a box on the background).
    """
    objects: dict[int, list[list[float]]] = {}
    for annotation in data.annotations:
        objects.setdefault(annotation["image_id"], []).append(annotation["bbox"])
    published, alarms = 0, []
    for one in found:
        boxes = one.boxes[one.scores >= threshold][:DETECTIONS]
        overlaps = box_iou(boxes, corners(objects.get(one.picture, ()))).max(axis=1, initial=0)
        published += len(boxes)
        alarms.append(int((overlaps < BACKGROUND_IOU).sum()))
    return {
        "threshold": threshold,
        "boxes": published,
        "on_background": sum(alarms),
        "per_picture": sum(alarms) / len(alarms),
        "clean_pictures": alarms.count(0) / len(alarms),
    }
