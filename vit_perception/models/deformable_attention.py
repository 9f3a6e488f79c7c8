# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Multi-scale deformable attention: a few sampled places of each level (arXiv 2010.04159).

In a graph it is one GridSample per level.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

Sizes = Sequence[tuple[int, int]]
"""Rows and columns of each level; tokens are the cells of the first, row by row, then the next."""


@lru_cache(maxsize=32)
def cell_centres(sizes: tuple[tuple[int, int], ...]) -> NDArray[np.float32]:
    """Returns the centres (x, y) of all cells of some levels, 0 to 1 [1, N, 1, 2]."""
    centres = []
    for rows, columns in sizes:
        y, x = np.meshgrid(
            (np.arange(rows) + 0.5) / rows, (np.arange(columns) + 0.5) / columns, indexing="ij"
        )
        centres.append(np.stack((x, y), -1).reshape(-1, 2))
    return np.concatenate(centres).astype(np.float32)[None, :, None]


def sample_levels(value: Tensor, sizes: Sizes, places: Tensor, weights: Tensor) -> Tensor:
    """Returns weighted sums of bilinear samples; outside a level there are zeros.

    Args:
        value: [B, N, heads, D], tokens of all levels.
        sizes: of the levels.
        places: (x, y) [B, Q, heads, levels, points, 2]; 0 to 1 is a whole level.
        weights: [B, Q, heads, levels, points].

    Returns:
        [B, Q, heads * D].
    """
    heads = int(value.shape[2])
    # Heads are pictures of one batch.
    channels = value.permute(0, 2, 3, 1).flatten(0, 1)
    grids = (2 * places - 1).transpose(1, 2).flatten(0, 1)
    shares = weights.transpose(1, 2).flatten(0, 1)
    counts = [rows * columns for rows, columns in sizes]
    parts = []
    for level, (cells, size) in enumerate(zip(channels.split(counts, 2), sizes, strict=True)):
        found = F.grid_sample(cells.unflatten(2, size), grids[:, :, level], align_corners=False)
        parts.append((found * shares[:, None, :, level]).sum(3))
    # [B * heads, D, Q]
    total = sum(parts[1:], start=parts[0])
    out: Tensor = total.unflatten(0, (-1, heads)).flatten(1, 2).transpose(1, 2)
    return out


class DeformableAttention(nn.Module):
    """Attention that looks at learned places around a reference.

    Args:
        width: channels of queries, tokens and the result.
        heads: of the attention.
        levels: that tokens come from.
        points: of each head and level.
        ratio: channels of values, in terms of `width`.
    """

    def __init__(
        self, width: int, heads: int, levels: int, points: int = 4, ratio: float = 1.0
    ) -> None:
        super().__init__()
        self.heads, self.levels, self.points = heads, levels, points
        self.sampling_offsets = nn.Linear(width, heads * levels * points * 2)
        self.attention_weights = nn.Linear(width, heads * levels * points)
        self.value_proj = nn.Linear(width, int(ratio * width))
        self.output_proj = nn.Linear(int(ratio * width), width)
        self.reset()

    @torch.no_grad()
    def reset(self) -> None:
        """Lets each head look in a direction of its own, and all places count the same."""
        angles = torch.arange(self.heads) * (2 * math.pi / self.heads)
        directions = torch.stack((angles.cos(), angles.sin()), 1)
        directions /= directions.abs().amax(1, keepdim=True)
        steps = torch.arange(1, self.points + 1)
        offsets = directions[:, None, None] * steps[:, None]
        nn.init.zeros_(self.sampling_offsets.weight)
        self.sampling_offsets.bias.copy_(offsets.expand(-1, self.levels, -1, -1).flatten())
        nn.init.zeros_(self.attention_weights.weight)
        nn.init.zeros_(self.attention_weights.bias)
        for layer in (self.value_proj, self.output_proj):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, query: Tensor, reference: Tensor, tokens: Tensor, sizes: Sizes) -> Tensor:
        """Returns what queries find, [B, Q, width].

        Args:
            query: [B, Q, width].
            reference: points (x, y) or boxes (cx, cy, w, h), 0 to 1, [B or 1, Q, levels or 1, 2
                or 4]. Offsets are in cells of a level, or in shares of a box.
            tokens: [B, N, width], of all levels.
            sizes: of the levels.
        """
        shape = (self.heads, self.levels, self.points)
        offsets = self.sampling_offsets(query).unflatten(2, (*shape, 2))
        weights = self.attention_weights(query).unflatten(2, (self.heads, -1)).softmax(3)
        at = reference[:, :, None, :, None]
        if reference.shape[-1] == 2:
            cells = np.array([(columns, rows) for rows, columns in sizes], np.float32)
            places = at + offsets / torch.from_numpy(cells[:, None]).to(offsets)
        else:
            places = at[..., :2] + offsets * at[..., 2:] * (0.5 / self.points)
        value = self.value_proj(tokens).unflatten(2, (self.heads, -1))
        seen = sample_levels(value, sizes, places, weights.unflatten(3, shape[1:]))
        out: Tensor = self.output_proj(seen)
        return out
