# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Task-aligned assignment of anchors to objects (Feng et al. 2021, in the form of card 01).

An object can match several texts of the vocabulary ("mug", "red mug"): its labels are a
multi-hot row. With one-hot rows this is the published assigner.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from vit_perception.models.boxes import complete_iou

ALPHA, BETA, TOP_K = 0.5, 6.0, 10
"""Exponents of score and overlap in the alignment metric, and anchors per object."""


@dataclass(frozen=True)
class Assignment:
    """Targets of all anchors.

    Attributes:
        matched: bool [B, A], anchors with an object.
        boxes: [B, A, 4] xyxy px of the object, zeros elsewhere.
        scores: [B, A] soft target in [0, 1], zero elsewhere.
        objects: int64 [B, A] index of the object, zero elsewhere.
    """

    matched: Tensor
    boxes: Tensor
    scores: Tensor
    objects: Tensor


@torch.no_grad()
def assign(
    probabilities: Tensor,
    boxes: Tensor,
    centres: Tensor,
    target_boxes: Tensor,
    target_labels: Tensor,
    valid: Tensor,
) -> Assignment:
    """Matches anchors to objects.

    Args:
        probabilities: [B, A, K] class scores of the anchors.
        boxes: [B, A, 4] decoded boxes xyxy px.
        centres: [A, 2] anchor centres px.
        target_boxes: [B, M, 4] xyxy px, padded.
        target_labels: bool [B, M, K], the texts that are true of each object.
        valid: bool [B, M], False in padding.
    """
    batch, anchors = boxes.shape[:2]
    # Only real objects are compared; padding would cost the same time.
    image, item = valid.nonzero(as_tuple=True)
    wanted = target_boxes[image, item]
    low = centres - wanted[:, None, :2]
    high = wanted[:, None, 2:] - centres
    inside = torch.minimum(low, high).amin(dim=-1) > 1e-9
    overlap = complete_iou(boxes[image], wanted[:, None]).clamp(min=0) * inside
    score = object_scores(probabilities, target_labels[image, item], image)
    metric = score.pow(ALPHA) * overlap.pow(BETA)

    top = metric.topk(min(TOP_K, anchors), dim=1)
    claimed = torch.zeros_like(inside).scatter_(1, top.indices, top.values > 0)
    # An anchor claimed by several objects goes to the one it overlaps most.
    claims = torch.zeros_like(boxes[..., 0]).index_add_(0, image, claimed.to(boxes.dtype))
    picture = image[:, None].expand(-1, anchors)
    nearest = torch.zeros_like(claims).scatter_reduce_(0, picture, overlap, "amax")
    contested = claims[image] > 1
    claimed = torch.where(contested, (overlap == nearest[image]) & inside, claimed)

    best_overlap = (overlap * claimed).amax(dim=1, keepdim=True)
    best_metric = (metric * claimed).amax(dim=1, keepdim=True)
    soft = metric * claimed * best_overlap / (best_metric + 1e-9)
    owner, anchor = claimed.nonzero(as_tuple=True)
    where = (image[owner], anchor)
    matched = torch.zeros(batch, anchors, dtype=torch.bool, device=boxes.device)
    objects = torch.zeros(batch, anchors, dtype=torch.long, device=boxes.device)
    scores = torch.zeros_like(claims)
    chosen = torch.zeros_like(boxes)
    matched[where], objects[where] = True, item[owner]
    scores[where], chosen[where] = soft[owner, anchor].clamp(max=1.0), wanted[owner]
    return Assignment(matched=matched, boxes=chosen, scores=scores, objects=objects)


def object_scores(probabilities: Tensor, labels: Tensor, image: Tensor) -> Tensor:
    """Returns the best score of each object's own texts at every anchor.

    Args:
        probabilities: [B, A, K].
        labels: bool [N, K].
        image: int64 [N], picture of each object.

    Returns:
        [N, A]; zero for objects without a text.
    """
    if not len(labels):
        return probabilities.new_zeros(0, probabilities.shape[1])
    most = max(int(labels.sum(dim=1).max()), 1)
    own, texts = labels.to(torch.uint8).topk(most, dim=1)
    by_text = probabilities.mT.contiguous()
    scores = by_text[image[:, None], texts]
    return (scores * own[..., None]).amax(dim=1)
