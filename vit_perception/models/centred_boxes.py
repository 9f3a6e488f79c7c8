# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Boxes of DETRs: (cx, cy, w, h) in shares of the picture, and their overlaps."""

from __future__ import annotations

import torch
from torch import Tensor

_EDGE = 1e-5
"""Shares nearer to 0 or 1 than this have the logit of this."""


def corners(boxes: Tensor) -> Tensor:
    """Converts (cx, cy, w, h) [..., 4] to (x1, y1, x2, y2)."""
    half = boxes[..., 2:] / 2
    return torch.cat([boxes[..., :2] - half, boxes[..., :2] + half], dim=-1)


def centred(boxes: Tensor) -> Tensor:
    """Converts (x1, y1, x2, y2) [..., 4] to (cx, cy, w, h)."""
    low, high = boxes[..., :2], boxes[..., 2:]
    return torch.cat([(low + high) / 2, high - low], dim=-1)


def logit(shares: Tensor) -> Tensor:
    """Returns the inverse of the sigmoid of shares in 0..1, finite at both ends."""
    return torch.log(shares.clamp(min=_EDGE) / (1 - shares).clamp(min=_EDGE))


def overlaps(boxes: Tensor, others: Tensor) -> tuple[Tensor, Tensor]:
    """Returns IoU and generalized IoU (Rezatofighi et al. 2019) of boxes with corners.

    Args:
        boxes, others: [..., 4] xyxy with some area, of shapes that broadcast.

    Returns:
        Two of [...]: 0..1, and -1..1.
    """
    areas = [(x[..., 2:] - x[..., :2]).prod(-1) for x in (boxes, others)]
    low, high = (
        each(boxes[..., part], others[..., part])
        for each, part in ((torch.maximum, slice(0, 2)), (torch.minimum, slice(2, 4)))
    )
    shared = (high - low).clamp(min=0).prod(-1)
    union = areas[0] + areas[1] - shared
    hull = torch.maximum(boxes[..., 2:], others[..., 2:]) - torch.minimum(
        boxes[..., :2], others[..., :2]
    )
    whole = hull.prod(-1)
    iou = shared / union
    return iou, iou - (whole - union) / whole
