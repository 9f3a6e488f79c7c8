# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""EMOv2: pushing 5M vision model frontier (arXiv 2412.06674, card 32).

Inverted-residual blocks with one shortcut each; in the last two stages attention in near and far
windows takes the place of the expanding convolution.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from timm.layers import DropPath, LayerNorm2d, trunc_normal_
from timm.models import register_model
from torch import Tensor, nn
from torch.nn import functional

from vit_perception.models.fusing import ConvNorm, NormConv, Scaled
from vit_perception.models.shelf import Variant
from vit_perception.models.staged import StagedBackbone, build
from vit_perception.models.windows import head_places, head_rows, lay_far_windows, lay_windows

EPS = 1e-6
KERNEL = 5
#: Stages that have BatchNorm and SiLU; the others LayerNorm, GELU and attention.
CONVOLUTIONAL_STAGES = 2
LAYER_SCALE = 1e-6


class TokenExpansion(nn.Module):
    """LayerNorm, a 1x1 convolution and GELU; [B, H, W, C_in] to [B, H, W, C_out]."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(c_in, eps=EPS)
        self.value = nn.Linear(c_in, c_out)

    def forward(self, x: Tensor) -> Tensor:
        return functional.gelu(self.value(self.norm(x)))


class WindowAttention(TokenExpansion):
    """Attention in near windows plus attention in far ones, with the same q, k and v.

    Channels come last, so that taking windows apart and putting them together are gathers of rows
    by constant tables.

    Args:
        c_in, c_out: channels of the map, and of the values and what comes out.
        heads: of both.
        window: side of the windows; maps are padded to multiples of it, without a mask.
    """

    def __init__(self, c_in: int, c_out: int, heads: int, window: int) -> None:
        super().__init__(c_in, c_out)
        self.heads = heads
        self.window = window
        self.query_key = nn.Linear(c_in, 2 * c_in)

    def forward(self, x: Tensor) -> Tensor:
        """[B, H, W, C_in] to [B, H, W, C_out]."""
        height, width, c_in = (int(side) for side in x.shape[1:])
        # Tokens in one row each, as one matrix product takes them.
        tokens = self.norm(x).reshape(-1, c_in)
        query_key = self.query_key(tokens)
        value = functional.gelu(self.value(tokens))
        count = height * width
        if height % self.window or width % self.window:
            # What a token of zeros becomes; tables call it the last one.
            query_key = _with_row(query_key, self.query_key.bias, count)
            value = _with_row(value, functional.gelu(self.value.bias), count)
            count += 1
        queries, keys, values, *back = (
            torch.from_numpy(table).to(x.device)
            for table in _tables(height, width, self.window, self.heads)
        )
        query_key = query_key.reshape(-1, count * 2 * self.heads, self.key_dim)
        value = value.reshape(-1, count * self.heads, self.value_dim)
        query, key = _rows(query_key, queries), _rows(query_key, keys)
        scores = (query @ key.transpose(-2, -1)) * self.key_dim**-0.5
        mixed = scores.softmax(dim=-1) @ _rows(value, values)
        mixed = mixed.reshape(-1, values.numel(), self.value_dim)
        parts = [mixed.index_select(1, table) for table in back]
        summed = parts[0] + parts[1] if len(parts) == 2 else 2 * parts[0]
        return summed.reshape(-1, height, width, self.value.out_features)

    @property
    def key_dim(self) -> int:
        """Channels of a head's queries and keys."""
        return self.query_key.in_features // self.heads

    @property
    def value_dim(self) -> int:
        """Channels of a head's values."""
        return self.value.out_features // self.heads


def _rows(x: Tensor, table: Tensor) -> Tensor:
    """Rows of [B, N, D] by a table [P, heads, w * w]: [B, P, heads, w * w, D]."""
    return x.index_select(1, table.flatten()).reshape(-1, *table.shape, x.shape[2])


def _with_row(tokens: Tensor, row: Tensor, count: int) -> Tensor:
    """Tokens [B * N, C] and one more for each picture: [B, N + 1, C]."""
    tokens = tokens.reshape(-1, count, tokens.shape[1])
    return torch.cat((tokens, row.expand(tokens.shape[0], 1, -1)), dim=1)


@lru_cache(maxsize=16)
def _tables(height: int, width: int, window: int, heads: int) -> tuple[np.ndarray, ...]:
    """Rows of queries, keys and values, and where the rows of the tokens lie afterwards.

    The first three are [P, heads, w * w] for all P windows, near and far; then one [N * heads] for
    each kind of window. If there is one window only, the kinds are the same and there is one.
    """
    area = window * window
    kinds = [lay((height, width), (window, window)) for lay in (lay_windows, lay_far_windows)]
    count = len(kinds[0].cells) // area
    if count == 1:
        kinds = kinds[:1]
    windows = np.concatenate([kind.cells.numpy().reshape(-1, area) for kind in kinds])
    rows = [head_rows(windows, heads, *part) for part in ((0, 2), (1, 2), (0, 1))]
    back = [
        head_places(kind.places.numpy() + index * count * area, area, heads)
        for index, kind in enumerate(kinds)
    ]
    return *rows, *back


