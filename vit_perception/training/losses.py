# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The three losses of DOSOD (card 01, Losses), the mask loss and the contrast of things."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from vit_perception.models import boxes as box_math
from vit_perception.models.heads.dosod_head import BINS, STRIDES, HeadOutput
from vit_perception.models.heads.mask_head import PROTOTYPE_STRIDE
from vit_perception.training.assigner import Assignment, assign
from vit_perception.training.contrast import ThingContrast

MASKS_A_PICTURE = 12
"""Limit of matched anchors per picture in the mask loss, on average over the batch."""


@dataclass(frozen=True)
class Targets:
    """Objects and texts of a batch.

    Attributes:
        boxes: float [B, M, 4] xyxy px of the network input, padded with zeros.
        labels: bool [B, M, K], texts that are true of each object.
        ignored: bool [B, M, K], texts that are neither true nor false of it, or all texts for an
            object that is mostly hidden.
        valid: bool [B, M], objects to find; False for padding and for hidden objects.
        owner: int16 [B, H / 4, W / 4] index of the visible object, -1 for none.
        things: int64 [B, M], equal for objects that are the same thing; -1 where unknown.
        regions: float [B, R, 4] xyxy px, padded with zeros, in which not all objects are labelled.
        unlabelled: bool [B, R, K], texts that may be true of something there outside of the boxes.
    """

    boxes: Tensor
    labels: Tensor
    ignored: Tensor
    valid: Tensor
    owner: Tensor
    things: Tensor
    regions: Tensor
    unlabelled: Tensor


@dataclass(frozen=True)
class LossWeights:
    """Weights of the class, box and distribution terms (card 01), of masks and contrast (ours)."""

    classes: float = 0.5
    box: float = 7.5
    distribution: float = 0.375
    mask: float = 2.5
    contrast: float = 0.0


@dataclass(frozen=True)
class Losses:
    """Weighted scalar terms; the first three are divided by the batch's sum of scores."""

    classes: Tensor
    box: Tensor
    distribution: Tensor
    mask: Tensor
    contrast: Tensor

    @property
    def total(self) -> Tensor:
        return self.classes + self.box + self.distribution + self.mask + self.contrast


def detection_losses(
    output: HeadOutput,
    targets: Targets,
    weights: LossWeights | None = None,
    contrast: ThingContrast | None = None,
) -> Losses:
    """Returns the losses of one batch of raw head outputs.

    Args:
        contrast: tells things apart; None leaves that loss at zero.
    """
    weights = weights or LossWeights()
    sizes = [(x.shape[2], x.shape[3]) for x in output.logits]
    centres, strides = box_math.priors(sizes, STRIDES, device=targets.boxes.device)
    logits = torch.cat([x.flatten(2) for x in output.logits], dim=2).float().mT
    bins = torch.cat([x.flatten(2) for x in output.distances], dim=2).float().mT
    distances = box_math.expected_distances(bins)
    boxes = box_math.decode(centres, strides, distances)
    found = assign(
        logits.detach().sigmoid(),
        boxes.detach(),
        centres,
        targets.boxes,
        targets.labels,
        targets.valid,
    )
    total = found.scores.sum().clamp(min=1.0)
    at = found.matched
    if bool(at.any()):
        score = found.scores[at]
        step = strides.expand_as(at)[at]
        box = box_loss(boxes[at], found.boxes[at], step, score) / total
        centre = centres.expand(*at.shape, 2)[at]
        dfl = distribution_loss(bins[at], centre, step, found.boxes[at], score) / total
    else:
        box = dfl = bins.sum() * 0.0
    apart = boxes.sum() * 0.0
    if contrast is not None:
        apart = contrast.loss(output, targets, found, logits.detach(), boxes.detach())
    return Losses(
        weights.classes * class_loss(logits, centres, targets, found) / total,
        weights.box * box,
        weights.distribution * dfl,
        weights.mask * mask_loss(output, targets, found),
        weights.contrast * apart,
    )


def mask_loss(output: HeadOutput, targets: Targets, found: Assignment) -> Tensor:
    """Returns the mean binary cross-entropy of masks inside object boxes (YOLACT, section 3).

    Uses at most MASKS_A_PICTURE * B matched anchors, spread evenly over the batch; anchors of
    objects without a visible cell are left out.
    """
    if output.prototypes is None:
        return targets.boxes.sum() * 0.0
    prototypes = output.prototypes.float()
    batch, _, height, width = prototypes.shape
    coefficients = torch.cat([x.flatten(2) for x in output.coefficients], dim=2).float().mT
    picture, anchor = found.matched.nonzero(as_tuple=True)
    wanted = found.objects[picture, anchor]
    rows = _shown(targets)[picture, wanted].nonzero()[:, 0]
    if len(rows) > (limit := MASKS_A_PICTURE * batch):
        rows = rows[torch.linspace(0, len(rows) - 1, limit, device=rows.device).long()]
    if not len(rows):
        return prototypes.sum() * 0.0
    picture, anchor, wanted = picture[rows], anchor[rows], wanted[rows]
    counts = torch.bincount(picture, minlength=batch).tolist()
    chosen = coefficients[picture, anchor].split(counts)
    flat = prototypes.flatten(2)
    # One product per picture: gathering prototypes per row would copy them hundreds of times.
    logits = torch.cat([part @ flat[i] for i, part in enumerate(chosen)])
    truth = (targets.owner[picture] == wanted[:, None, None]).flatten(1).to(logits)
    crop = _box_cells(found.boxes[picture, anchor] / PROTOTYPE_STRIDE, height, width)
    loss = F.binary_cross_entropy_with_logits(logits, truth, reduction="none") * crop
    return (loss.sum(dim=1) / crop.sum(dim=1).clamp(min=1)).mean()


