# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Boxes on nothing, at the score that a robot would use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from vit_perception.evaluation.dataset import Dataset
from vit_perception.evaluation.hit_rate import box_iou
from vit_perception.evaluation.results import Found

# A box that overlaps every object by less lies on the background.
BACKGROUND_IOU = 0.1
# What a robot publishes of a picture at most, by default.
DETECTIONS = 100


def false_alarms(data: Dataset, found: Sequence[Found], threshold: float) -> dict[str, Any]:
    """Count the boxes that touch no object, those too hidden to be asked for included.

    Args:
        data: the dataset.
        found: one entry a picture, with lower scores than the threshold.
        threshold: 0..1, the lowest score that is published.

    Returns:
        `threshold`, `boxes` (all that are published), `on_background`, `per_picture` and
        `clean_pictures` (share without one).

    """
    objects: dict[int, list[list[float]]] = {}
    for annotation in data.annotations:
        left, top, width, height = annotation["bbox"]
        corners = [left, top, left + width, top + height]
        objects.setdefault(annotation["image_id"], []).append(corners)
    published, alarms = 0, []
    for one in found:
        boxes = one.boxes[one.scores >= threshold][:DETECTIONS]
        there = np.array(objects.get(one.picture, []), np.float32).reshape(-1, 4)
        overlaps = box_iou(boxes, there).max(axis=1, initial=0)
        published += len(boxes)
        alarms.append(int((overlaps < BACKGROUND_IOU).sum()))
    return {
        "threshold": threshold,
        "boxes": published,
        "on_background": sum(alarms),
        "per_picture": sum(alarms) / len(alarms),
        "clean_pictures": alarms.count(0) / len(alarms),
    }
