# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""timm's ViT as a trunk under maps: patches alone, any size, attention in windows if wanted."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from timm.layers import Attention, resample_patch_embed
from timm.models.vision_transformer import Block, VisionTransformer
from torch import Tensor, nn
from torch.nn import functional as F

from vit_perception.models.plain import SteppedBackbone, resized_positions
from vit_perception.models.windows import lay_windows

WINDOW = 14
"""Side of a window, in tokens (card 40)."""
_PREFIX = 8
"""Tokens that are no patches: at most so many."""


@lru_cache(maxsize=32)
def _windows(grid: tuple[int, int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    laid = lay_windows(grid, (WINDOW, WINDOW))
    return laid.cells.numpy(), laid.places.numpy()


class WindowBlock(nn.Module):
    """A block of timm's ViT that attends inside windows; the names of its parts stay.

    As published, windows are filled up with zeros behind the projection, which are seen.

    Args:
        source: whose parts it takes over.
    """

    def __init__(self, source: Block) -> None:
        super().__init__()
        attention = source.attn
        assert isinstance(attention, Attention)
        self.norm1, self.attn, self.ls1 = source.norm1, attention, source.ls1
        self.drop_path1, self.drop_path2 = source.drop_path1, source.drop_path2
        self.norm2, self.mlp, self.ls2 = source.norm2, source.mlp, source.ls2

    def forward(self, x: Tensor, grid: tuple[int, int]) -> Tensor:
        """Maps tokens [B, h * w, C] of a grid to the same shape."""
        x = x + self.drop_path1(self.ls1(self._attended(self.norm1(x), grid)))
        out: Tensor = x + self.drop_path2(self.ls2(self.mlp(self.norm2(x))))
        return out

    def _attended(self, x: Tensor, grid: tuple[int, int]) -> Tensor:
        cells, places = (torch.from_numpy(each).to(x.device) for each in _windows(grid))
        # One more token, of zeros, for all places outside the grid.
        parts = F.pad(self.attn.qkv(x), (0, 0, 0, 1)).index_select(1, cells)
        parts = parts.unflatten(1, (-1, WINDOW**2)).unflatten(3, (3, self.attn.num_heads, -1))
        query, key, value = parts.permute(3, 0, 1, 4, 2, 5).flatten(1, 2).unbind(0)
        seen = F.scaled_dot_product_attention(query, key, value)
        seen = seen.transpose(1, 2).flatten(2).unflatten(0, (len(x), -1)).flatten(1, 2)
        out: Tensor = self.attn.proj(seen.index_select(1, places))
        return out


class VitTrunk(SteppedBackbone):
    """The patches and blocks of one of timm's ViTs, without class token, last norm and head.

    Args:
        source: whose parts it takes over.
        windowed: indices of blocks that attend inside windows.
    """

    def __init__(self, source: VisionTransformer, windowed: Collection[int] = ()) -> None:
        super().__init__()
        self.patches = source.patch_embed.proj
        table = torch.empty(1, source.embed_dim, *source.patch_embed.grid_size)
        self.positions = nn.Parameter(table)
        self.blocks = nn.ModuleList(
            WindowBlock(cast("Block", block)) if index in windowed else block
            for index, block in enumerate(source.blocks)
        )
        self.norm = nn.Identity()
        self.assemble(width=source.embed_dim, patch=self.patches.kernel_size[0], num_classes=0)
        self.load(source.state_dict())

    def first_tokens(self, x: Tensor) -> Tensor:
        """Returns the tokens of the patches, with positions."""
        patches = self.patches(x)
        grid = (int(patches.shape[2]), int(patches.shape[3]))
        patches = patches + resized_positions(self.positions, grid)
        tokens: Tensor = patches.flatten(2).transpose(1, 2)
        return tokens

    def step(self, block: nn.Module, tokens: Tensor, grid: tuple[int, int]) -> Tensor:
        """Returns tokens behind a block of either kind."""
        windowed = isinstance(block, WindowBlock)
        out: Tensor = block(tokens, grid) if windowed else block(tokens)
        return out

    @torch.no_grad()
    def load(self, state: Mapping[str, Tensor]) -> None:
        """Takes weights of one of timm's ViTs; patches and positions may have another size.

        Args:
            state: its state dict. Class token, registers, last norm and head are left out; a
                LayerScale that it lacks is 1.

        Raises:
            ValueError: weights are absent, or of another shape.
        """
        own = self.blocks.state_dict()
        blocks = {
            key.removeprefix("blocks."): value
            for key, value in state.items()
            if key.startswith("blocks.")
        }
        scales = {key: torch.ones_like(own[key]) for key in own if ".ls" in key}
        try:
            self.blocks.load_state_dict(scales | blocks)
            kernel = resample_patch_embed(
                state["patch_embed.proj.weight"], list(self.patches.kernel_size)
            )
            self.patches.weight.copy_(kernel)
            self.patches.bias.copy_(state["patch_embed.proj.bias"])
            self._load_positions(state["pos_embed"])
        except (KeyError, RuntimeError) as error:
            raise ValueError(f"expected the weights of this ViT, found others: {error}") from None

    def _load_positions(self, known: Tensor) -> None:
        """Takes positions [1, prefix + N, C] of a grid like this one, or of a square one."""
        rows, columns = int(self.positions.shape[2]), int(self.positions.shape[3])
        count = int(known.shape[1])
        grid = (rows, columns)
        if not 0 <= count - rows * columns < _PREFIX:
            side = int(count**0.5)
            grid = (side, side)
        table = known[:, count - grid[0] * grid[1] :].transpose(1, 2).unflatten(2, grid)
        self.positions.copy_(resized_positions(table, (rows, columns)))
