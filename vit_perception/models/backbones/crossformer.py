# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""CrossFormer: transformer hinging on cross-scale attention (2108.00154, 2303.06908; card 24).

Embeddings mix patches of several sizes. Attention is inside groups of adjacent cells or, in every
other block, of cells at equal steps; a small network computes its bias from the offset. Images may
have any size. In the form for inference, bias and mask are constants for the size `img_size`; at
another size they are computed anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from timm.layers import DropPath, LayerNorm2d, Mlp, to_2tuple
from timm.models import register_model
from torch import Tensor, nn
from torch.nn import functional

from vit_perception.models.attention_bias import OffsetBias
from vit_perception.models.shelf import Variant, img_size
from vit_perception.models.staged import StagedBackbone, build, stagewise_rates
from vit_perception.models.windows import (
    head_places,
    head_rows,
    lay_groups,
)

HEAD_WIDTH = 32
EPS = 1e-5
OUTSIDE = -1e6
"""Added to the scores of keys outside the map (card 24, Mechanism 4)."""
IMAGE_KERNELS, MAP_KERNELS = (4, 8, 16, 32), (2, 4)
"""Kernels of the embeddings: of images, and between stages."""
REDUCTIONS = (4, 8, 16, 32)
COOLING = 3
"""Blocks of CrossFormer++ between two `Cooling`s."""


@lru_cache(maxsize=64)
def _row_tables(
    size: tuple[int, int], group: int, interval: int, heads: int
) -> tuple[np.ndarray, ...]:
    """Returns the rows that hold one head of one cell.

    First those of queries, keys and values, int64 [groups, heads, area], among N x 3 x heads; then
    those of the result of attention, int64 [N * heads], among groups x heads x area.
    """
    laid = lay_groups(size, group, interval)
    rows = [head_rows(laid.cells, heads, part, 3) for part in range(3)]
    return *rows, head_places(laid.places, laid.cells.shape[1], heads)


