# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Losses of class maps: cross-entropy, and Lovász-softmax (arXiv 1705.08790) for their overlap."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from vit_perception.evaluation.class_map_data import UNKNOWN

IGNORED = UNKNOWN
"""Label of pixels that say nothing."""


def segmentation_loss(logits: Tensor, labels: Tensor, overlap: float = 0.2) -> Tensor:
    """Returns cross-entropy and Lovász-softmax, weighted; 0 where all pixels are ignored.

    Args:
        logits: [B, K, h, w]; enlarged bilinearly to the size of the labels.
        labels: int64 [B, H, W], 0 to K - 1 or IGNORED.
        overlap: weight of Lovász-softmax, 0 to 1; the rest is that of cross-entropy.
    """
    logits = F.interpolate(logits, size=labels.shape[1:], mode="bilinear", align_corners=False)
    known = labels != IGNORED
    if not known.any():
        return logits.sum() * 0
    entropy = F.cross_entropy(logits, labels, ignore_index=IGNORED)
    pixels = logits.softmax(1).permute(0, 2, 3, 1)[known]
    return (1 - overlap) * entropy + overlap * lovasz_softmax(pixels, labels[known])


def lovasz_softmax(probabilities: Tensor, labels: Tensor) -> Tensor:
    """Returns the mean over classes that occur of the Lovász extension of 1 - IoU.

    Args:
        probabilities: [N, K].
        labels: int64 [N], 0 to K - 1; at least one.
    """
    losses = []
    for kind in torch.unique(labels).tolist():
        inside = (labels == kind).to(probabilities)
        errors, order = (inside - probabilities[:, kind]).abs().sort(descending=True)
        losses.append(errors @ _jaccard_gradient(inside[order]))
    return torch.stack(losses).mean()


def _jaccard_gradient(inside: Tensor) -> Tensor:
    """Returns by how much each further error lowers the IoU, in the order of the errors [N]."""
    total = inside.sum()
    left = total - inside.cumsum(0)
    union = total + (1 - inside).cumsum(0)
    loss = 1 - left / union
    return torch.cat((loss[:1], loss[1:] - loss[:-1]))
