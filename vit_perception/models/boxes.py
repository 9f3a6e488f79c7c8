# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Anchor centres, distances and boxes of an anchor-free detector, in torch (card 01, Decode)."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def priors(
    sizes: list[tuple[int, int]],
    strides: tuple[int, ...],
    *,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> tuple[Tensor, Tensor]:
    """Returns the anchor centres of all levels, row by row.

    Args:
        sizes: (h, w) of each level's map.
        strides: pixels per cell of each level.

    Returns:
        centres [A, 2] (x, y) px and strides [A].
    """
    centres, steps = [], []
    for (height, width), stride in zip(sizes, strides, strict=True):
        xs = (torch.arange(width, dtype=dtype, device=device) + 0.5) * stride
        ys = (torch.arange(height, dtype=dtype, device=device) + 0.5) * stride
        grid_y, grid_x = torch.meshgrid(ys, xs, indexing="ij")
        centres.append(torch.stack([grid_x.flatten(), grid_y.flatten()], dim=1))
        steps.append(torch.full((height * width,), float(stride), dtype=dtype, device=device))
    return torch.cat(centres), torch.cat(steps)


def expected_distances(bins: Tensor) -> Tensor:
    """Returns the mean of side distributions: [..., 4 * N] bin logits to [..., 4] stride units."""
    logits: Tensor = bins.unflatten(-1, (4, -1))
    values = torch.arange(logits.shape[-1], dtype=bins.dtype, device=bins.device)
    return logits.softmax(-1) @ values


def decode(centres: Tensor, strides: Tensor, distances: Tensor) -> Tensor:
    """Converts distances (l, t, r, b) in stride units [..., A, 4] to boxes xyxy px [..., A, 4]."""
    pixels = distances * strides[:, None]
    return torch.cat([centres - pixels[..., :2], centres + pixels[..., 2:]], dim=-1)


def complete_iou(boxes: Tensor, others: Tensor, eps: float = 1e-7) -> Tensor:
    """Returns the complete IoU of paired boxes xyxy [..., 4] (Zheng et al. 2020); 1 if equal.

    The aspect term's weight carries no gradient (card 01, Losses).
    """
    size = (boxes[..., 2:] - boxes[..., :2]).clamp(min=0)
    other = (others[..., 2:] - others[..., :2]).clamp(min=0)
    low = torch.maximum(boxes[..., :2], others[..., :2])
    high = torch.minimum(boxes[..., 2:], others[..., 2:])
    overlap = (high - low).clamp(min=0).prod(-1)
    iou = overlap / (size.prod(-1) + other.prod(-1) - overlap + eps)
    hull = torch.maximum(boxes[..., 2:], others[..., 2:]) - torch.minimum(
        boxes[..., :2], others[..., :2]
    )
    diagonal = hull.square().sum(-1) + eps
    shift = (boxes[..., :2] + boxes[..., 2:] - others[..., :2] - others[..., 2:]) / 2
    angle = torch.atan(other[..., 0] / (other[..., 1] + eps)) - torch.atan(
        size[..., 0] / (size[..., 1] + eps)
    )
    aspect = angle.square() * (4 / math.pi**2)
    with torch.no_grad():
        weight = aspect / (aspect - iou + 1 + eps)
    return iou - shift.square().sum(-1) / diagonal - weight * aspect
