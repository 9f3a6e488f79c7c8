# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""EMOv2: pushing 5M vision model frontier (arXiv 2412.06674, card 32).

Inverted-residual blocks with one shortcut each; in the last two stages, attention in near and far
windows replaces the expanding convolution.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from timm.layers import DropPath, LayerNorm2d, trunc_normal_
from timm.models import register_model
from torch import Tensor, nn
from torch.nn import functional

from vit_perception.models.fusing import ConvNorm, NormConv, Scaled
from vit_perception.models.near_far_attention import TokenExpansion, WindowAttention
from vit_perception.models.shelf import Variant
from vit_perception.models.staged import StagedBackbone, build

EPS = 1e-6
KERNEL = 5
CONVOLUTIONAL_STAGES = 2
"""The first stages, with BatchNorm and SiLU; the others have LayerNorm, GELU and attention."""
LAYER_SCALE = 1e-6


class ChannelsLast(nn.Sequential):
    """Runs modules for [B, H, W, C] on [B, C, H, W]."""

    def forward(self, x: Tensor) -> Tensor:
        """Maps [B, C_in, H, W] to [B, C_out, H, W]."""
        x = x.permute(0, 2, 3, 1)
        for module in self:
            x = module(x)
        return x.permute(0, 3, 1, 2)


class Block(nn.Module):
    """Expansion, depthwise convolution and projection (i2RMB).

    Args:
        expansion: [B, C_in, H, W] to [B, middle, H, W].
        middle, c_out: channels.
        first: whether it is the first of a stage: halves height and width and has no shortcuts.
        drop_path: rate.
    """

    def __init__(
        self, expansion: nn.Module, middle: int, c_out: int, first: bool, drop_path: float
    ) -> None:
        super().__init__()
        self.expansion = expansion
        self.local = ConvNorm(middle, middle, KERNEL, 1 + first, groups=middle, eps=EPS)
        self.proj = Scaled(nn.Conv2d(middle, c_out, 1, bias=False), LAYER_SCALE)
        self.first = first
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor) -> Tensor:
        """Maps [B, C_in, H, W] to [B, C_out, H, W], or half the height and width, rounded up."""
        wide = self.expansion(x)
        local = functional.silu(self.local(wide))
        out: Tensor = self.proj(local if self.first else wide + local)
        return out if self.first else x + self.drop_path(out)


class AttentionBlock(nn.Module):
    """The block with attention as expansion; channels last except in the depthwise convolution.

    Args:
        expansion: [B, H, W, C] to [B, H, W, middle].
        middle, channels: of the expanded map, and of input and output.
        drop_path: rate.
    """

    def __init__(self, expansion: nn.Module, middle: int, channels: int, drop_path: float) -> None:
        super().__init__()
        self.expansion = expansion
        self.local = ConvNorm(middle, middle, KERNEL, groups=middle, eps=EPS)
        self.proj = Scaled(nn.Linear(middle, channels, bias=False), LAYER_SCALE)
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor) -> Tensor:
        """Maps [B, C, H, W] to the same shape; engines cancel transpositions between blocks."""
        x = x.permute(0, 2, 3, 1)
        wide = self.expansion(x)
        local = functional.silu(self.local(wide.permute(0, 3, 1, 2))).permute(0, 2, 3, 1)
        out: Tensor = x + self.drop_path(self.proj(wide + local))
        return out.permute(0, 3, 1, 2)


