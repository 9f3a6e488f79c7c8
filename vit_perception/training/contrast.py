# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The contrast of things: region embeddings of one thing alike, those of other things apart.

Source: supervised contrastive learning (Khosla et al. 2020, the loss with the sum outside of the
logarithm). A robot looks for a thing that it was shown by the cosine of region embeddings less
their mean, so the loss compares the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

from vit_perception.models.boxes import complete_iou
from vit_perception.models.heads.dosod_head import HeadOutput
from vit_perception.training.assigner import Assignment

if TYPE_CHECKING:
    from vit_perception.training.losses import Targets

ANCHORS = 4
"""Anchors of an object that are compared, its best; nearly as many are averaged at teaching."""
MOST_ROWS = 4096
"""Limit of anchors in one batch: the comparison grows with their square."""


@dataclass(frozen=True)
class ThingContrast:
    """What the loss needs beside outputs and targets.

    Attributes:
        embed: maps level and class features [N, c] to region embeddings [N, E]; see
            `DOSODHead.region_embeddings`.
        temperature: of the cosines.
    """

    embed: Callable[[int, Tensor], Tensor]
    temperature: float = 0.1

    def loss(
        self,
        output: HeadOutput,
        targets: Targets,
        found: Assignment,
        logits: Tensor,
        boxes: Tensor,
    ) -> Tensor:
        """Returns the loss of one batch; objects whose thing is unknown are left out.

        Args:
            found: the anchors of the objects.
            logits: [B, A, K], and boxes [B, A, 4] xyxy px, without gradient.
        """
        picture, anchor = found.matched.nonzero(as_tuple=True)
        item = found.objects[picture, anchor]
        known = targets.things[picture, item] >= 0
        picture, anchor, item = picture[known], anchor[known], item[known]
        own = logits[picture, anchor].masked_fill(~targets.labels[picture, item], -torch.inf)
        surest = own.amax(dim=1).sigmoid()
        overlap = complete_iou(boxes[picture, anchor], targets.boxes[picture, item])
        owner = picture * targets.valid.shape[1] + item
        rows = best_of_each(overlap.clamp(min=0) * surest.sqrt(), owner, ANCHORS)
        if len(rows) > MOST_ROWS:
            rows = rows[torch.linspace(0, len(rows) - 1, MOST_ROWS, device=rows.device).long()]
        picture, anchor, item = picture[rows], anchor[rows], item[rows]
        embeddings, order = self._embeddings(output.class_features, picture, anchor)
        return contrast_loss(
            embeddings,
            targets.things[picture, item][order],
            owner[rows][order],
            self.temperature,
        )

    def _embeddings(
        self, features: Sequence[Tensor], picture: Tensor, anchor: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Returns region embeddings [N, E] of anchors, level by level, and which row each is."""
        parts, orders = [], []
        first = 0
        for level, x in enumerate(features):
            flat = x.flatten(2)
            last = first + flat.shape[2]
            order = ((anchor >= first) & (anchor < last)).nonzero()[:, 0]
            own = flat[picture[order], :, anchor[order] - first]
            parts.append(self.embed(level, own.float()))
            orders.append(order)
            first = last
        return torch.cat(parts), torch.cat(orders)


def best_of_each(quality: Tensor, owner: Tensor, most: int) -> Tensor:
    """Returns the rows with the best quality of each owner, at most `most` of one.

    Args:
        quality: [N].
        owner: int64 [N].

    Returns:
        int64 [n], by owner, the best first.
    """
    order = quality.argsort(descending=True, stable=True)
    order = order[owner[order].argsort(stable=True)]
    _, counts = owner[order].unique_consecutive(return_counts=True)
    begins = counts.cumsum(0) - counts
    place = torch.arange(len(order), device=order.device) - begins.repeat_interleave(counts)
    return order[place < most]


def contrast_loss(
    embeddings: Tensor, things: Tensor, objects: Tensor, temperature: float
) -> Tensor:
    """Returns the mean loss of the rows whose thing is seen a second time; 0 if there are none.

    Rows of one object are not compared with each other: they are nearly the same pixels.

    Args:
        embeddings: [N, E] region embeddings; their mean is taken off here.
        things: int64 [N], what is to be told apart.
        objects: int64 [N], equal for the rows of one object in one picture.
        temperature: of the cosines.
    """
    if not len(embeddings):
        return embeddings.sum()
    unit = F.normalize(embeddings - embeddings.mean(dim=0), dim=1)
    logits = unit @ unit.T / temperature
    others = objects[:, None] != objects
    same = others & (things[:, None] == things)
    # A finite number, so that rows without any other object have finite gradients.
    share = logits.masked_fill(~others, -1e4).log_softmax(dim=1)
    counts = same.sum(dim=1)
    losses = -share.masked_fill(~same, 0).sum(dim=1) / counts.clamp(min=1)
    return losses.sum() / (counts > 0).sum().clamp(min=1)
