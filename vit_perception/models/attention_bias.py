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

    It is looked up by columns, then by rows, so that the indices stay small where the pairs of
    tokens are millions. In a graph those are operators on constants, which engines fold when they
    load it, while the file stays small.

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
            # One dimension of indices would have torch's exporter fold all into the file.
            apart = (places[:, None] - places).abs()
            self.register_buffer(name, apart, persistent=False)

    def forward(self) -> Tensor:
        """[heads, N, N] for the N = H * W tokens, rows outer."""
        height, width = self.size
        grid = self.table.reshape(self.heads, height, width)
        # [heads, |dy|, x, x'], then [heads, y, y', x, x'].
        found = grid[:, :, self.columns][:, self.rows]
        return found.transpose(2, 3).reshape(self.heads, height * width, height * width)


class OffsetBias(nn.Module):
    """A bias for each head, from the signed offset of two cells of a window, by a small network.

    CrossFormer's DPB (arXiv 2108.00154, card 24).

    Args:
        width: hidden.
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
        """[heads, area, area] for groups of rows x columns, counted in cells of the group."""
        weight = cast("nn.Linear", self.layers[0]).weight
        sides = [torch.arange(1 - side, side).to(weight) for side in window]
        offsets = torch.stack(torch.meshgrid(*sides, indexing="ij"), dim=-1).flatten(0, 1)
        biases: Tensor = self.layers(offsets)
        return biases[relative_offsets(window).to(weight.device)].permute(2, 0, 1)


def resized_table(table: Tensor, size: tuple[int, int], wanted: tuple[int, int]) -> Tensor:
    """Biases [heads, h * w] of maps of one size, for those of another: linear in each axis.

    Distance 0 stays 0 and the largest becomes the largest.
    """
    grid = table.unflatten(1, size)[None]
    resized = functional.interpolate(grid, wanted, mode="bilinear", align_corners=True)
    return resized[0].flatten(1)


def resized_grids(
    values: Tensor, sources: int, size: tuple[int, int], wanted: tuple[int, int]
) -> Tensor:
    """Values [..., sources * h * w] of the cells of several grids, for grids of another size."""
    grids = values.reshape(1, -1, *size)
    resized = functional.interpolate(grids, wanted, mode="bilinear", align_corners=False)
    return resized.reshape(*values.shape[:-1], sources * wanted[0] * wanted[1])
