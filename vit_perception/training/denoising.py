# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Noisy queries with known objects, from which a decoder learns sooner (arXiv 2203.03605).

Each object occurs in several groups, twice in each: near, to be told, and further off, to be told
as nothing. Groups do not see each other, and the network's own queries see none of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from vit_perception.models.centred_boxes import centred, corners, logit
from vit_perception.models.heads.rt_detr_head import NoisyQueries
from vit_perception.training.detr_losses import Matched, Noise, Objects

TOTAL = 100
"""Near queries, about."""
LABEL_NOISE = 0.25
"""Share of labels that are drawn anew."""


def noisy_queries(
    targets: Sequence[Objects],
    queries: int,
    *,
    total: int = TOTAL,
    label_noise: float = LABEL_NOISE,
    box_noise: float = 1.0,
    generator: torch.Generator | None = None,
) -> tuple[NoisyQueries, Noise] | tuple[None, None]:
    """Returns queries for a batch and what they learn; None for both without objects.

    Args:
        targets: of each picture.
        queries: the network's own.
        total: near queries in all groups, at least one group.
        label_noise: share of labels that are drawn anew.
        box_noise: how far sides move, in half sizes: up to 1 of them, those further off 1 to 2.
        generator: draws all noise; of the CPU.
    """
    most = max((len(each.boxes) for each in targets), default=0)
    if not most:
        return None, None
    device = targets[0].boxes.device
    classes = targets[0].labels.shape[1]
    groups = max(total // most, 1)
    count = 2 * most * groups
    labels = torch.full((len(targets), most), classes)
    boxes = torch.zeros(len(targets), most, 4)
    for index, (own, names) in enumerate(targets):
        if len(own):
            # Of several names, one is drawn.
            drawn = torch.multinomial(names.float().cpu(), 1, generator=generator)
            labels[index, : len(own)] = drawn[:, 0]
            boxes[index, : len(own)] = own.float().cpu()
    labels, boxes = labels.repeat(1, 2 * groups), boxes.repeat(1, 2 * groups, 1)
    other = torch.rand(labels.shape, generator=generator) < label_noise
    random = torch.randint(classes, labels.shape, generator=generator)
    labels = torch.where(other & (labels < classes), random, labels)
    far = torch.arange(count) // most % 2
    moved = _moved(boxes, far[:, None], box_noise, generator)
    matched = []
    near = (far == 0).nonzero()[:, 0]
    for own, _ in targets:
        rows = near[near % most < len(own)]
        matched.append(Matched(rows.to(device), (rows % most).to(device)))
    made = NoisyQueries(
        labels.to(device), logit(moved).to(device), _mask(groups, most, queries).to(device)
    )
    return made, Noise(tuple(matched), groups)


def _moved(boxes: Tensor, far: Tensor, scale: float, generator: torch.Generator | None) -> Tensor:
    """Returns boxes with each side moved by a share of half their size, inside of the picture."""
    share = torch.rand(boxes.shape, generator=generator) + far
    sign = torch.randint(2, boxes.shape, generator=generator) * 2 - 1
    half = boxes[..., 2:].repeat(1, 1, 2) / 2
    sides = corners(boxes) + share * sign * half * scale
    return centred(sides.clamp(0, 1))


def _mask(groups: int, most: int, queries: int) -> Tensor:
    """Returns which queries may see which; see `NoisyQueries`."""
    owner = torch.cat(
        [torch.arange(groups).repeat_interleave(2 * most), torch.full((queries,), groups)]
    )
    return (owner[:, None] == owner[None]) | (owner[None] == groups)