class GroupAttention(nn.Module):
    """Attention inside groups; [B, H, W, C] to the same.

    Args:
        channels: a multiple of 32.
        group, interval: see `lay_groups`; 1 is the paper's SDA, more its LDA.
        size: height and width of the maps that the form for inference is made for.
    """

    constant: Tensor | None

    def __init__(self, channels: int, group: int, interval: int, size: tuple[int, int]) -> None:
        super().__init__()
        self.heads = channels // HEAD_WIDTH
        self.group, self.interval, self.size = group, interval, size
        self.scale = HEAD_WIDTH**-0.5
        self.qkv = nn.Linear(channels, 3 * channels)
        self.position_bias = OffsetBias(channels // 16, self.heads)
        self.proj = nn.Linear(channels, channels)
        self.window: tuple[int, int] | None = None
        self.register_buffer("constant", None, persistent=False)

    @torch.no_grad()
    def reparameterize(self) -> None:
        """Makes the bias a constant, and scales queries in their weights."""
        if self.constant is None:
            self.window = lay_groups(self.size, self.group, self.interval).window
            self.constant = self.position_bias(self.window).contiguous()
            for parameter in self.qkv.parameters():
                parameter[: len(parameter) // 3] *= self.scale
            self.scale = 1.0

    def forward(self, x: Tensor) -> Tensor:
        """Applies the module; see the class."""
        size, channels = (int(x.shape[1]), int(x.shape[2])), int(x.shape[3])
        laid = lay_groups(size, self.group, self.interval)
        tables = _row_tables(size, self.group, self.interval, self.heads)
        *parts, back = (torch.from_numpy(table).to(x.device) for table in tables)
        rows = self.qkv(x).reshape(-1, size[0] * size[1] * 3 * self.heads, HEAD_WIDTH)
        query, key, value = (
            rows.index_select(1, part.flatten()).reshape(-1, *part.shape, HEAD_WIDTH)
            for part in parts
        )
        if self.scale != 1:
            query = query * self.scale
        scores = query @ key.transpose(3, 4)
        scores = scores + (
            self.constant if self.window == laid.window else self.position_bias(laid.window)
        )
        if laid.outside is not None:
            # Kept out of the constant: the sum of both is as large as the scores.
            outside = torch.from_numpy(laid.outside * OUTSIDE).to(scores)
            scores = scores + outside[:, None, None]
        mixed = (scores.softmax(dim=-1) @ value).reshape(-1, parts[0].numel(), HEAD_WIDTH)
        out: Tensor = self.proj(mixed.index_select(1, back).reshape(-1, *size, channels))
        return out


class Block(nn.Module):
    """Attention and perceptron, each after a norm and with a residual; [B, H, W, C] to the same.

    Args:
        channels: of the map.
        attention: the first of them.
        drop_path: rate.
    """

    def __init__(self, channels: int, attention: nn.Module, drop_path: float) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(channels, eps=EPS)
        self.attention = attention
        self.norm2 = nn.LayerNorm(channels, eps=EPS)
        self.mlp = Mlp(channels, 4 * channels)
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor) -> Tensor:
        """Applies the module; see the class."""
        x = x + self.drop_path(self.attention(self.norm1(x)))
        out: Tensor = x + self.drop_path(self.mlp(self.norm2(x)))
        return out


class Cooling(nn.Module):
    """ACL of CrossFormer++: depthwise 3x3 and a norm; [B, H, W, C] to the same."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)
        self.norm = nn.LayerNorm(channels, eps=EPS)

    def forward(self, x: Tensor) -> Tensor:
        """Applies the module; see the class."""
        normed: Tensor = self.norm(self.conv(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1))
        return normed


class CrossScaleEmbedding(nn.Module):
    """CEL: convolutions of several kernels and one stride, joined.

    Args:
        c_in, c_out: channels; half of `c_out` come from the first kernel, a quarter from the
            second and so on; the last two shares are equal.
        kernels: sides, the smallest first; it is also the stride.
    """

    def __init__(self, c_in: int, c_out: int, kernels: Sequence[int]) -> None:
        super().__init__()
        self.stride = kernels[0]
        last = len(kernels) - 1
        self.convs = nn.ModuleList(
            nn.Conv2d(c_in, c_out >> min(i + 1, last), k, self.stride, (k - self.stride) // 2)
            for i, k in enumerate(kernels)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Maps [B, C, H, W] to [B, C', H / stride, W / stride], zero-padded right and below."""
        down, right = (-int(side) % self.stride for side in x.shape[2:])
        if down or right:
            x = functional.pad(x, (0, right, 0, down))
        return torch.cat([conv(x) for conv in self.convs], dim=1)


class Stage(nn.Module):
    """An embedding and blocks; [B, C, H, W] to [B, C', H', W'].

    Args:
        embedding: of maps [B, C, H, W].
        blocks: of maps [B, H', W', C'].
    """

    def __init__(self, embedding: nn.Module, blocks: Sequence[nn.Module]) -> None:
        super().__init__()
        self.embedding = embedding
        self.blocks = nn.Sequential(*blocks)

    def forward(self, x: Tensor) -> Tensor:
        """Applies the module; see the class."""
        out: Tensor = self.blocks(self.embedding(x).permute(0, 2, 3, 1))
        return out.permute(0, 3, 1, 2)


class CrossFormer(StagedBackbone):
    """Images [B, 3, H, W] to four maps of stride 4 to 32, or logits [B, num_classes].

    The published recipes have a drop path rate of 0.1, 0.2, 0.3 and 0.5 for T, S, B and L.

    Args:
        width: channels of the first stage, doubled by each next one.
        depths: blocks of the stages.
        groups, intervals: of their attention, see `lay_groups`; both have no parameters and may
            be chosen to fit the size of the images.
        cooling: whether some blocks are followed by a `Cooling` (CrossFormer++).
        img_size: height and width in pixels, or the side of a square; see the module.
        drop_path_rate: of the last block; rises linearly from 0.
        in_chans, num_classes: see timm.
    """

    def __init__(
        self,
        width: int,
        depths: Sequence[int],
        groups: Sequence[int] = (7, 7, 7, 7),
        intervals: Sequence[int] = (8, 4, 2, 1),
        cooling: bool = False,
        img_size: int | tuple[int, int] = 224,
        drop_path_rate: float = 0.0,
        in_chans: int = 3,
        num_classes: int = 1000,
    ) -> None:
        super().__init__()
        widths = tuple(width << stage for stage in range(4))
        rates = stagewise_rates(drop_path_rate, depths)
        height, across = to_2tuple(img_size)
        embedding: nn.Module = nn.Identity()
        stages = []
        for stage, (channels, reduction) in enumerate(zip(widths, REDUCTIONS, strict=True)):
            size = -(-height // reduction), -(-across // reduction)
            blocks: list[nn.Module] = []
            for index, rate in enumerate(rates[stage]):
                # Near and far groups alternate.
                interval = intervals[stage] if index % 2 else 1
                attention = GroupAttention(channels, groups[stage], interval, size)
                blocks.append(Block(channels, attention, rate))
                if cooling and (index + 1) % COOLING == 0 and index + 1 < depths[stage]:
                    blocks.append(Cooling(channels))
            stages.append(Stage(embedding, blocks))
            embedding = nn.Sequential(
                LayerNorm2d(channels, eps=EPS),
                CrossScaleEmbedding(channels, 2 * channels, MAP_KERNELS),
            )
        stem = nn.Sequential(
            CrossScaleEmbedding(in_chans, width, IMAGE_KERNELS), LayerNorm2d(width, eps=EPS)
        )
        neck = nn.Sequential(
            LayerNorm2d(widths[-1], eps=EPS), nn.AdaptiveAvgPool2d(1), nn.Flatten()
        )
        self.assemble(
            stem, stages, neck, channels=widths, reductions=REDUCTIONS, num_classes=num_classes
        )
        self.apply(_initialise)


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
        nn.init.zeros_(module.bias)


PLUS = {"groups": (4, 4, 14, 7), "intervals": (4, 2, 1, 1), "cooling": True}
"""Options of CrossFormer++ that differ from CrossFormer's."""


@register_model
def crossformer_tiny(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns CrossFormer-T."""
    config = {"width": 64, "depths": (1, 1, 8, 6)}
    return build(CrossFormer, "crossformer_tiny", pretrained, **config | options)


@register_model
def crossformer_small(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns CrossFormer-S."""
    config = {"width": 96, "depths": (2, 2, 6, 2)}
    return build(CrossFormer, "crossformer_small", pretrained, **config | options)


@register_model
def crossformer_base(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns CrossFormer-B."""
    config = {"width": 96, "depths": (2, 2, 18, 2)}
    return build(CrossFormer, "crossformer_base", pretrained, **config | options)


@register_model
def crossformer_large(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns CrossFormer-L."""
    config = {"width": 128, "depths": (2, 2, 18, 2)}
    return build(CrossFormer, "crossformer_large", pretrained, **config | options)


@register_model
def crossformer_pp_small(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns CrossFormer++-S."""
    config = {"width": 64, "depths": (2, 2, 18, 2)} | PLUS
    return build(CrossFormer, "crossformer_pp_small", pretrained, **config | options)


@register_model
def crossformer_pp_base(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns CrossFormer++-B."""
    config = {"width": 96, "depths": (2, 2, 18, 2)} | PLUS
    return build(CrossFormer, "crossformer_pp_base", pretrained, **config | options)


def _variant(
    name: str, parameters: int, gmacs: float, top1: float, width: int = 96, **more: Any
) -> Variant:
    return Variant(
        name,
        card=24,
        parameters=parameters,
        macs=gmacs * 1e9,
        channels=(width, 2 * width, 4 * width, 8 * width),
        sized=img_size,
        top1=top1,
        **more,
    )


VARIANTS: tuple[Variant, ...] = (
    _variant("crossformer_tiny", 27_776_794, 2.857, 81.5, width=64, representative=True),
    _variant("crossformer_small", 30_657_394, 4.906, 82.5),
    _variant("crossformer_base", 51_971_554, 9.159, 83.4),
    _variant("crossformer_large", 91_971_184, 16.107, 84.0, width=128),
    # Counted here. The paper has 23.3 M and 52.0 M as well, and 9.5 G for B; its 4.9 G for ++S is
    # what S without ++ needs, and not reached by the published configuration.
    _variant("crossformer_pp_small", 23_325_340, 4.397, 83.2, width=64),
    _variant("crossformer_pp_base", 51_994_594, 9.521, 84.2),
)