class StemConvNorm(ConvNorm):
    """The stem's convolution, which has a bias although a norm follows."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__(c_in, c_out, 3, 2, eps=EPS)
        self.conv = nn.Conv2d(c_in, c_out, 3, 2, 1)


class EMOv2(StagedBackbone):
    """The network.

    Args:
        depths: blocks of the four stages; strides 4, 8, 16, 32.
        widths: their channels.
        expansions: of the channels inside a block; twice as much in the first of a stage.
        head_dims: channels of a head in stages 3 and 4.
        window: side of the attention's windows; has no parameters.
        drop_path_rate: of the last block, rising from 0.
        in_chans, num_classes: see timm.
    """

    def __init__(
        self,
        depths: Sequence[int],
        widths: Sequence[int],
        expansions: Sequence[float],
        head_dims: Sequence[int],
        window: int = 7,
        drop_path_rate: float = 0.0,
        in_chans: int = 3,
        num_classes: int = 1000,
    ) -> None:
        super().__init__()
        before = widths[0] // 2
        stem = nn.Sequential(
            StemConvNorm(in_chans, before),
            nn.SiLU(),
            ConvNorm(before, before, 3, groups=before, eps=EPS),
            nn.SiLU(),
            nn.Conv2d(before, before, 1, bias=False),
        )
        rates = iter(torch.linspace(0, drop_path_rate, sum(depths)).tolist())
        stages = []
        for index, (depth, width) in enumerate(zip(depths, widths, strict=True)):
            attentive = index >= CONVOLUTIONAL_STAGES
            heads = width // head_dims[index - CONVOLUTIONAL_STAGES] if attentive else 0
            blocks: list[nn.Module] = []
            for first in [True] + [False] * (depth - 1):
                middle = int(before * expansions[index] * (2 if first else 1))
                expansion: nn.Module
                if not attentive:
                    expansion = nn.Sequential(NormConv(before, middle, EPS), nn.SiLU())
                    blocks.append(Block(expansion, middle, width, first, next(rates)))
                elif first:
                    expansion = ChannelsLast(TokenExpansion(before, middle))
                    blocks.append(Block(expansion, middle, width, True, next(rates)))
                else:
                    expansion = WindowAttention(before, middle, heads, window)
                    blocks.append(AttentionBlock(expansion, middle, width, next(rates)))
                before = width
            stages.append(nn.Sequential(*blocks))
        self.assemble(
            stem,
            stages,
            nn.Sequential(LayerNorm2d(before, eps=EPS), nn.AdaptiveAvgPool2d(1), nn.Flatten()),
            channels=widths,
            reductions=(4, 8, 16, 32),
            num_classes=num_classes,
        )

    def reset_classifier(self, num_classes: int, global_pool: str | None = None) -> None:
        """Puts a fresh linear layer at the end, or none for 0 classes."""
        super().reset_classifier(num_classes, global_pool)
        if isinstance(self.head, nn.Linear):
            trunc_normal_(self.head.weight, std=0.02)
            nn.init.zeros_(self.head.bias)


SIZES = {
    "1m": ((2, 2, 8, 3), (32, 48, 80, 180), (2, 2.5, 3, 3.5), (20, 20), 0.04036),
    "2m": ((3, 3, 9, 3), (32, 48, 120, 200), (2, 2.5, 3, 3.5), (20, 20), 0.05),
    "5m": ((3, 3, 9, 3), (48, 72, 160, 288), (2, 3, 4, 4), (32, 32), 0.05),
    "20m": ((3, 3, 13, 3), (64, 128, 320, 448), (2, 3, 4, 4), (32, 32), 0.1),
    "50m": ((5, 8, 20, 7), (64, 128, 384, 512), (2, 3, 4, 4), (32, 32), 0.2),
}
"""Depths, widths, expansions, channels of a head in stages 3 and 4, drop-path rate."""


def _emov2(size: str, pretrained: bool, options: dict[str, Any]) -> nn.Module:
    names = ("depths", "widths", "expansions", "head_dims", "drop_path_rate")
    model = dict(zip(names, SIZES[size], strict=True))
    return build(EMOv2, f"emov2_{size}", pretrained, **{**model, **options})


@register_model
def emov2_1m(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns EMOv2-1M."""
    return _emov2("1m", pretrained, options)


@register_model
def emov2_2m(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns EMOv2-2M."""
    return _emov2("2m", pretrained, options)


@register_model
def emov2_5m(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns EMOv2-5M."""
    return _emov2("5m", pretrained, options)


@register_model
def emov2_20m(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns EMOv2-20M."""
    return _emov2("20m", pretrained, options)


@register_model
def emov2_50m(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns EMOv2-50M."""
    return _emov2("50m", pretrained, options)


def _variant(size: str, parameters: int, macs: float, **figures: Any) -> Variant:
    return Variant(
        name=f"emov2_{size}",
        card=32,
        parameters=parameters,
        macs=macs,
        channels=SIZES[size][1],
        **figures,
    )


VARIANTS: tuple[Variant, ...] = (
    _variant("1m", 1_460_844, 0.280e9, top1=72.3, representative=True),
    _variant("2m", 2_384_312, 0.481e9, top1=75.8),
    _variant("5m", 5_126_440, 1.025e9, top1=79.4),
    _variant("20m", 20_195_208, 3.997e9),
    _variant("50m", 49_815_560, 8.767e9),
)
