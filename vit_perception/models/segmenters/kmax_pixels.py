# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The pixel decoder of kMaX-DeepLab: axial attention at strides 32 and 16 (card 56)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from timm.layers import DropPath, LayerNorm2d
from torch import Tensor, nn
from torch.nn import functional as F

from vit_perception.models.fusing import ConvNorm

WIDTHS = (512, 256, 128, 64)
"""Base widths of the stages of strides 32, 16, 8 and 4, whose maps have four times as many."""
BLOCKS = (1, 5, 1, 1)
AXIAL = (True, True, False, False)
"""Whether a stage's blocks have axial attention, else a 3x3 convolution."""
HEADS = 8
SPAN = 255
"""Longest side of a map with axial attention."""
EPS, MOMENTUM = 1e-3, 0.01
"""Of all BatchNorms."""


def conv_norm(
    c_in: int, c_out: int, kernel: int = 1, *, groups: int = 1, weight: float = 1.0
) -> ConvNorm:
    """Returns a convolution without bias and the paper's BatchNorm."""
    made = ConvNorm(c_in, c_out, kernel, groups=groups, eps=EPS, weight=weight)
    made.norm.momentum = MOMENTUM
    return made


def norm(channels: int, weight: float = 1.0) -> nn.BatchNorm2d:
    """Returns the paper's BatchNorm."""
    made = nn.BatchNorm2d(channels, EPS, MOMENTUM)
    nn.init.constant_(made.weight, weight)
    return made


def resized(x: Tensor, size: Sequence[int]) -> Tensor:
    """Returns a map at another height and width, bilinearly.

    Maps of 32 k + 1 pixels, which have an odd width, are aligned by their corners.
    """
    corners = int(x.shape[3]) % 2 == 1
    return F.interpolate(x, size=tuple(size), mode="bilinear", align_corners=corners)


