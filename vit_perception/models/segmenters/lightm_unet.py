# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""LightM-UNet: a U-Net with Mamba layers in its encoder (arXiv 2403.05246, card 07).

The encoder scans the pixels row by row, in one direction: a picture and its mirror image give
different maps. The card's first stage works at the picture's full resolution, which is slow on
CPUs; `patch` lets all of it work at a fraction.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from vit_perception.models.mamba import Mamba
from vit_perception.models.segmenters.strideformer import resized

BLOCKS = (1, 2, 2, 4)
"""Residual blocks of each stage of the encoder."""
GROUPS = 8
"""Of group norm."""


class SeparableConv(nn.Sequential):
    """A depthwise and a 1x1 convolution; [B, c_in, H, W] to [B, c_out, H, W]."""

    def __init__(self, c_in: int, c_out: int, kernel: int, *, bias: bool = False) -> None:
        super().__init__(
            nn.Conv2d(c_in, c_in, kernel, padding=kernel // 2, groups=c_in, bias=bias),
            nn.Conv2d(c_in, c_out, 1, bias=bias),
        )


class VisionMamba(nn.Module):
    """Mamba over the pixels, with a scaled residual (RVM); [B, c_in, H, W] to [B, c_out, H, W]."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(c_in)
        self.mamba = Mamba(c_in)
        self.scale = nn.Parameter(torch.ones(1))
        self.project = nn.Linear(c_in, c_out)

    def forward(self, x: Tensor) -> Tensor:
        x = x.permute(0, 2, 3, 1)
        # One norm serves twice.
        seen = self.norm(self.mamba(self.norm(x)) + self.scale * x)
        out: Tensor = self.project(seen)
        return out.permute(0, 3, 1, 2)


class ResidualBlock(nn.Module):
    """Two layers of one kind, each behind a norm; [B, width, H, W] to the same shape."""

    def __init__(self, first: nn.Module, second: nn.Module, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.GroupNorm(GROUPS, width), nn.ReLU(), first,
            nn.GroupNorm(GROUPS, width), nn.ReLU(), second,
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layers(x)
        return x + out


class UpBlock(nn.Module):
    """A separable convolution with a scaled residual, between norms."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.before = nn.Sequential(nn.GroupNorm(GROUPS, width), nn.ReLU())
        self.conv = SeparableConv(width, width, 3)
        self.scale = nn.Parameter(torch.ones(1))
        self.after = nn.Sequential(nn.GroupNorm(GROUPS, width), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.after(self.conv(self.before(x)) + self.scale * x)
        return out


class LightDecoder(nn.Module):
    """Adds coarser maps to finer ones, level by level.

    Args:
        channels: of the maps, finest first; multiples of GROUPS.
    """

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        pairs = list(zip(channels[1:], channels[:-1], strict=True))[::-1]
        self.reduce = nn.ModuleList(
            nn.Conv2d(coarse, fine, 1, bias=False) for coarse, fine in pairs
        )
        self.blocks = nn.ModuleList(UpBlock(fine) for _, fine in pairs)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Returns a map of the finest one's shape."""
        *finer, x = maps
        for fine, reduce, block in zip(finer[::-1], self.reduce, self.blocks, strict=True):
            x = block(resized(reduce(x), fine) + fine)
        return x


class LightEncoder(nn.Module):
    """Four stages of Mamba blocks; each but the first halves the map and doubles its channels.

    Args:
        filters: channels of the first stage.
        patch: stride of the stem.
        scans: whether blocks have Mamba layers; else separable convolutions, to compare with.

    Attributes:
        channels: of the maps, finest first.
    """

    def __init__(self, filters: int, patch: int = 1, *, scans: bool = True) -> None:
        super().__init__()
        self.channels = tuple(filters * 2**stage for stage in range(len(BLOCKS)))
        self.stem = (
            SeparableConv(3, filters, 3) if patch == 1 else nn.Conv2d(3, filters, patch, patch)
        )
        made = []
        for stage, (width, blocks) in enumerate(zip(self.channels, BLOCKS, strict=True)):
            layers: list[nn.Module] = []
            if stage:
                layers += [_layer(width // 2, width, scans=scans), nn.MaxPool2d(2, 2)]
            for _ in range(blocks):
                first, second = (_layer(width, width, scans=scans) for _ in range(2))
                layers.append(ResidualBlock(first, second, width))
            made.append(nn.Sequential(*layers))
        self.stages = nn.ModuleList(made)

    def forward(self, image: Tensor) -> list[Tensor]:
        """Returns the maps of float images [B, 3, H, W], sides at least 8 times the stem's."""
        x = self.stem(image)
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        return maps


def _layer(c_in: int, c_out: int, *, scans: bool) -> nn.Module:
    return VisionMamba(c_in, c_out) if scans else SeparableConv(c_in, c_out, 3)


class LightMUNet(nn.Module):
    """Logits of classes from maps and the light decoder.

    Args:
        backbone: maps, finest first, `channels` of each: the paper's encoder, or any of the
            shelf whose channels are multiples of GROUPS.
        classes: number of them.

    Attributes:
        classes: as given.
    """

    def __init__(self, backbone: nn.Module, channels: Sequence[int], classes: int) -> None:
        super().__init__()
        self.classes = classes
        self.backbone = backbone
        self.decoder = LightDecoder(channels)
        self.head = nn.Sequential(
            nn.GroupNorm(GROUPS, channels[0]),
            nn.ReLU(),
            SeparableConv(channels[0], classes, 1, bias=True),
        )

    def forward(self, image: Tensor) -> Tensor:
        """Returns logits [B, classes, h, w] of the finest map's size."""
        logits: Tensor = self.head(self.decoder(self.backbone(image)))
        return logits


def lightm_unet(
    classes: int, filters: int = 32, patch: int = 1, *, scans: bool = True
) -> LightMUNet:
    """Returns the paper's network, or a smaller one.

    Args:
        classes: number of them.
        filters: channels of the first stage; the paper's have 32.
        patch: stride of the stem and of the logits; the paper's is 1.
        scans: see `LightEncoder`.
    """
    encoder = LightEncoder(filters, patch, scans=scans)
    return LightMUNet(encoder, encoder.channels, classes)
