# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""ResNet-vd as RT-DETR has it: PResNet of its reference (arXiv 1812.01187, card 06).

Three 3x3 convolutions begin it, blocks shrink by their 3x3 convolution, and the shortcut of a
block that shrinks is a mean over 2x2 pixels and a 1x1 convolution.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from vit_perception.models.fusing import ConvNorm

STEM = 64
"""Channels of the first map."""
DEPTHS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}
"""Blocks of the four stages by the network's number of layers."""
_EXPANSION = 4
"""Output channels of a bottleneck for each of its 3x3 convolution."""


class ResidualBlock(nn.Module):
    """Convolutions and a shortcut; [B, C_in, H, W] to [B, C_out, H', W'].

    Args:
        c_in, c_out: channels.
        stride: 1 or 2.
        bottleneck: whether a 3x3 convolution stands between two of 1x1, in place of two of 3x3.
        first: whether it is the first of its stage, whose shortcut is a convolution.
    """

    def __init__(self, c_in: int, c_out: int, stride: int, bottleneck: bool, first: bool) -> None:
        super().__init__()
        if bottleneck:
            width = c_out // _EXPANSION
            layers = [
                ConvNorm(c_in, width),
                nn.ReLU(inplace=True),
                ConvNorm(width, width, 3, stride),
                nn.ReLU(inplace=True),
                ConvNorm(width, c_out),
            ]
        else:
            layers = [
                ConvNorm(c_in, c_out, 3, stride),
                nn.ReLU(inplace=True),
                ConvNorm(c_out, c_out, 3),
            ]
        self.layers = nn.Sequential(*layers)
        self.shortcut = nn.Sequential()
        if stride == 2:
            self.shortcut.append(nn.AvgPool2d(2, 2, ceil_mode=True))
        if first:
            self.shortcut.append(ConvNorm(c_in, c_out))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.layers(x) + self.shortcut(x))


class ResNetVD(nn.Module):
    """Stem and four stages.

    Args:
        depths: blocks of each stage.
        widths: channels of each stage.
        bottleneck: see `ResidualBlock`.
        frozen_norms: whether norms keep their statistics and weights in training.
        stem: channels of the first map.

    Attributes:
        channels: of the maps of strides 8, 16 and 32.
    """

    def __init__(
        self,
        depths: Sequence[int],
        widths: Sequence[int],
        *,
        bottleneck: bool,
        frozen_norms: bool = False,
        stem: int = STEM,
    ) -> None:
        super().__init__()
        half = stem // 2
        self.stem = nn.Sequential(
            ConvNorm(3, half, 3, 2),
            nn.ReLU(inplace=True),
            ConvNorm(half, half, 3),
            nn.ReLU(inplace=True),
            ConvNorm(half, stem, 3),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, 2, 1),
        )
        self.stages = nn.ModuleList()
        c_in = stem
        for number, (depth, c_out) in enumerate(zip(depths, widths, strict=True)):
            blocks = [ResidualBlock(c_in, c_out, 2 if number else 1, bottleneck, True)]
            blocks += [ResidualBlock(c_out, c_out, 1, bottleneck, False) for _ in range(depth - 1)]
            self.stages.append(nn.Sequential(*blocks))
            c_in = c_out
        self.channels = (widths[1], widths[2], widths[3])
        self._frozen = [x for x in self.modules() if isinstance(x, nn.BatchNorm2d)]
        if not frozen_norms:
            self._frozen = []
        for norm in self._frozen:
            norm.requires_grad_(False)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def train(self, mode: bool = True) -> ResNetVD:
        """Sets the mode as torch does; frozen norms stay in that of inference."""
        super().train(mode)
        for norm in self._frozen:
            norm.eval()
        return self

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Returns maps of strides 8, 16 and 32 of float images [B, 3, H, W] RGB in [0, 1]."""
        x = self.stem(image)
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        return maps[1], maps[2], maps[3]

    @torch.no_grad()
    def scale_input(self, factor: float) -> None:
        """Folds a factor of the images into the stem, in place; needs norms folded before."""
        first = self.stem[0]
        assert isinstance(first, nn.Conv2d)
        first.weight.mul_(factor)


def resnet_vd(layers: int, *, frozen_norms: bool | None = None) -> ResNetVD:
    """Returns ResNet-vd with 18, 34, 50 or 101 layers.

    Args:
        layers: a key of DEPTHS.
        frozen_norms: None for the paper's: those of 50 and 101 layers are frozen.
    """
    bottleneck = layers >= 50
    factor = _EXPANSION if bottleneck else 1
    return ResNetVD(
        DEPTHS[layers],
        [width * factor for width in (64, 128, 256, 512)],
        bottleneck=bottleneck,
        frozen_norms=bottleneck if frozen_norms is None else frozen_norms,
    )
