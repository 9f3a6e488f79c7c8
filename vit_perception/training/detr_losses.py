# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Matching and losses of RT-DETR (card 06, Training).

Every layer, the selection and the noisy queries learn from the same three losses. The class loss
is varifocal: a query's score learns its box's overlap, so that the selection takes cells whose
boxes are good as well ("uncertainty-minimal"). An object may have several names, as in DOSOD.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from torch.nn import functional as F

from vit_perception.models.centred_boxes import corners, overlaps
from vit_perception.models.heads.rt_detr_head import Output, Prediction

CLASS_COST, BOX_COST, OVERLAP_COST = 2.0, 5.0, 2.0
"""Weights of the costs of a match."""
CLASSES, BOX, OVERLAP = 1.0, 5.0, 2.0
"""Weights of the losses."""
COST_ALPHA, FOCAL_ALPHA, NEGATIVES, GAMMA = 0.25, 0.25, 0.75, 2.0
"""Of the focal cost and loss, and of the varifocal loss; the exponent is that of all."""
_TINY = 1e-8


class Objects(NamedTuple):
    """What one picture shows.

    Attributes:
        boxes: [M, 4] (cx, cy, w, h) in shares of the picture.
        labels: bool [M, K], the names that are true of each object; at least one.
    """

    boxes: Tensor
    labels: Tensor


class Matched(NamedTuple):
    """Queries and objects that belong together.

    Attributes:
        queries, objects: int64 [P], indices.
    """

    queries: Tensor
    objects: Tensor


class Noise(NamedTuple):
    """What noisy queries learn; see `denoising.noisy_queries`.

    Attributes:
        matched: of each picture.
        groups: times that each object occurs.
    """

    matched: tuple[Matched, ...]
    groups: int


class DetrLosses(NamedTuple):
    """Weighted scalars, divided by the number of objects."""

    classes: Tensor
    box: Tensor
    overlap: Tensor

    @property
    def total(self) -> Tensor:
        return self.classes + self.box + self.overlap


def rt_detr_losses(
    output: Output,
    targets: Sequence[Objects],
    noise: Noise | None = None,
    *,
    varifocal: bool = True,
) -> DetrLosses:
    """Returns the losses of a batch, summed over layers, selection and noisy queries.

    Args:
        output: of the network in training.
        targets: of each picture.
        noise: of the output's noisy queries; None without.
        varifocal: whether scores learn overlaps; else the class loss is focal.
    """
    count = max(sum(len(each.boxes) for each in targets), 1)
    found = []
    for prediction in (*output.layers, output.selected):
        matched = [match(_of(prediction, index), each) for index, each in enumerate(targets)]
        found.append(prediction_losses(prediction, targets, matched, count, varifocal=varifocal))
    if noise is not None:
        for prediction in output.noisy:
            told = prediction_losses(
                prediction, targets, noise.matched, count * noise.groups, varifocal=varifocal
            )
            found.append(told)
    return DetrLosses(*(torch.stack(each).sum() for each in zip(*found, strict=True)))


@torch.no_grad()
def match(prediction: Prediction, objects: Objects) -> Matched:
    """Returns the assignment of the least cost: focal cost, L1 and generalized IoU of boxes.

    Args:
        prediction: of one picture, without the axis of the batch.
        objects: of it.
    """
    # Of several names, the one that is told best counts.
    logits = prediction.logits.float()
    named = torch.where(objects.labels[None], logits[:, None], -torch.inf)
    score = named.amax(2).sigmoid()
    hit = COST_ALPHA * (1 - score) ** GAMMA * -(score + _TINY).log()
    miss = (1 - COST_ALPHA) * score**GAMMA * -(1 - score + _TINY).log()
    boxes = prediction.boxes.float()
    _, overlap = overlaps(corners(boxes)[:, None], corners(objects.boxes)[None])
    cost = (
        CLASS_COST * (hit - miss)
        + BOX_COST * torch.cdist(boxes, objects.boxes, p=1)
        - OVERLAP_COST * overlap
    )
    # A network that has diverged shall show in its losses, not as an error here.
    cost = cost.nan_to_num(1e6, 1e6, -1e6)
    queries, found = linear_sum_assignment(cost.cpu().numpy())
    device = boxes.device
    return Matched(torch.from_numpy(queries).to(device), torch.from_numpy(found).to(device))


def prediction_losses(
    prediction: Prediction,
    targets: Sequence[Objects],
    matched: Sequence[Matched],
    count: int,
    *,
    varifocal: bool = True,
) -> DetrLosses:
    """Returns the losses of one layer.

    Args:
        prediction: of a batch.
        targets, matched: of each picture.
        count: number of objects, by which losses are divided.
        varifocal: see `rt_detr_losses`.
    """
    logits, boxes = prediction.logits.float(), prediction.boxes.float()
    picture = torch.cat([torch.full_like(m.queries, n) for n, m in enumerate(matched)])
    query = torch.cat([each.queries for each in matched])
    chosen = [
        (t.boxes[m.objects], t.labels[m.objects]) for t, m in zip(targets, matched, strict=True)
    ]
    wanted, labels = (torch.cat(parts) for parts in zip(*chosen, strict=True))
    own = boxes[picture, query]
    iou, overlap = overlaps(corners(own), corners(wanted))
    quality = torch.zeros_like(logits)
    told = iou.detach() if varifocal else torch.ones_like(iou)
    quality[picture, query] = told[:, None] * labels
    true = torch.zeros_like(logits, dtype=torch.bool)
    true[picture, query] = labels
    each = varifocal_loss if varifocal else focal_loss
    return DetrLosses(
        CLASSES * each(logits, quality, true).sum() / count,
        BOX * (own - wanted).abs().sum() / count,
        OVERLAP * (1 - overlap).sum() / count,
    )


def varifocal_loss(logits: Tensor, quality: Tensor, true: Tensor) -> Tensor:
    """Returns cross-entropy with qualities, of pairs that are not true weighted by their scores.

    Args:
        logits: of any shape.
        quality: of it; 0 where not true.
        true: bool, of it.
    """
    score = logits.detach().sigmoid()
    weight = torch.where(true, quality, NEGATIVES * score**GAMMA)
    return F.binary_cross_entropy_with_logits(logits, quality, weight, reduction="none")


def focal_loss(logits: Tensor, quality: Tensor, true: Tensor) -> Tensor:
    """Returns the focal loss (Lin et al. 2017), to compare with; see `varifocal_loss`."""
    miss = (quality - logits.sigmoid()).abs() ** GAMMA
    weight = torch.where(true, FOCAL_ALPHA, 1 - FOCAL_ALPHA) * miss
    return weight * F.binary_cross_entropy_with_logits(logits, quality, reduction="none")


def _of(prediction: Prediction, index: int) -> Prediction:
    return Prediction(*(each[index] for each in prediction))