class ChannelsLast(nn.Sequential):
    """Modules for [B, H, W, C], for [B, C, H, W]."""

    def forward(self, x: Tensor) -> Tensor:
        """[B, C_in, H, W] to [B, C_out, H, W]."""
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Block(nn.Module):
    """Expansion, depthwise convolution and projection (i2RMB).

    Args:
        expansion: [B, C_in, H, W] to [B, middle, H, W].
        middle, c_out: channels.
        first: of a stage: halves height and width and has no shortcuts.
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
        """[B, C_in, H, W] to [B, C_out, H, W], or half the height and width, rounded up."""
        wide = self.expansion(x)
        local = functional.silu(self.local(wide))
        if self.first:
            return self.proj(local)
        return x + self.drop_path(self.proj(wide + local))


class AttentionBlock(nn.Module):
    """The block with attention as its expansion, all but the depthwise convolution channels last.

    Args:
        expansion: [B, H, W, C] to [B, H, W, middle].
        middle, channels: of them.
        drop_path: rate.
    """

    def __init__(self, expansion: nn.Module, middle: int, channels: int, drop_path: float) -> None:
        super().__init__()
        self.expansion = expansion
        self.local = ConvNorm(middle, middle, KERNEL, groups=middle, eps=EPS)
        self.proj = Scaled(nn.Linear(middle, channels, bias=False), LAYER_SCALE)
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] to the same shape; engines cancel the transpositions between blocks."""
        x = x.permute(0, 2, 3, 1)
        wide = self.expansion(x)
        local = functional.silu(self.local(wide.permute(0, 3, 1, 2))).permute(0, 2, 3, 1)
        return (x + self.drop_path(self.proj(wide + local))).permute(0, 3, 1, 2)


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
            blocks = []
            for first in [True] + [False] * (depth - 1):
                middle = int(before * expansions[index] * (2 if first else 1))
                if not attentive:
                    expansion = nn.Sequential(NormConv(before, middle, EPS), nn.SiLU())
                    block = Block(expansion, middle, width, first, next(rates))
                elif first:
                    expansion = ChannelsLast(TokenExpansion(before, middle))
                    block = Block(expansion, middle, width, True, next(rates))
                else:
                    expansion = WindowAttention(before, middle, heads, window)
                    block = AttentionBlock(expansion, middle, width, next(rates))
                blocks.append(block)
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
        """Put a fresh linear layer at the end, or none for 0 classes."""
        super().reset_classifier(num_classes, global_pool)
        if num_classes:
            trunc_normal_(self.head.weight, std=0.02)
            nn.init.zeros_(self.head.bias)


#: depths, widths, expansions, channels of a head in stages 3 and 4, drop-path rate.
SIZES = {
    "1m": ((2, 2, 8, 3), (32, 48, 80, 180), (2, 2.5, 3, 3.5), (20, 20), 0.04036),
    "2m": ((3, 3, 9, 3), (32, 48, 120, 200), (2, 2.5, 3, 3.5), (20, 20), 0.05),
    "5m": ((3, 3, 9, 3), (48, 72, 160, 288), (2, 3, 4, 4), (32, 32), 0.05),
    "20m": ((3, 3, 13, 3), (64, 128, 320, 448), (2, 3, 4, 4), (32, 32), 0.1),
    "50m": ((5, 8, 20, 7), (64, 128, 384, 512), (2, 3, 4, 4), (32, 32), 0.2),
}


def _emov2(size: str, pretrained: bool, options: dict[str, Any]) -> EMOv2:
    names = ("depths", "widths", "expansions", "head_dims", "drop_path_rate")
    model = dict(zip(names, SIZES[size], strict=True))
    return build(EMOv2, f"emov2_{size}", pretrained, **{**model, **options})


@register_model
def emov2_1m(pretrained: bool = False, **options: Any) -> EMOv2:
    """EMOv2-1M."""
    return _emov2("1m", pretrained, options)


@register_model
def emov2_2m(pretrained: bool = False, **options: Any) -> EMOv2:
    """EMOv2-2M."""
    return _emov2("2m", pretrained, options)


@register_model
def emov2_5m(pretrained: bool = False, **options: Any) -> EMOv2:
    """EMOv2-5M."""
    return _emov2("5m", pretrained, options)


@register_model
def emov2_20m(pretrained: bool = False, **options: Any) -> EMOv2:
    """EMOv2-20M."""
    return _emov2("20m", pretrained, options)


@register_model
def emov2_50m(pretrained: bool = False, **options: Any) -> EMOv2:
    """EMOv2-50M."""
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
