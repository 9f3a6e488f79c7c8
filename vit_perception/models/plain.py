# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""timm's interface for a network whose tokens keep one stride from the first block to the last."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from vit_perception.models.staged import Headed


class PlainBackbone(Headed, ABC):
    """Patches, blocks and a head.

    A subclass calls `assemble` at the end of its `__init__`, and says with `forward_features`,
    `patches_of` and `pooled` what its tokens are.

    Attributes:
        patch: side of a patch, px; the stride of its map.
    """

    def assemble(
        self, *, width: int, patch: int, num_classes: int, pooled: int | None = None
    ) -> None:
        """Sets what timm asks for.

        Args:
            width: channels of the map.
            patch: side of a patch, px.
            num_classes: of the head.
            pooled: channels of what it takes; those of the map if None.
        """
        self.patch = patch
        self.num_features = self.head_hidden_size = pooled or width
        self.feature_info = [{"num_chs": width, "reduction": patch, "module": "norm"}]
        self.reset_classifier(num_classes)

    @abstractmethod
    def forward_features(self, x: Tensor) -> Any:
        """Returns normalised tokens [B, N, C] of images [B, 3, H, W], or a tuple with them."""

    def grid_of(self, height: int, width: int) -> tuple[int, int]:
        """Returns rows and columns of patches of a picture; those that are whole."""
        return height // self.patch, width // self.patch

    def patches_of(self, tokens: Any) -> Tensor:
        """Returns the tokens of patches, row by row; all, unless a subclass has others."""
        found: Tensor = tokens
        return found

    def tokens_and_patches(self, x: Tensor) -> tuple[Any, Tensor]:
        """Returns the tokens of `forward_features`, and those of the map [B, h * w, C]."""
        tokens = self.forward_features(x)
        return tokens, self.patches_of(tokens)

    def pooled(self, tokens: Any) -> Tensor:
        """Returns what the head takes [B, C]; the mean, unless a subclass has another."""
        found: Tensor = tokens.mean(1)
        return found

    def forward(self, x: Tensor) -> Tensor:
        """Returns logits of images [B, 3, H, W]."""
        return self.forward_head(self.forward_features(x))

    def forward_head(self, tokens: Any, pre_logits: bool = False) -> Tensor:
        """Returns logits of tokens, or the features before them."""
        features = self.pooled(tokens)
        return features if pre_logits else self.head(features)

    def forward_intermediates(
        self,
        x: Tensor,
        indices: int | list[int] | None = None,
        norm: bool = False,
        stop_early: bool = False,
        output_fmt: str = "NCHW",
        intermediates_only: bool = False,
    ) -> Any:
        """Returns the map, normalised, and the tokens unless `intermediates_only`; see timm."""
        if output_fmt != "NCHW":
            raise ValueError("this backbone gives NCHW maps")
        rows, columns = self.grid_of(int(x.shape[2]), int(x.shape[3]))
        tokens, patches = self.tokens_and_patches(x)
        channels = int(patches.shape[2])
        maps = [patches.transpose(1, 2).reshape(-1, channels, rows, columns)]
        return maps if intermediates_only else (tokens, maps)

    def prune_intermediate_layers(
        self,
        indices: int | list[int] | None = 1,
        prune_norm: bool = False,
        prune_head: bool = True,
    ) -> list[int]:
        """Removes what the map does not need; see timm."""
        if prune_head:
            self.reset_classifier(0)
        return [0]


class SteppedBackbone(PlainBackbone):
    """A plain network whose blocks run one by one, so that others can work between them.

    A subclass with tokens that are no patches gives `patches_of` and `with_patches`.

    Attributes:
        blocks: of the network.
        norm: of the last tokens.
    """

    blocks: nn.Sequential | nn.ModuleList
    norm: nn.Module

    @abstractmethod
    def first_tokens(self, x: Tensor) -> Tensor:
        """Returns the first block's tokens [B, N, C] of images [B, 3, H, W]."""

    def steps(self) -> Sequence[nn.Module]:
        """Returns the blocks in order; `blocks`, unless a subclass has others."""
        return list(self.blocks)

    def step(self, block: nn.Module, tokens: Tensor, grid: tuple[int, int]) -> Tensor:
        """Returns tokens behind a block, of a grid of patches."""
        out: Tensor = block(tokens)
        return out

    def with_patches(self, tokens: Tensor, patches: Tensor) -> Tensor:
        """Returns tokens with others in place of those of `patches_of`."""
        return patches

    def forward_features(self, x: Tensor) -> Tensor:
        """Returns normalised tokens [B, N, C] of images [B, 3, H, W]."""
        grid = self.grid_of(int(x.shape[2]), int(x.shape[3]))
        tokens = self.first_tokens(x)
        for block in self.steps():
            tokens = self.step(block, tokens, grid)
        found: Tensor = self.norm(tokens)
        return found


def resized_positions(positions: Tensor, grid: tuple[int, int]) -> Tensor:
    """Returns positions [1, C, h, w] for another grid, bicubically; the same for their own."""
    if positions.shape[2:] == grid:
        return positions
    return F.interpolate(positions, grid, mode="bicubic", align_corners=False)
