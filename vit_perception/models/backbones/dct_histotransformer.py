# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""DCT-HistoTransformer: attention between low frequencies (arXiv 2410.19166, card 02).

Beside a convolution, a block attends between the lowest K x K frequencies of its map and not
between the cells. That suits textures seen from near. The paper published neither code nor sizes:
the widths, depths and K here are the card's own, and so is what the branches consist of.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from timm.layers import DropPath
from timm.models import register_model
from timm.models.vision_transformer import Block as AttentionBlock
from torch import Tensor, nn

from vit_perception.models.bottlenecks import SqueezeExcite
from vit_perception.models.fourier import low_frequencies, of_low_frequencies
from vit_perception.models.fusing import ConvNorm
from vit_perception.models.shelf import Variant
from vit_perception.models.staged import StagedBackbone, build, stagewise_rates

HEAD = 32
"""Channels of a head."""
TRAINED = 224
"""Side of the pictures whose maps the frequencies of others are scaled to, px."""


class FrequencyAttention(nn.Module):
    """Attention and a perceptron between the low frequencies of a map; gives the map they make.

    All higher frequencies are dropped. The mean takes a way of its own, not through the
    transforms: it is much larger than the others, so that eight bits for both would lose them.

    Args:
        width: channels, a multiple of HEAD.
        kept: K, frequencies of each axis; fewer on smaller maps.
        side: of the map in training; frequencies of others are scaled as if it were theirs.
    """

    def __init__(self, width: int, kept: int, side: int) -> None:
        super().__init__()
        self.kept, self.side = kept, side
        norm: Any = partial(nn.LayerNorm, eps=1e-6)
        heads = width // HEAD
        self.block = AttentionBlock(width, heads, mlp_ratio=2, qkv_bias=True, norm_layer=norm)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        """Maps [B, width, H, W] to the same shape.

        Args:
            x: the map.
            embedding: [width, K, K], by which the block tells the frequencies apart.
        """
        size = int(x.shape[2]), int(x.shape[3])
        rows, columns = (min(self.kept, side) for side in size)
        mean, parts = self.split(x, (rows, columns))
        tokens = torch.cat((mean, parts.flatten(2).transpose(1, 2)[:, 1:]), 1)
        names = embedding[:, :rows, :columns].flatten(1).T
        # Taken off again, as no map should show it.
        tokens = self.block(tokens + names) - names
        mean, rest = tokens[:, :1], tokens[:, 1:]
        rest = torch.cat((torch.zeros_like(mean), rest), 1)
        return self.join(mean, rest.transpose(1, 2).unflatten(2, (rows, columns)), size)

    def split(self, x: Tensor, kept: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """Returns frequency (0, 0) as a token [B, 1, C], and all [B, C, *kept] with a 0 there."""
        mean = x.mean((2, 3), keepdim=True)
        parts = low_frequencies(x - mean, kept) * self._scale(int(x.shape[2]), int(x.shape[3]))
        return mean.flatten(2).transpose(1, 2) * self.side, parts

    def join(self, mean: Tensor, parts: Tensor, size: tuple[int, int]) -> Tensor:
        """Returns the map [B, C, *size] of what `split` returns."""
        found = of_low_frequencies(parts, size) / self._scale(*size)
        return found + mean.transpose(1, 2).unsqueeze(3) / self.side

    def _scale(self, height: int, width: int) -> float:
        """Amplitudes grow with the root of the number of cells; undoes that."""
        return self.side / math.sqrt(height * width)


class MobileConv(nn.Module):
    """An inverted bottleneck with squeeze-excite, added to its input; keeps the shape."""

    def __init__(self, width: int) -> None:
        super().__init__()
        hidden = 4 * width
        self.layers = nn.Sequential(
            ConvNorm(width, hidden),
            nn.SiLU(),
            ConvNorm(hidden, hidden, 3, groups=hidden),
            nn.SiLU(),
            SqueezeExcite(hidden, hidden // 16, nn.SiLU),
            ConvNorm(hidden, width),
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.layers(x)
        return out


class DctConv(nn.Module):
    """Both branches, joined by a 1x1 convolution and added to the input; keeps the shape.

    Args:
        width, kept, side: see `FrequencyAttention`.
        drop_path: rate of stochastic depth, in training.
    """

    def __init__(self, width: int, kept: int, side: int, drop_path: float = 0.0) -> None:
        super().__init__()
        self.attention = FrequencyAttention(width, kept, side)
        self.convolution = MobileConv(width)
        self.join = ConvNorm(2 * width, width)
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        both = torch.cat((self.attention(x, embedding), self.convolution(x)), 1)
        out: Tensor = x + self.drop_path(self.join(both))
        return out


class Stage(nn.Module):
    """A strided convolution and blocks; [B, c_in, H, W] to [B, width, ceil(H/2), ceil(W/2)].

    Args:
        c_in: channels of the input.
        width, kept, side: see `FrequencyAttention`.
        rates: of stochastic depth, one for each block.
    """

    def __init__(
        self, c_in: int, width: int, kept: int, side: int, rates: Sequence[float]
    ) -> None:
        super().__init__()
        self.down = ConvNorm(c_in, width, 3, 2)
        self.embedding = nn.Parameter(torch.empty(width, kept, kept))
        nn.init.trunc_normal_(self.embedding, std=0.02)
        self.blocks = nn.ModuleList(DctConv(width, kept, side, rate) for rate in rates)

    def forward(self, x: Tensor) -> Tensor:
        x = self.down(x)
        for block in self.blocks:
            x = block(x, self.embedding)
        return x


class DctHistoTransformer(StagedBackbone):
    """The network; its maps have strides 4, 8, 16 and 32.

    Args:
        widths, depths: channels and blocks of the stages.
        kept: frequencies of each axis that the stages keep.
        drop_path_rate: of the last block, in training.
        in_chans, num_classes: see timm.
    """

    def __init__(
        self,
        widths: Sequence[int] = (32, 64, 128, 192),
        depths: Sequence[int] = (1, 2, 2, 1),
        kept: Sequence[int] = (14, 14, 7, 7),
        drop_path_rate: float = 0.0,
        in_chans: int = 3,
        num_classes: int = 1000,
    ) -> None:
        super().__init__()
        rates = stagewise_rates(drop_path_rate, depths)
        strides = [4 * 2**index for index in range(len(widths))]
        stages = []
        c_in = widths[0]
        for width, count, stride, each in zip(widths, kept, strides, rates, strict=True):
            stages.append(Stage(c_in, width, count, TRAINED // stride, each))
            c_in = width
        self.assemble(
            nn.Sequential(ConvNorm(in_chans, widths[0], 3, 2), nn.SiLU()),
            stages,
            nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()),
            channels=widths,
            reductions=strides,
            num_classes=num_classes,
        )


@register_model
def dct_histotransformer_s(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns the small network."""
    return build(DctHistoTransformer, "dct_histotransformer_s", pretrained, **options)


VARIANTS: tuple[Variant, ...] = (
    Variant(
        "dct_histotransformer_s",
        card=2,
        # The card counts 8 classes, and no embeddings of frequencies.
        parameters=1_946_144 + 992 * 193 + 2 * 14**2 * 48 + 7**2 * 320,
        macs=0.333e9,
        channels=(32, 64, 128, 192),
        representative=True,
    ),
)
