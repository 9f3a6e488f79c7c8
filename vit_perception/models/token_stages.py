# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Four stages of tokens with any mixer, between convolutions (SVT, card 14; SpectFormer, card 61).

A mixer takes and gives a map [B, C, H, W].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from timm.layers import LayerNorm2d
from torch import Tensor, nn
from torch.nn import functional as F

from vit_perception.models.fusing import ConvNorm
from vit_perception.models.map_attention import attend
from vit_perception.models.prenorm import PreNormBlock, initialise_products, perceptron
from vit_perception.models.staged import StagedBackbone, stagewise_rates

SIZES: dict[str, dict[str, Any]] = {
    "small": {
        "stem": 32,
        "widths": (64, 128, 320, 448),
        "heads": (2, 4, 10, 14),
        "ratios": (8, 8, 4, 4),
        "depths": (3, 4, 6, 3),
    },
    "base": {
        "stem": 64,
        "widths": (64, 128, 320, 512),
        "heads": (2, 4, 10, 16),
        "ratios": (8, 8, 4, 4),
        "depths": (3, 4, 12, 3),
    },
    "large": {
        "stem": 64,
        "widths": (96, 192, 384, 512),
        "heads": (3, 6, 12, 16),
        "ratios": (8, 8, 4, 4),
        "depths": (3, 6, 18, 3),
    },
}
"""Arguments of the papers' networks."""
Mixer = Callable[[int, tuple[int, int]], nn.Module]
"""From channels, and height and width of the map, to what mixes its cells."""


class MapAttention(nn.Module):
    """Attention between all cells of a map; [B, C, H, W] to the same shape."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Conv2d(width, width, 1)
        self.key_value = nn.Conv2d(width, 2 * width, 1)
        self.proj = nn.Conv2d(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        key, value = self.key_value(x).chunk(2, 1)
        out: Tensor = self.proj(attend(self.query(x), key, value, self.heads))
        return out


class ConvPerceptron(nn.Sequential):
    """A perceptron with a depthwise convolution; [B, C, H, W] to the same shape."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__(
            nn.Conv2d(width, hidden, 1),
            nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden),
            nn.GELU(),
            nn.Conv2d(hidden, width, 1),
        )


class ClassAttention(nn.Module):
    """The mean of a map, after it has looked at all cells; [B, C, h, w] to [B, C]."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(width, 1e-6)
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.proj = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width, 1e-6)
        self.perceptron = perceptron(width, 4 * width)
        self.norm = nn.LayerNorm(width, 1e-6)

    def forward(self, x: Tensor) -> Tensor:
        tokens = x.flatten(2).transpose(1, 2)
        first = tokens.mean(1, keepdim=True)
        both = self.norm1(torch.cat((first, tokens), 1))
        query, key, value = (
            each.unflatten(2, (self.heads, -1)).transpose(1, 2)
            for each in (self.query(both[:, :1]), *self.key_value(both).chunk(2, 2))
        )
        seen = F.scaled_dot_product_attention(query, key, value)
        first = first + self.proj(seen.transpose(1, 2).flatten(2))
        first = first + self.perceptron(self.norm2(first))
        out: Tensor = self.norm(first[:, 0])
        return out


class TokenStages(StagedBackbone):
    """Maps of strides 4 to 32.

    Args:
        stem: channels of its first convolutions.
        widths, heads, ratios, depths: of the four stages; ratios are those of perceptrons.
        mixers: of the stages; None for attention.
        img_size: height and width for which mixers are made.
        drop_path_rate: of the last block, in training.
        in_chans, num_classes: see timm.
    """

    def __init__(
        self,
        stem: int,
        widths: Sequence[int],
        heads: Sequence[int],
        ratios: Sequence[int],
        depths: Sequence[int],
        mixers: Sequence[Mixer | None],
        img_size: tuple[int, int],
        drop_path_rate: float = 0.0,
        in_chans: int = 3,
        num_classes: int = 1000,
    ) -> None:
        super().__init__()
        rates = stagewise_rates(drop_path_rate, depths)
        height, width = (-(-side // 4) for side in img_size)
        stages = []
        for index, channels in enumerate(widths):
            if index:
                height, width = -(-height // 2), -(-width // 2)
            layers: list[nn.Module] = []
            if index:
                layers += [
                    nn.Conv2d(widths[index - 1], channels, 3, 2, 1),
                    LayerNorm2d(channels, 1e-5),
                ]
            made = mixers[index]
            for rate in rates[index]:
                mixer = (
                    MapAttention(channels, heads[index])
                    if made is None
                    else made(channels, (height, width))
                )
                hidden = ratios[index] * channels
                layers.append(
                    PreNormBlock(
                        partial(LayerNorm2d, channels, 1e-6),
                        mixer,
                        ConvPerceptron(channels, hidden),
                        rate,
                    )
                )
            if index < 3:
                layers.append(LayerNorm2d(channels, 1e-6))
            stages.append(nn.Sequential(*layers))
        first = nn.Sequential(
            ConvNorm(in_chans, stem, 7, 2),
            nn.ReLU(),
            ConvNorm(stem, stem, 3),
            nn.ReLU(),
            ConvNorm(stem, stem, 3),
            nn.ReLU(),
            nn.Conv2d(stem, widths[0], 3, 2, 1),
            LayerNorm2d(widths[0], 1e-5),
        )
        self.assemble(
            first,
            stages,
            ClassAttention(widths[-1], heads[-1]),
            channels=list(widths),
            reductions=[4, 8, 16, 32],
            num_classes=num_classes,
        )
        self.apply(initialise_products)
