# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Makes segments that do not overlap of classes and masks of queries (card 56)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vit_perception.models.segmenters.kmax_deeplab import Prediction
from vit_perception.models.segmenters.kmax_pixels import resized


@dataclass(frozen=True)
class Merging:
    """When a query becomes a segment.

    Attributes:
        inside: probability above which a pixel is in a query's mask.
        thing, stuff: least class probability.
        newly: least share of its mask that no better segment has.
        by_mask: whether queries are ordered by their masks' certainty too.
    """

    inside: float = 0.4
    thing: float = 0.7
    stuff: float = 0.5
    newly: float = 0.8
    by_mask: bool = True


COCO = Merging()
CITYSCAPES = Merging(thing=0.5, stuff=0.3, newly=0.9, by_mask=False)


@dataclass(frozen=True)
class Panoptic:
    """Segments of a picture.

    Attributes:
        map: int64 [H, W]: 0 where there is none, else the number of a segment, from 1.
        classes: of the segments, in order.
        scores: of the segments, 0 to 1.
    """

    map: Tensor
    classes: tuple[int, ...]
    scores: tuple[float, ...]


@torch.no_grad()
def merged(
    prediction: Prediction,
    size: Sequence[int],
    things: Collection[int],
    merging: Merging = COCO,
) -> Panoptic:
    """Returns the segments of one picture.

    Only masks of queries whose class is sure are enlarged.

    Args:
        prediction: without the axis of the batch.
        size: height and width of the picture.
        things: classes whose objects stay apart; segments of equal other classes are joined.
        merging: thresholds.
    """
    sure, classes = prediction.classes.softmax(1)[:, :-1].max(1)
    least = [merging.thing if kind in things else merging.stuff for kind in classes.tolist()]
    kept = (sure > torch.tensor(least, device=sure.device)).nonzero()[:, 0]
    found = torch.zeros(tuple(size), dtype=torch.long, device=sure.device)
    if not len(kept):
        return Panoptic(found, (), ())
    # The softmax over all queries needs them all, but at low resolution alone.
    low = prediction.masks.softmax(0)[kept]
    masks = resized(low[None], size)[0]
    inside = masks > merging.inside
    areas = inside.flatten(1).sum(1)
    scores = sure[kept]
    if merging.by_mask:
        scores = scores * (masks * inside).flatten(1).sum(1) / areas.clamp(1)
    numbers: dict[int, int] = {}
    listed: list[tuple[int, float]] = []
    for index in scores.argsort(descending=True).tolist():
        new = inside[index] & (found == 0)
        area, left = int(areas[index]), int(new.sum())
        if not area or left <= merging.newly * area:
            continue
        kind = int(classes[kept[index]])
        if kind in things or kind not in numbers:
            listed.append((kind, float(scores[index])))
            numbers[kind] = len(listed)
            found[new] = len(listed)
        else:
            found[new] = numbers[kind]
    return Panoptic(found, tuple(kind for kind, _ in listed), tuple(score for _, score in listed))
