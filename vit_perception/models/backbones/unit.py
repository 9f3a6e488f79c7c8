# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""UNIT's encoder: a plain ViT for pictures and pages of any size (arXiv 2409.04095, card 63).

What is special about UNIT is how it is trained, see `training.unit`. `unit_mini` is the card's
own. `unit_600m` and `unit_1b`, the paper's, are made by `timm.create_model`, but are not on the
shelf: a graph of theirs is larger than an ONNX file can be.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import torch
from timm.models import register_model
from timm.models.vision_transformer import Block
from torch import Tensor, nn
from torch.nn import functional as F

from vit_perception.models.plain import PlainBackbone
from vit_perception.models.shelf import Variant
from vit_perception.models.staged import build, stagewise_rates

MEAN, DEVIATION = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
"""Of the pixels, as CLIP has them."""
LEAST, ASPECT, DROPPED = math.sqrt(0.1), 4 / 3, 0.1
"""Training's crops of positions: least side, largest ratio of sides, share without positions."""


class CroppedPositions(nn.Module):
    """Positions of a square grid, from which those of smaller ones are taken.

    In training they are a random crop for each picture, and sometimes 0, so that the network
    learns to do with any grid.

    Args:
        width: channels.
        side: of the grid.
    """

    def __init__(self, width: int, side: int) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.randn(1, width, side, side) * width**-0.5)

    def forward(self, x: Tensor) -> Tensor:
        """Returns what to add to a map [B, width, h, w]: [B, width, h, w], or [1, …] at test."""
        height, width = int(x.shape[2]), int(x.shape[3])
        if self.training:
            return self._drawn(int(x.shape[0]), height, width)
        side = max(height, width)
        table: Tensor = self.table
        if side != table.shape[2]:
            table = F.interpolate(table, (side, side), mode="bilinear", align_corners=True)
        return table[:, :, :height, :width]

    def _drawn(self, count: int, height: int, width: int) -> Tensor:
        device = self.table.device
        scale = torch.empty(count, device=device).uniform_(LEAST, 1)
        bend = math.log(ASPECT)
        root = torch.empty(count, device=device).uniform_(-bend, bend).div(2).exp()
        axes = []
        for length, cells in ((scale / root, height), (scale * root, width)):
            length = length.clamp(max=1)[:, None]
            begin = torch.rand(count, 1, device=device) * (1 - length)
            axes.append(2 * (begin + length * torch.linspace(0, 1, cells, device=device)) - 1)
        down = axes[0][:, :, None].expand(-1, -1, width)
        across = axes[1][:, None].expand(-1, height, -1)
        table = self.table.expand(count, -1, -1, -1)
        places = torch.stack((across, down), 3).to(table)
        found = F.grid_sample(table, places, mode="bilinear", align_corners=True)
        kept = torch.rand(count, 1, 1, 1, device=device) >= DROPPED
        return found * kept


class UnitEncoder(PlainBackbone):
    """The network; its map has the stride of a patch.

    Args:
        width, depth, heads: of the tokens.
        patch: side of a patch, px.
        largest: side of the largest picture, px, for which there are positions of their own.
        class_tokens: of which the first is returned.
        multiple: further tokens, which are not returned, fill the class tokens up to a multiple
            of this.
        drop_path_rate: of the last block, in training.
        in_chans, num_classes: see timm.
    """

    def __init__(
        self,
        width: int,
        depth: int,
        heads: int,
        patch: int = 14,
        largest: int = 1024,
        class_tokens: int = 1,
        multiple: int = 1,
        drop_path_rate: float = 0.0,
        in_chans: int = 3,
        num_classes: int = 1000,
    ) -> None:
        super().__init__()
        self.patches = nn.Conv2d(in_chans, width, patch, patch, bias=False)
        self.positions = CroppedPositions(width, largest // patch)
        count = -(-class_tokens // multiple) * multiple
        self.first = nn.Parameter(torch.randn(1, count, width) * width**-0.5)
        norm: Any = partial(nn.LayerNorm, eps=1e-6)
        rates = stagewise_rates(drop_path_rate, [depth])[0]
        self.blocks = nn.Sequential(
            *(
                Block(width, heads, qkv_bias=True, drop_path=rate, norm_layer=norm)
                for rate in rates
            )
        )
        self.norm = nn.LayerNorm(width, 1e-6)
        self.assemble(width=width, patch=patch, num_classes=num_classes)

    def forward_features(self, x: Tensor) -> Tensor:
        """Returns the first class token and the tokens of the patches behind it."""
        mean, deviation = (x.new_tensor(each)[:, None, None] for each in (MEAN, DEVIATION))
        patches = self.patches((x - mean) / deviation)
        patches = (patches + self.positions(patches)).flatten(2).transpose(1, 2)
        first = self.first.repeat(int(x.shape[0]), 1, 1)
        tokens = self.norm(self.blocks(torch.cat((first, patches), 1)))
        return torch.cat((tokens[:, :1], tokens[:, int(first.shape[1]) :]), 1)

    def patches_of(self, tokens: Tensor) -> Tensor:
        """Returns all tokens but the first."""
        return tokens[:, 1:]

    def pooled(self, tokens: Tensor) -> Tensor:
        """Returns the first token."""
        return tokens[:, 0]


@register_model
def unit_mini(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns a network of DeiT-S's width."""
    return build(
        UnitEncoder,
        "unit_mini",
        pretrained,
        width=384,
        depth=12,
        heads=6,
        patch=16,
        largest=448,
        **options,
    )


@register_model
def unit_600m(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns the paper's smaller network."""
    return build(UnitEncoder, "unit_600m", pretrained, width=1280, depth=32, heads=16, **options)


@register_model
def unit_1b(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns the paper's larger network."""
    return build(UnitEncoder, "unit_1b", pretrained, width=1280, depth=50, heads=16, **options)


VARIANTS: tuple[Variant, ...] = (
    # The card counts timm's ViT-S/16, which has biases of patches and fewer positions.
    Variant(
        "unit_mini",
        card=63,
        parameters=22_275_688,
        macs=4.606e9,
        channels=(384,),
        reductions=(16,),
        representative=True,
    ),
)
