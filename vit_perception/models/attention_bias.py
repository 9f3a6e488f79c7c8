# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Learned attention biases, by distance (LeViT, arXiv 2104.01136) or by offset (CrossFormer)."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from vit_perception.models.windows import relative_offsets


class DistanceBias(nn.Module):
    """A bias for each head and each distance (|dy|, |dx|) of query and key, zero at first.

    It is looked up by columns, then by rows, which keeps the index tables small for millions of
    token pairs. The exported graph has these look-ups as operators on constants: the file stays
    small, and engines fold them when they load it.

    Args:
        heads: of the attention.
        size: height and width of the map.
    """

    rows: Tensor
    columns: Tensor

    def __init__(self, heads: int, size: tuple[int, int]) -> None:
        super().__init__()
        self.heads, self.size = heads, size
        self.table = nn.Parameter(torch.zeros(heads, size[0] * size[1]))
        for name, side in zip(("rows", "columns"), size, strict=True):
            places = torch.arange(side)
            # With one flat index, torch's exporter would fold the whole table into the file.
            apart = (places[:, None] - places).abs()
            self.register_buffer(name, apart, persistent=False)

    def forward(self) -> Tensor:
        """Returns [heads, N, N] for the N = H * W tokens, row by row."""
        height, width = self.size
        grid = self.table.reshape(self.heads, height, width)
        # [heads, |dy|, x, x'], then [heads, y, y', x, x'].
        found = grid[:, :, self.columns][:, self.rows]
        return found.transpose(2, 3).reshape(self.heads, height * width, height * width)


class OffsetBias(nn.Module):
    """A bias for each head, computed by a small network from the offset of two cells of a window.

    CrossFormer's DPB (arXiv 2108.00154, card 24).

    Args:
        width: of the hidden layers.
        heads: of the attention.
        eps: of the norms.
    """

    def __init__(self, width: int, heads: int, eps: float = 1e-5) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Linear(2, width)]
        for c_out in (width, width, heads):
            layers += [nn.LayerNorm(width, eps=eps), nn.ReLU(), nn.Linear(width, c_out)]
        self.layers = nn.Sequential(*layers)

    def forward(self, window: tuple[int, int]) -> Tensor:
        """Returns [heads, area, area] for a group of rows x columns cells."""
        weight = cast("nn.Linear", self.layers[0]).weight
        sides = [torch.arange(1 - side, side).to(weight) for side in window]
        offsets = torch.stack(torch.meshgrid(*sides, indexing="ij"), dim=-1).flatten(0, 1)
        biases: Tensor = self.layers(offsets)
        return biases[relative_offsets(window).to(weight.device)].permute(2, 0, 1)


def resized_table(table: Tensor, size: tuple[int, int], wanted: tuple[int, int]) -> Tensor:
    """Resizes biases [heads, h * w] to maps of another size, linearly along each axis.

    Distance 0 stays at 0, and the largest distance at the largest.
    """
    grid = table.unflatten(1, size)[None]
    resized = functional.interpolate(grid, wanted, mode="bilinear", align_corners=True)
    return resized[0].flatten(1)


def resized_grids(
    values: Tensor, sources: int, size: tuple[int, int], wanted: tuple[int, int]
) -> Tensor:
    """Resizes values [..., sources * h * w] of several grids' cells to grids of another size."""
    grids = values.reshape(1, -1, *size)
    resized = functional.interpolate(grids, wanted, mode="bilinear", align_corners=False)
    return resized.reshape(*values.shape[:-1], sources * wanted[0] * wanted[1])
