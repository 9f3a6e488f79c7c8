# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures of plain shapes on an even ground, which small networks learn in seconds."""

from __future__ import annotations

import torch
from torch import Tensor

HUES = 3
KINDS = 2 * HUES
"""Discs and crosses, each in red, green and blue."""


def shapes(count: int, side: int, seed: int) -> tuple[Tensor, Tensor]:
    """Returns float pictures [count, 3, side, side], about -1 to 1, and int64 kinds [count].

    A shape lies anywhere on a grey ground and covers a tenth of the picture or so.
    """
    generator = torch.Generator().manual_seed(seed)

    def drawn(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(count, *shape, generator=generator)

    kinds = torch.randint(KINDS, (count,), generator=generator)
    grid = torch.linspace(-1, 1, side)
    size = drawn(0.25, 0.4, 1, 1)
    x = (grid[None, None, :] - drawn(-0.6, 0.6, 1, 1)) / size
    y = (grid[None, :, None] - drawn(-0.6, 0.6, 1, 1)) / size
    disc = x.square() + y.square() < 1
    cross = (torch.maximum(x.abs(), y.abs()) < 1.1) & (torch.minimum(x.abs(), y.abs()) < 0.3)
    inside = torch.where((kinds < HUES)[:, None, None], disc, cross)
    ground = drawn(-0.4, 0.4, 1, 1, 1)
    colour = torch.eye(3)[kinds % HUES, :, None, None] * drawn(0.6, 1.2, 1, 1, 1)
    pictures = ground + torch.where(inside[:, None], colour, 0.0)
    return pictures + 0.05 * torch.randn(pictures.shape, generator=generator), kinds