class AxisAttention(nn.Module):
    """Attention along the width of a map, with learned relative positions.

    Args:
        c_in: channels of the map.
        keys, values: channels of all heads together; the output has `values`.
    """

    def __init__(self, c_in: int, keys: int, values: int) -> None:
        super().__init__()
        self.split = (keys, keys, values)
        self.project = conv_norm(c_in, 2 * keys + values)
        self.logits_norm = norm(3 * HEADS)
        self.out_norm = norm(2 * values)
        self.tables = nn.ParameterList(
            nn.init.trunc_normal_(torch.empty(2 * SPAN - 1, width // HEADS), a=-2, b=2)
            for width in self.split
        )

    def forward(self, x: Tensor) -> Tensor:
        """Maps [B, c_in, H, W] to [B, values, H, W].

        Raises:
            ValueError: W is above SPAN.
        """
        rows, length = int(x.shape[2]), int(x.shape[3])
        if length > SPAN:
            raise ValueError(f"map: expected sides of at most {SPAN}, found {length}")
        parts = self.project(x).split(self.split, 1)
        # [B * rows, heads, length, channels of a head]
        query, key, value = (
            each.unflatten(1, (HEADS, -1)).permute(0, 3, 1, 4, 2).flatten(0, 1) for each in parts
        )
        steps = torch.arange(length, device=x.device)
        places = steps[None, :] - steps[:, None] + SPAN - 1
        of_query, of_key, of_value = (table[places] for table in self.tables)
        logits = torch.cat(
            (
                query @ key.transpose(2, 3),
                torch.einsum("bhlc,lmc->bhlm", query, of_query),
                torch.einsum("bhmc,lmc->bhlm", key, of_key),
            ),
            1,
        )
        weights = self.logits_norm(logits).unflatten(1, (3, HEADS)).sum(1)
        weights = weights.float().softmax(3).to(x.dtype)
        seen = torch.stack((weights @ value, torch.einsum("bhlm,lmc->bhlc", weights, of_value)), 1)
        # [B, both * values, rows, length]
        seen = seen.unflatten(0, (-1, rows)).permute(0, 2, 3, 5, 1, 4).flatten(1, 3)
        both: Tensor = self.out_norm(seen).unflatten(1, (2, -1)).sum(1)
        return both


class AxialAttention(nn.Module):
    """Attention along the height, then along the width; [B, c_in, H, W] to [B, values, H, W]."""

    def __init__(self, c_in: int, keys: int, values: int) -> None:
        super().__init__()
        self.height = AxisAttention(c_in, keys, values)
        self.width = AxisAttention(values, keys, values)

    def forward(self, x: Tensor) -> Tensor:
        x = self.height(x.transpose(2, 3)).transpose(2, 3)
        out: Tensor = self.width(x)
        return out


class PixelBlock(nn.Module):
    """A block that activates first; [B, c_in, H, W] to [B, 4 * width, H, W].

    Args:
        c_in: channels of the input.
        width: base width.
        axial: whether its middle is axial attention, else a 3x3 convolution.
        drop_path: rate.
    """

    def __init__(self, c_in: int, width: int, axial: bool, drop_path: float) -> None:
        super().__init__()
        inner = 2 * width if axial else width
        middle: nn.Module = (
            AxialAttention(inner, width, inner) if axial else conv_norm(inner, inner, 3)
        )
        self.layers = nn.Sequential(
            conv_norm(c_in, inner),
            nn.GELU(),
            middle,
            nn.GELU(),
            conv_norm(inner, 4 * width, weight=0.0),
        )
        self.shortcut: nn.Module = nn.Identity()
        if c_in != 4 * width:
            self.shortcut = conv_norm(c_in, 4 * width)
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor) -> Tensor:
        x = F.gelu(x)
        out: Tensor = self.drop_path(self.layers(x)) + self.shortcut(x)
        return out


class Fuse(nn.Module):
    """Adds a coarse and a fine map: [B, coarse, h, w], [B, fine, H, W] to [B, width, H, W]."""

    def __init__(self, coarse: int, fine: int, width: int) -> None:
        super().__init__()
        self.coarse, self.fine = (self._path(c_in, width) for c_in in (coarse, fine))

    def forward(self, coarse: Tensor, fine: Tensor) -> Tensor:
        fine = self.fine(fine)
        return resized(self.coarse(coarse), fine.shape[2:]) + fine

    @staticmethod
    def _path(c_in: int, width: int) -> nn.Module:
        if c_in == width:
            return nn.Identity()
        return nn.Sequential(nn.GELU(), conv_norm(c_in, width))


class PixelDecoder(nn.Module):
    """Refines the maps of a backbone, from coarse to fine.

    Args:
        channels: of the backbone's maps of strides 4, 8, 16 and 32.
        drop_path: rate of all blocks.

    Attributes:
        channels: of the refined maps, coarsest first.
    """

    def __init__(self, channels: Sequence[int], drop_path: float = 0.2) -> None:
        super().__init__()
        coarse_first = list(channels)[::-1]
        self.channels = tuple(4 * width for width in WIDTHS)
        self.norms = nn.ModuleList(LayerNorm2d(each, 1e-6) for each in coarse_first)
        self.fuses = nn.ModuleList(
            Fuse(self.channels[index - 1], coarse_first[index], WIDTHS[index])
            for index in range(1, len(WIDTHS))
        )
        stages = []
        for index, (width, blocks, axial) in enumerate(zip(WIDTHS, BLOCKS, AXIAL, strict=True)):
            first = coarse_first[0] if index == 0 else width
            widths = (first, *[4 * width] * (blocks - 1))
            stages.append(
                nn.Sequential(*(PixelBlock(c_in, width, axial, drop_path) for c_in in widths))
            )
        self.stages = nn.ModuleList(stages)

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Returns the refined maps, coarsest first, of maps that come finest first."""
        normed = [layer(x) for layer, x in zip(self.norms, list(maps)[::-1], strict=True)]
        x = self.stages[0](normed[0])
        found = [x]
        for fuse, stage, fine in zip(self.fuses, self.stages[1:], normed[1:], strict=True):
            x = stage(fuse(x, fine))
            found.append(x)
        return found
