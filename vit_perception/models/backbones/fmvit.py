# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""FMViT: multiple-frequency mixing vision transformer (arXiv 2311.05707; card 20).

A RECONSTRUCTION: the authors published no code and no table of variants. The ideas of FMB, CFB,
gMLP and RLMHSA are published; the insides of the blocks, widths and depths are this project's, on
the skeleton of Next-ViT (arXiv 2207.05501; card 57). The "r" in the names marks this.

Everything but pooling, softmax and ReLU folds into plain convolutions (`shelf.for_inference`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from timm.layers import DropPath
from timm.models import register_model
from torch import Tensor, nn

from vit_perception.models.fusing import ConvNorm, bias_of, norm_scale
from vit_perception.models.grouped_pointwise import GroupedPointwise
from vit_perception.models.map_attention import attend, attend_scaled
from vit_perception.models.shelf import Variant
from vit_perception.models.staged import StagedBackbone, build, stagewise_rates

HEAD_WIDTH = 32
"""Channels per head of attention, and per group of the 3x3 convolutions."""
LOW_SHARE = 0.75
"""Share of a fusion block's channels that come from attention."""
WIDTHS = ((96, 96), (192, 256), (384, 512), (768, 1024))
"""Widths of the convolution blocks and of the fusion block of each stage (Next-ViT's)."""
PERIOD = 5
"""Blocks of stage 3 per fusion block, which is the last of them."""
POOLING = (8, 4, 2, 1)


def mean_pool(size: int) -> nn.Module:
    """Returns mean pooling of size x size cells; cells across the border use inner pixels only."""
    if size == 1:
        return nn.Identity()
    return nn.AvgPool2d(size, ceil_mode=True, count_include_pad=False)


def patch_embedding(c_in: int, c_out: int, stride: int) -> nn.Sequential:
    """Returns pooling by 2 if `stride` is 2, then a convolution if the width changes."""
    layers: list[nn.Module] = [mean_pool(stride)] if stride > 1 else []
    if stride > 1 or c_in != c_out:
        layers.append(ConvNorm(c_in, c_out))
    return nn.Sequential(*layers)


def texture(channels: int) -> nn.Sequential:
    """Returns a 3x3 convolution in groups of 32 channels, then gMLP: a map's high frequencies."""
    return nn.Sequential(
        ConvNorm(channels, channels, 3, groups=channels // HEAD_WIDTH),
        nn.ReLU(inplace=True),
        GroupedPointwise(channels, channels),
    )


def feed_forward(channels: int, ratio: int) -> nn.Sequential:
    """Returns two gMLPs; as their branches have norms, no norm precedes them."""
    return nn.Sequential(
        GroupedPointwise(channels, ratio * channels),
        nn.ReLU(inplace=True),
        GroupedPointwise(ratio * channels, channels),
    )


class FoldedAttention(nn.Module):
    """PooledAttention with norm and scale folded into projections; [B, C, H, W] to the same."""

    q: nn.Module
    k: nn.Module
    v: nn.Module
    pool: nn.Module
    out: nn.Module

    def __init__(self, parts: dict[str, nn.Module], heads: int) -> None:
        super().__init__()
        self.heads = heads
        for name, part in parts.items():
            self.add_module(name, part)

    def forward(self, x: Tensor) -> Tensor:
        """Returns the attention of all positions to pooled ones."""
        pooled = self.pool(x)
        mixed = attend_scaled(self.q(x), self.k(pooled), self.v(pooled), self.heads)
        out: Tensor = self.out(mixed)
        return out


class PooledAttention(nn.Module):
    """RLMHSA: attention of all positions to means of cells, the low frequencies of a map.

    [B, C, H, W] to the same shape, any H and W.

    Args:
        channels: a multiple of 32.
        pool: side of a cell.
    """

    def __init__(self, channels: int, pool: int) -> None:
        super().__init__()
        self.heads = channels // HEAD_WIDTH
        self.norm = nn.BatchNorm2d(channels)
        self.pool = mean_pool(pool)
        self.q = GroupedPointwise(channels, channels)
        self.k = GroupedPointwise(channels, channels)
        self.v = GroupedPointwise(channels, channels)
        self.out = GroupedPointwise(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Returns the attention of all positions to pooled ones."""
        x = self.norm(x)
        pooled = self.pool(x)
        mixed = attend(self.q(x), self.k(pooled), self.v(pooled), self.heads)
        out: Tensor = self.out(mixed)
        return out

    @torch.no_grad()
    def fuse(self) -> FoldedAttention:
        """Returns the eval-mode form; dense projections contain the norm and the scale."""
        scale, offset = norm_scale(self.norm)
        folded: dict[str, nn.Module] = {}
        for name, projection in (("q", self.q), ("k", self.k), ("v", self.v)):
            conv = folded[name] = projection.fuse()
            # Means of cells commute with the norm, which is linear in eval mode.
            bias_of(conv).add_(conv.weight[:, :, 0, 0] @ offset)
            conv.weight.mul_(scale[:, None, None])
        for parameter in folded["q"].parameters():
            parameter.mul_(HEAD_WIDTH**-0.5)
        return FoldedAttention(folded | {"pool": self.pool, "out": self.out.fuse()}, self.heads)


class ConvolutionBlock(nn.Module):
    """CFB: patch embedding, local mixing, feed-forward; [B, C_in, H, W] to [B, C_out, H', W'].

    Args:
        c_in, c_out: widths.
        stride: 1 or 2; H' is H / stride, rounded up.
        drop_path: probability of dropping a residual branch.
    """

    def __init__(self, c_in: int, c_out: int, stride: int, drop_path: float) -> None:
        super().__init__()
        self.embedding = patch_embedding(c_in, c_out, stride)
        self.texture = texture(c_out)
        self.feed_forward = feed_forward(c_out, 3)
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor) -> Tensor:
        """Applies the module; see the class."""
        x = self.embedding(x)
        x = x + self.drop_path(self.texture(x))
        out: Tensor = x + self.drop_path(self.feed_forward(x))
        return out


class FusionBlock(nn.Module):
    """FMB: low frequencies by attention, high ones by convolution, mixed by a feed-forward.

    [B, C_in, H, W] to [B, C_out, H', W'], as ConvolutionBlock.

    Args:
        c_in, c_out, stride, drop_path: as there.
        pool: of the attention.
        n_freq: pairs of a low and a high part; each pair continues from the one before.
    """

    def __init__(
        self, c_in: int, c_out: int, stride: int, drop_path: float, pool: int, n_freq: int = 1
    ) -> None:
        super().__init__()
        low = round(LOW_SHARE * c_out / HEAD_WIDTH) * HEAD_WIDTH
        high = c_out - low
        self.embedding = patch_embedding(c_in, low, stride)
        self.lows = nn.ModuleList(PooledAttention(low, pool) for _ in range(n_freq))
        self.projections = nn.ModuleList(ConvNorm(low, high) for _ in range(n_freq))
        self.highs = nn.ModuleList(texture(high) for _ in range(n_freq))
        self.feed_forward = feed_forward(c_out, 2)
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor) -> Tensor:
        """Applies the module; see the class."""
        low: Tensor = self.embedding(x)
        high: Tensor | None = None
        for attention, projection, convolution in zip(
            self.lows, self.projections, self.highs, strict=True
        ):
            low = low + self.drop_path(attention(low))
            high = projection(low) if high is None else high + projection(low)
            high = high + self.drop_path(convolution(high))
        assert high is not None
        x = torch.cat([low, high], dim=1)
        out: Tensor = x + self.drop_path(self.feed_forward(x))
        return out


class FMViT(StagedBackbone):
    """Images [B, 3, H, W] to four maps of stride 4 to 32, or logits [B, num_classes].

    Args:
        depths: blocks of the stages; the third a multiple of 5.
        num_classes: of the head.
        drop_path_rate: of the last block; rises linearly from 0.
        n_freq: see FusionBlock.
    """

    def __init__(
        self,
        depths: Sequence[int] = (3, 4, 10, 3),
        num_classes: int = 1000,
        drop_path_rate: float = 0.0,
        n_freq: int = 1,
    ) -> None:
        super().__init__()
        stem = nn.Sequential()
        width = 3
        for c_out, stride in ((64, 2), (32, 1), (64, 1), (64, 2)):
            stem.extend([ConvNorm(width, c_out, 3, stride), nn.ReLU(inplace=True)])
            width = c_out
        rates = stagewise_rates(drop_path_rate, depths)
        # The last block of a period is a fusion block; stage 1 has none.
        periods = (depths[0] + 1, depths[1], PERIOD, depths[3])
        stages = []
        for index, (plain, fusion) in enumerate(WIDTHS):
            stage = nn.Sequential()
            for block in range(depths[index]):
                stride = 2 if index and not block else 1
                rate = rates[index][block]
                if (block + 1) % periods[index]:
                    stage.append(ConvolutionBlock(width, plain, stride, rate))
                    width = plain
                else:
                    stage.append(FusionBlock(width, fusion, stride, rate, POOLING[index], n_freq))
                    width = fusion
            stages.append(stage)
        self.assemble(
            stem,
            stages,
            nn.Sequential(nn.BatchNorm2d(width), nn.AdaptiveAvgPool2d(1), nn.Flatten()),
            channels=[fusion for _, fusion in WIDTHS],
            reductions=(4, 8, 16, 32),
            num_classes=num_classes,
        )
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                nn.init.trunc_normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)


@register_model
def fmvit_r_small(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns FMViT-R-S."""
    return build(FMViT, "fmvit_r_small", pretrained, **{"depths": (3, 4, 10, 3)} | options)


@register_model
def fmvit_r_base(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns FMViT-R-B."""
    return build(FMViT, "fmvit_r_base", pretrained, **{"depths": (3, 4, 20, 3)} | options)


@register_model
def fmvit_r_large(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns FMViT-R-L."""
    return build(FMViT, "fmvit_r_large", pretrained, **{"depths": (3, 4, 30, 3)} | options)


def _variant(name: str, parameters: int, fused: int, macs: float, **options: Any) -> Variant:
    return Variant(
        name,
        card=20,
        parameters=parameters,
        fused=fused,
        macs=macs,
        channels=(96, 256, 512, 1024),
        dynamic=True,
        **options,
    )


# Multiply-adds are those of the folded network. The card's 31 751 944 for the folded FMViT-R-S
# have only the gMLPs folded; here every norm but the head's is folded. The card has no figures for
# R-B and R-L; they were counted here.
VARIANTS = (
    _variant("fmvit_r_small", 56_417_192, 31_739_816, 5.805e9, representative=True),
    _variant("fmvit_r_base", 79_752_616, 44_783_016, 8.274e9),
    _variant("fmvit_r_large", 103_088_040, 57_826_216, 10.753e9),
)
