# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A learned mixture of Gaussians of distance on the logits of attention (2309.05375, card 37).

It gives any ViT a sense of what is near for two numbers a head and kernel. The mask multiplies:
where it is 0, a cell is seen as the average one is, and not left out.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from timm.layers import Attention
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn

KERNELS = 5
_LEAST = 1e-5
"""Added to a variance."""


@lru_cache(maxsize=32)
def _squares(side: int) -> NDArray[np.float32]:
    """Returns squared distances [side, side] of places on a line."""
    places = np.arange(side, dtype=np.float32)
    return (places[:, None] - places[None]) ** 2


class GaussianMixture(nn.Module):
    """Weights of all pairs of cells of a grid, by their distance.

    Args:
        heads: of the attention.
        kernels: Gaussians of each head.

    Attributes:
        deviation, weight: [kernels, heads, 1, 1], in cells, and of any sign.
    """

    def __init__(self, heads: int, kernels: int = KERNELS) -> None:
        super().__init__()
        self.deviation = nn.Parameter(10 * torch.randn(kernels, heads, 1, 1) + 10)
        self.weight = nn.Parameter(2 * torch.randn(kernels, heads, 1, 1))

    def forward(self, grid: tuple[int, int]) -> Tensor:
        """Returns the mask [heads, N, N] of the N = h * w cells, row by row."""
        scale = -0.5 / (self.deviation.square() + _LEAST)
        # A Gaussian of the plane is a product of two on lines, which are much smaller.
        rows, columns = (
            torch.exp(scale * torch.from_numpy(_squares(side)).to(scale)) for side in grid
        )
        mask = torch.einsum("khac,khbd->habcd", self.weight * rows, columns)
        return mask.flatten(3).flatten(1, 2)


class MaskedAttention(nn.Module):
    """timm's attention, whose logits between patches are multiplied by a mixture of Gaussians.

    Args:
        attention: whose layers it takes over.
        grid: rows and columns of patches.
        prefix: tokens before them, such as a class token, which no mask touches.
        kernels: see `GaussianMixture`.
    """

    def __init__(
        self, attention: Attention, grid: tuple[int, int], prefix: int = 0, kernels: int = KERNELS
    ) -> None:
        super().__init__()
        self.heads, self.scale = attention.num_heads, attention.scale
        self.qkv, self.proj = attention.qkv, attention.proj
        self.grid, self.prefix = grid, prefix
        self.mixture = GaussianMixture(self.heads, kernels)
        self.register_buffer("mask", None, persistent=False)

    def forward(self, x: Tensor, **options: Any) -> Tensor:
        """Maps tokens [B, prefix + N, C] to the same shape."""
        parts = self.qkv(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        query, key, value = parts.unbind(0)
        logits = (query * self.scale) @ key.transpose(2, 3)
        mask = self.mask if isinstance(self.mask, Tensor) else self.mixture(self.grid)
        if self.prefix:
            ahead = (self.prefix, 0, self.prefix, 0)
            mask = nn.functional.pad(mask, ahead, value=1.0)
        seen = (logits * mask).softmax(3) @ value
        out: Tensor = self.proj(seen.transpose(1, 2).flatten(2))
        return out

    @torch.no_grad()
    def reparameterize(self) -> None:
        """Keeps the mask, which does not depend on the picture."""
        self.mask = self.mixture(self.grid)


def with_gaussian_masks(model: VisionTransformer, kernels: int = KERNELS) -> VisionTransformer:
    """Puts a mask into each layer of one of timm's ViTs, in place, and returns it."""
    grid = model.patch_embed.grid_size
    for block in model.blocks:
        attention = block.attn
        assert isinstance(attention, Attention)
        block.attn = MaskedAttention(attention, grid, model.num_prefix_tokens, kernels)
    return model
