# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Hit rate: the share of objects that were found, a metric without ranking."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from vit_perception.boxes import box_iou
from vit_perception.detections import Detections

IOU = 0.5  # COCO's and Pascal VOC's threshold


@dataclass(slots=True)
class HitRate:
    """Counts of the objects in any number of pictures, and of those found.

    Attributes:
        objects: all objects, by name.
        named: objects found under their own name, by name.
        boxed: objects found under any name, by name.
    """

    objects: Counter[str] = field(default_factory=Counter)
    named: Counter[str] = field(default_factory=Counter)
    boxed: Counter[str] = field(default_factory=Counter)

    def add(self, truth: Detections, found: Detections, iou: float = IOU) -> None:
        """Adds one picture; boxes and objects are matched one to one."""
        overlaps = box_iou(truth.boxes, found.boxes)
        truth_names = [truth.class_name(index) for index in range(len(truth))]
        found_names = [found.class_name(index) for index in range(len(found))]
        same = np.array([[t == f for f in found_names] for t in truth_names], bool)
        self.objects.update(truth_names)
        hits = _matched(overlaps * same.reshape(overlaps.shape), found.scores, iou)
        self.named.update(truth_names[index] for index in hits)
        hits = _matched(overlaps, found.scores, iou)
        self.boxed.update(truth_names[index] for index in hits)

    @property
    def named_rate(self) -> float:
        """Share of the objects found under their name; 0 if there are none."""
        return self.named.total() / max(1, self.objects.total())

    @property
    def boxed_rate(self) -> float:
        """Share of the objects found under any name; 0 if there are none."""
        return self.boxed.total() / max(1, self.objects.total())


def _matched(
    overlaps: npt.NDArray[np.float32], scores: npt.NDArray[np.float32], iou: float
) -> list[int]:
    """Returns the objects found; boxes choose by score, each the best overlap still free."""
    left = overlaps.copy()
    hits = []
    for column in np.argsort(-scores, kind="stable") if len(left) else ():
        row = int(np.argmax(left[:, column]))
        if left[row, column] >= iou:
            hits.append(row)
            left[row, :] = 0
    return hits
