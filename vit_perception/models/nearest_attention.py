# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Deformable attention without interpolation, for targets that lack GridSample (card 06).

RT-DETRv2's "discrete" sampling: each place takes the value of one cell. A network that learnt with
interpolation needs some training with this.
"""

from __future__ import annotations

import torch
from torch import Tensor

from vit_perception.models.deformable_attention import DeformableAttention, Sizes


def nearest_cells(value: Tensor, sizes: Sizes, places: Tensor, weights: Tensor) -> Tensor:
    """Works as `sample_levels`, with cell (x, y) * (columns, rows) + 0.5, rounded towards 0.

    Places outside of a level take its nearest cell. Places get no gradient.
    """
    width = int(value.shape[3])
    shape = places.new_tensor([(columns, rows) for rows, columns in sizes])
    counts = [rows * columns for rows, columns in sizes]
    starts = places.new_tensor([sum(counts[:level]) for level in range(len(counts))])
    cells = (places * shape[:, None] + 0.5).trunc().clamp(min=0)
    cells = torch.minimum(cells, shape[:, None] - 1)
    index = starts[:, None] + cells[..., 1] * shape[:, :1] + cells[..., 0]
    rows = index.long().transpose(1, 2).flatten(2)[..., None].expand(-1, -1, -1, width)
    shares = weights.transpose(1, 2).flatten(3)
    taken = value.transpose(1, 2).gather(2, rows).unflatten(2, shares.shape[2:])
    mixed = (taken * shares[..., None]).sum(3).transpose(1, 2)
    out: Tensor = mixed.flatten(2)
    return out


class NearestAttention(DeformableAttention):
    """`DeformableAttention` around boxes that reads the nearest cells; its weights fit."""

    def forward(self, query: Tensor, reference: Tensor, tokens: Tensor, sizes: Sizes) -> Tensor:
        """Works as the interpolating one, of references that are boxes."""
        shape = (self.heads, self.levels, self.points)
        offsets = self.sampling_offsets(query).unflatten(2, (*shape, 2))
        weights = self.attention_weights(query).unflatten(2, (self.heads, -1)).softmax(3)
        at = reference[:, :, None, :, None]
        places = at[..., :2] + offsets * at[..., 2:] * (0.5 / self.points)
        value = self.value_proj(tokens).unflatten(2, (self.heads, -1))
        seen = nearest_cells(value, sizes, places, weights.unflatten(3, shape[1:]))
        out: Tensor = self.output_proj(seen)
        return out
