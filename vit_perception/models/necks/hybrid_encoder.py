# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The hybrid encoder of RT-DETR: attention on stride 32 alone, convolutions between scales.

Source: arXiv 2304.08069, sections 4.2 and 4.3; card 06.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vit_perception.models.fusing import ConvNorm, bias_of
from vit_perception.models.placed_attention import PlacedAttention, multilayer

HEADS = 8
BLOCKS = 3
"""RepVGG blocks of one fusion."""
_TEMPERATURE = 10_000.0


def sine_places(height: int, width: int, channels: int) -> Tensor:
    """Returns sines and cosines of rows, then of columns, [1, height * width, channels].

    The paper's code gives rows the table of columns, which is the same on square maps alone; as in
    the transformers library, rows are rows here.
    """
    count = channels // 4
    rates = _TEMPERATURE ** -(torch.arange(count, dtype=torch.float64) / count)
    parts = []
    for axis in torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij"):
        angles = axis.flatten()[:, None] * rates
        parts += [angles.sin(), angles.cos()]
    return torch.cat(parts, dim=1).float()[None]


class AttentionLayer(nn.Module):
    """Attention and a perceptron with norms behind them (AIFI); [B, N, C] to the same shape."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.attention = PlacedAttention(width, HEADS)
        self.norm1 = nn.LayerNorm(width)
        self.perceptron = multilayer(width, hidden, width, activation=nn.GELU)
        self.norm2 = nn.LayerNorm(width)

    def forward(self, x: Tensor, places: Tensor) -> Tensor:
        x = self.norm1(x + self.attention(x, places))
        out: Tensor = self.norm2(x + self.perceptron(x))
        return out


class RepBlock(nn.Module):
    """SiLU of a 3x3 and a 1x1 convolution, one convolution for inference (RepVGG)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.wide = ConvNorm(width, width, 3)
        self.narrow = ConvNorm(width, width)

    def forward(self, x: Tensor) -> Tensor:
        return F.silu(self.wide(x) + self.narrow(x))

    @torch.no_grad()
    def fuse(self) -> nn.Sequential:
        """Returns the same with one convolution."""
        conv, narrow = self.wide.fuse(), self.narrow.fuse()
        conv.weight.add_(F.pad(narrow.weight, (1, 1, 1, 1)))
        bias_of(conv).add_(bias_of(narrow))
        return nn.Sequential(conv, nn.SiLU())


class Fusion(nn.Module):
    """Two maps side by side to one (CSPRep): [B, 2 C, H, W] to [B, C, H, W].

    Args:
        width: C.
        expansion: channels between, in shares of C.
    """

    def __init__(self, width: int, expansion: float) -> None:
        super().__init__()
        hidden = int(width * expansion)
        self.deep = nn.Sequential(
            _conv(2 * width, hidden), *(RepBlock(hidden) for _ in range(BLOCKS))
        )
        self.flat = _conv(2 * width, hidden)
        self.last = nn.Identity() if hidden == width else _conv(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.last(self.deep(x) + self.flat(x))
        return out


class HybridEncoder(nn.Module):
    """Maps of strides 8, 16 and 32 to as many of one width.

    Args:
        channels: of the maps it takes; None if they have its width already.
        width: channels of those it gives.
        hidden: of the attention layer's perceptron.
        expansion: see `Fusion`.

    Attributes:
        width: as given.
    """

    def __init__(
        self, channels: Sequence[int] | None, width: int, hidden: int, expansion: float
    ) -> None:
        super().__init__()
        self.width = width
        self.projections = nn.ModuleList(
            [nn.Identity() for _ in range(3)]
            if channels is None
            else [ConvNorm(each, width) for each in channels]
        )
        self.attention = AttentionLayer(width, hidden)
        self.laterals = nn.ModuleList(_conv(width, width) for _ in range(2))
        self.top_down = nn.ModuleList(Fusion(width, expansion) for _ in range(2))
        self.shrinks = nn.ModuleList(_conv(width, width, 3, 2) for _ in range(2))
        self.bottom_up = nn.ModuleList(Fusion(width, expansion) for _ in range(2))

    def forward(self, maps: Sequence[Tensor], places: Tensor | None = None) -> list[Tensor]:
        """Returns three maps [B, width, h, w], finest first.

        Args:
            maps: finest first.
            places: of the coarsest map, see `sine_places`; None makes them.
        """
        fine, middle, coarse = (
            project(x) for project, x in zip(self.projections, maps, strict=True)
        )
        height, across = int(coarse.shape[2]), int(coarse.shape[3])
        if places is None:
            places = sine_places(height, across, self.width).to(coarse)
        tokens = self.attention(coarse.flatten(2).transpose(1, 2), places)
        top = self.laterals[0](tokens.transpose(1, 2).unflatten(2, (height, across)))
        centre = self.laterals[1](self.top_down[0](torch.cat([_doubled(top), middle], dim=1)))
        found = [self.top_down[1](torch.cat([_doubled(centre), fine], dim=1))]
        for shrink, fuse, above in zip(self.shrinks, self.bottom_up, (centre, top), strict=True):
            found.append(fuse(torch.cat([shrink(found[-1]), above], dim=1)))
        return found


def _conv(c_in: int, c_out: int, kernel: int = 1, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(ConvNorm(c_in, c_out, kernel, stride), nn.SiLU(inplace=True))


def _doubled(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="nearest")
