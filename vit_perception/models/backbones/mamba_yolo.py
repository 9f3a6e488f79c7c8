# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Mamba YOLO's blocks and backbone (arXiv 2406.05835, card 11).

The backbone has the strides and names of CSPDarknet and takes its place in a detector.
"""

from __future__ import annotations

from functools import partial
from typing import cast

import torch
from timm.layers import LayerNorm2d
from torch import Tensor, nn

from vit_perception.models.backbones.csp_darknet import pyramid_channels
from vit_perception.models.fusing import ConvNorm
from vit_perception.models.layers import (
    ACTIVATIONS,
    SPPF,
    ConvModule,
    scaled_depth,
    scaled_width,
)
from vit_perception.models.ss2d import SS2D

STAGE_BLOCKS = (3, 3, 9, 3)
"""Blocks of the stages of strides 4, 8, 16 and 32 at depth 1.0."""
_NORM_EPS = 1e-3
"""Of BatchNorm, YOLOv8's."""


class Stem(nn.Sequential):
    """Two strided convolutions; [B, 3, H, W] to [B, width, H / 4, W / 4]."""

    def __init__(self, width: int, activation: str = "silu") -> None:
        super().__init__(
            ConvNorm(3, width // 2, 3, 2, eps=_NORM_EPS),
            nn.GELU(),
            ConvModule(width // 2, width, 3, 2, activation),
        )

    @torch.no_grad()
    def scale_input(self, factor: float) -> None:
        """Multiplies images by a factor; needs BatchNorm folded before."""
        first = self[0]
        assert isinstance(first, nn.Conv2d)
        first.weight.mul_(factor)


class VisionClueMerge(nn.Module):
    """Puts the pixels of 2x2 cells side by side; [B, c_in, H, W] to [B, c_out, H / 2, W / 2]."""

    def __init__(self, c_in: int, c_out: int, activation: str = "silu") -> None:
        super().__init__()
        self.project = ConvNorm(4 * c_in, c_out, eps=_NORM_EPS, bias=True)
        self.act = ACTIVATIONS[activation](inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.act(self.project(side_by_side(x)))
        return out


def side_by_side(x: Tensor) -> Tensor:
    """Returns the pixels of 2x2 cells, column by column; [B, C, H, W] to [B, 4 C, H/2, W/2]."""
    even, odd = x[..., ::2], x[..., 1::2]
    return torch.cat((even[:, :, ::2], even[:, :, 1::2], odd[:, :, ::2], odd[:, :, 1::2]), dim=1)


class LocalSpatial(nn.Module):
    """A depthwise 3x3 and two 1x1 convolutions with a residual (LS); the same shape."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            ConvNorm(width, width, 3, groups=width, eps=_NORM_EPS, bias=True),
            nn.Conv2d(width, width, 1),
            nn.GELU(),
            nn.Conv2d(width, width, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layers(x)
        return x + out


class ResidualGated(nn.Module):
    """A gated MLP with a depthwise convolution in its gate (RG); the same shape."""

    def __init__(self, width: int) -> None:
        super().__init__()
        hidden = 2 * 4 * width // 3
        self.expand = nn.Conv2d(width, 2 * hidden, 1)
        self.conv = nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden)
        self.act = nn.GELU()
        self.reduce = nn.Conv2d(hidden, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        gate, value = self.expand(x).chunk(2, dim=1)
        out: Tensor = self.reduce(self.act(self.conv(gate) + gate) * value)
        return out


class ODSSBlock(nn.Module):
    """Local convolutions, selective scans and a gated MLP; [B, c_in, H, W] to [B, c_out, H, W].

    Args:
        c_in, c_out: channels.
        scans: selective scans, one after another; with 0, only the local convolutions are left.
        neck: the form of the neck: its first convolution has no bias, and only exists to change
            the number of channels.
        activation: "silu" (the paper's) or "relu", of the first convolution.
        published_start: see `SS2D`.
    """

    def __init__(
        self,
        c_in: int,
        c_out: int,
        scans: int = 1,
        *,
        neck: bool = False,
        activation: str = "silu",
        published_start: bool = False,
    ) -> None:
        super().__init__()
        self.project: nn.Module = nn.Identity()
        if not neck:
            norm = ConvNorm(c_in, c_out, eps=_NORM_EPS, bias=True)
            self.project = nn.Sequential(norm, ACTIVATIONS[activation](inplace=True))
        elif c_in != c_out:
            self.project = ConvModule(c_in, c_out, activation=activation)
        self.local = LocalSpatial(c_out)
        # The norm comes first.
        self.scans = nn.Sequential(
            *(SS2D(c_out, published_start=published_start) for _ in range(scans))
        )
        if scans:
            self.scans.insert(0, nn.LayerNorm(c_out, eps=1e-6))
        self.gated_norm = LayerNorm2d(c_out, eps=1e-6)
        self.gated = ResidualGated(c_out)

    def forward(self, x: Tensor) -> Tensor:
        x = self.project(x)
        local: Tensor = self.local(x)
        if len(self.scans):
            # The residual adds what was there before the local convolutions.
            local = x + self.scans(local.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        out: Tensor = local + self.gated(self.gated_norm(local))
        return out


class MambaYOLOBackbone(nn.Module):
    """Stem and four stages of ODSS blocks; the last ends with SPPF.

    Args:
        width, depth, last: scaling, as of `CSPDarknet`; stages have (3, 3, 9, 3) blocks.
        activation: "silu" (the paper's) or "relu", of convolutions; GELU stays.
        published_start: see `SS2D`.
        fine_scans: whether the stage of stride 4 has selective scans, the dearest ones.

    Attributes:
        channels: of the maps of strides 8, 16 and 32.
        detail: channels of the map of stride 4.
    """

    def __init__(
        self,
        width: float,
        depth: float,
        last: int,
        activation: str = "silu",
        *,
        published_start: bool = False,
        fine_scans: bool = True,
    ) -> None:
        super().__init__()
        self.detail = scaled_width(128, width)
        self.channels = pyramid_channels(width, last)
        self.stem = Stem(self.detail, activation)
        self.stages = nn.ModuleList()
        block = partial(ODSSBlock, activation=activation, published_start=published_start)
        c_in = self.detail
        for c_out, blocks in zip((self.detail, *self.channels), STAGE_BLOCKS, strict=True):
            stage = nn.Sequential()
            scans = int(fine_scans or len(self.stages) > 0)
            if self.stages:
                stage.append(VisionClueMerge(c_in, c_out, activation))
            for _ in range(scaled_depth(blocks, depth)):
                stage.append(block(c_out, c_out, scans))
            self.stages.append(stage)
            c_in = c_out
        cast("nn.Sequential", self.stages[-1]).append(SPPF(c_in, activation))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Returns maps of strides 8, 16, 32 of float images [B, 3, H, W] RGB in [0, 1].

        H and W are multiples of 32.
        """
        return self.pyramid(image)[1:]

    def pyramid(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Works as :meth:`forward`, with the map of stride 4 in front."""
        maps = [self.stem(image)]
        for stage in self.stages:
            maps.append(stage(maps[-1]))
        _, c2, c3, c4, c5 = maps
        return c2, c3, c4, c5

    def scale_input(self, factor: float) -> None:
        """Folds a factor of the images into the stem, in place; needs BatchNorm folded before."""
        self.stem.scale_input(factor)
