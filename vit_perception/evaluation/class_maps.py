# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""How well class maps agree with labelled ones: IoU, and F1 of the boundaries."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vit_perception.evaluation.class_map_data import UNKNOWN, Mapped, read_mapped

BOUNDARY_TOLERANCE = 0.0075
"""Share of a picture's diagonal within which two boundaries agree (Csurka et al., BMVC 2013)."""


def evaluate_class_maps(
    pictures: Sequence[Mapped],
    classes: Sequence[str],
    look: Callable[[NDArray[np.uint8]], NDArray[np.uint8]],
    progress: Callable[[int], object] = lambda done: None,
) -> dict[str, Any]:
    """Measures class maps of pictures.

    Pixels without a known class do not count.

    Args:
        pictures: with labelled maps.
        classes: their names.
        look: returns the map uint8 [H, W] of pixels uint8 [H, W, 3] RGB.
        progress: called with the number of pictures looked at.

    Returns:
        `pictures`, `pixels` (that count), `accuracy` (share of them that is right), `mIoU` (mean
        over classes that occur in the labels), `boundary_F` (mean over pictures and the classes
        that occur in them, see `boundary_f`), and `classes`: name to `IoU`, `recall`, `precision`,
        `boundary_F` (None where undefined) and `share` of the pixels.

    Raises:
        EvaluationError: a picture or map cannot be read.
    """
    count = len(classes)
    matrix = np.zeros((count, count), np.int64)
    edges: list[list[float]] = [[] for _ in classes]
    for done, mapped in enumerate(pictures, start=1):
        image, truth = read_mapped(mapped, count)
        found = look(image)
        known = truth != UNKNOWN
        pairs = truth[known].astype(np.int64) * count + found[known]
        matrix += np.bincount(pairs, minlength=count**2).reshape(count, count)
        for number in np.unique(truth[known]).tolist():
            score = boundary_f((truth == number) & known, (found == number) & known)
            if score is not None:
                edges[number].append(score)
        progress(done)
    right, true, said = matrix.diagonal(), matrix.sum(axis=1), matrix.sum(axis=0)
    ious = _ratios(right, true + said - right)
    recalls, precisions = _ratios(right, true), _ratios(right, said)
    occurring = [iou for iou, pixels in zip(ious, true, strict=True) if pixels and iou is not None]
    scores = [score for each in edges for score in each]
    return {
        "pictures": len(pictures),
        "pixels": int(true.sum()),
        "accuracy": _ratios(right.sum()[None], true.sum()[None])[0],
        "mIoU": float(np.mean(occurring)) if occurring else None,
        "boundary_F": float(np.mean(scores)) if scores else None,
        "classes": {
            name: {
                "IoU": ious[number],
                "recall": recalls[number],
                "precision": precisions[number],
                "boundary_F": float(np.mean(edges[number])) if edges[number] else None,
                "share": float(true[number] / max(1, true.sum())),
            }
            for number, name in enumerate(classes)
        },
    }


def boundary_f(truth: NDArray[np.bool_], found: NDArray[np.bool_]) -> float | None:
    """Returns the F1 of the boundary of a mask [H, W]; None where the true one has none.

    A pixel of one boundary is right within BOUNDARY_TOLERANCE of the other. The edge of the
    picture is no boundary.
    """
    tolerance = BOUNDARY_TOLERANCE * math.hypot(*truth.shape)
    wanted, there = _boundary(truth), _boundary(found)
    if not wanted.any():
        return None
    if not there.any():
        return 0.0
    recall = (_distances(there)[wanted] <= tolerance).mean()
    precision = (_distances(wanted)[there] <= tolerance).mean()
    return float(2 * recall * precision / max(recall + precision, 1e-12))


def _boundary(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Returns the pixels of a mask that touch others, bool [H, W]."""
    inner = cv2.erode(
        mask.astype(np.uint8), np.ones((3, 3), np.uint8), borderType=cv2.BORDER_REPLICATE
    )
    return np.asarray(mask & (inner == 0), np.bool_)


def _distances(boundary: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Returns the distance of each pixel to the next one of a boundary, pixels."""
    away = cv2.distanceTransform((~boundary).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(away, np.float32)


def _ratios(some: NDArray[np.int64], all_: NDArray[np.int64]) -> list[float | None]:
    return [float(part / whole) if whole else None for part, whole in zip(some, all_, strict=True)]