def _shown(targets: Targets) -> Tensor:
    """Returns bool [B, M]: objects that own a cell."""
    batch, objects = targets.valid.shape
    first = torch.arange(batch, device=targets.owner.device)[:, None, None] * (objects + 1)
    cells = (targets.owner + 1 + first).flatten()
    counts = torch.bincount(cells, minlength=batch * (objects + 1))
    return counts.view(batch, objects + 1)[:, 1:] > 0


def _box_cells(boxes: Tensor, height: int, width: int) -> Tensor:
    """Returns cells [N, height * width] with centres in boxes [N, 4] xyxy, in units of cells."""
    x = torch.arange(width, device=boxes.device) + 0.5
    y = torch.arange(height, device=boxes.device) + 0.5
    across = (x >= boxes[:, None, 0]) & (x <= boxes[:, None, 2])
    down = (y >= boxes[:, None, 1]) & (y <= boxes[:, None, 3])
    return (down[:, :, None] & across[:, None, :]).flatten(1).float()


def class_loss(logits: Tensor, centres: Tensor, targets: Targets, found: Assignment) -> Tensor:
    """Returns the summed binary cross-entropy against soft targets, without unknown pairs.

    Args:
        logits: [B, A, K].
        centres: [A, 2] px.
    """
    index = found.objects[..., None].expand(-1, -1, logits.shape[2])
    soft = targets.labels.gather(1, index) * found.scores[..., None]
    unknown = ambiguous_pairs(centres, targets)
    if targets.regions.shape[1]:
        unknown |= unlabelled_pairs(centres, targets)
    keep = ~unknown | (soft > 0)
    loss = F.binary_cross_entropy_with_logits(logits, soft, reduction="none")
    return (loss * keep).sum()


def ambiguous_pairs(centres: Tensor, targets: Targets) -> Tensor:
    """Returns bool [B, A, K]: anchors in objects of which the text is neither true nor false."""
    batch, _, texts = targets.ignored.shape
    image, item = targets.ignored.any(dim=2).nonzero(as_tuple=True)
    pairs = torch.zeros(batch, len(centres), texts, dtype=torch.bool, device=centres.device)
    owner, anchor = _inside(centres, targets.boxes[image, item]).nonzero(as_tuple=True)
    row, text = targets.ignored[image[owner], item[owner]].nonzero(as_tuple=True)
    pairs[image[owner][row], anchor[row], text] = True
    return pairs


def unlabelled_pairs(centres: Tensor, targets: Targets) -> Tensor:
    """Returns bool [B, A, K]: anchors outside of all boxes that may show an unlabelled object."""
    batch, _, texts = targets.unlabelled.shape
    pairs = torch.zeros(batch, len(centres), texts, dtype=torch.bool, device=centres.device)
    for image, region in targets.unlabelled.any(dim=2).nonzero().tolist():
        outside = _inside(centres, targets.regions[image, region][None])[0]
        outside &= ~_inside(centres, targets.boxes[image]).any(dim=0)
        pairs[image] |= outside[:, None] & targets.unlabelled[image, region]
    return pairs


def _inside(centres: Tensor, boxes: Tensor) -> Tensor:
    """Returns bool [N, A]: the centres [A, 2] inside of boxes [N, 4]."""
    sides = torch.minimum(centres - boxes[:, None, :2], boxes[:, None, 2:] - centres)
    return sides.amin(dim=2) > 0


def box_loss(boxes: Tensor, targets: Tensor, strides: Tensor, scores: Tensor) -> Tensor:
    """Returns the sum of score-weighted 1 - CIoU of matched boxes [N, 4], in stride units."""
    unit = strides[:, None]
    return ((1 - box_math.complete_iou(boxes / unit, targets / unit)) * scores).sum()


def distribution_loss(
    bins: Tensor, centres: Tensor, strides: Tensor, boxes: Tensor, scores: Tensor
) -> Tensor:
    """Returns the distribution focal loss (Li et al. 2020): cross-entropy on the adjacent bins.

    It is summed over the four sides, each weighted by its anchor's score.

    Args:
        bins: [N, 4 * BINS]; centres: [N, 2] px; strides, scores: [N]; boxes: [N, 4] xyxy px.
    """
    sides = torch.cat([centres - boxes[:, :2], boxes[:, 2:] - centres], dim=1) / strides[:, None]
    sides = sides.clamp(0, BINS - 1 - 0.01)
    left = sides.long()
    share = sides - left
    log_p: Tensor = bins.unflatten(1, (4, BINS)).log_softmax(dim=2)
    lower = log_p.gather(2, left[..., None])[..., 0]
    upper = log_p.gather(2, left[..., None] + 1)[..., 0]
    return (-(lower * (1 - share) + upper * share).sum(dim=1) * scores).sum()
