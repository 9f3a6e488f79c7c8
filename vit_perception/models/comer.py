# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A pyramid of convolutions beside a plain ViT, and the exchange of both (2403.07392, card 40).

The pyramid's cells are tokens, those of strides 8, 16 and 32 in turn. The card's item numbers are
those of an `Interaction`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

import torch
from timm.layers import DropPath
from torch import Tensor, nn
from torch.nn import functional as F

from vit_perception.models.deformable_attention import DeformableAttention, cell_centres
from vit_perception.models.fusing import ConvNorm
from vit_perception.models.plain import SteppedBackbone
from vit_perception.models.prenorm import initialise_linears

LEVELS = 3
STEM = 64
"""Channels of the first convolutions."""
EXTRA = 4
"""Extractions behind the last interaction."""
Norm = partial(nn.LayerNorm, eps=1e-6)
Grid = tuple[int, int]
"""Rows and columns of the ViT's tokens."""


def level_sizes(grid: Grid) -> tuple[Grid, Grid, Grid]:
    """Returns rows and columns of the levels of strides 8, 16 and 32; grids are even."""
    rows, columns = grid
    return (2 * rows, 2 * columns), grid, (rows // 2, columns // 2)


def joined(maps: Sequence[Tensor]) -> Tensor:
    """Returns tokens [B, N, C] of maps [B, C, h, w]."""
    return torch.cat([each.flatten(2) for each in maps], 2).transpose(1, 2)


def split(tokens: Tensor, grid: Grid) -> list[Tensor]:
    """Returns maps [B, C, h, w] of tokens [B, N, C]; the inverse of `joined`."""
    sizes = level_sizes(grid)
    parts = tokens.transpose(1, 2).split([rows * columns for rows, columns in sizes], 2)
    return [part.unflatten(2, size) for part, size in zip(parts, sizes, strict=True)]


def added_at_16(tokens: Tensor, vit: Tensor) -> Tensor:
    """Returns tokens [B, 21 n, C] with the ViT's [B, 4 n, C] added to those of stride 16."""
    count = int(vit.shape[1])
    fine, middle, coarse = tokens.split([4 * count, count, count // 4], 1)
    return torch.cat((fine, middle + vit, coarse), 1)


class ConvolutionStem(nn.Module):
    """Maps of strides 4, 8, 16 and 32 from an image, all of one width.

    Args:
        in_chans: of the image.
        width: of the maps.
    """

    def __init__(self, in_chans: int, width: int) -> None:
        super().__init__()
        steps = [
            (ConvNorm(in_chans, STEM, 3, 2), nn.ReLU())
            + (ConvNorm(STEM, STEM, 3), nn.ReLU(), ConvNorm(STEM, STEM, 3), nn.ReLU())
            + (nn.MaxPool2d(3, 2, 1),),
            (ConvNorm(STEM, 2 * STEM, 3, 2), nn.ReLU()),
            (ConvNorm(2 * STEM, 4 * STEM, 3, 2), nn.ReLU()),
            (ConvNorm(4 * STEM, 4 * STEM, 3, 2), nn.ReLU()),
        ]
        self.steps = nn.ModuleList(nn.Sequential(*each) for each in steps)
        self.outs = nn.ModuleList(
            nn.Conv2d(channels, width, 1) for channels in (STEM, 2 * STEM, 4 * STEM, 4 * STEM)
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        maps = []
        for step, out in zip(self.steps, self.outs, strict=True):
            x = step(x)
            maps.append(out(x))
        return maps


class Receptive(nn.Module):
    """Depthwise 3x3 of half of the channels, 5x5 of the others; [B, C, h, w] to the same."""

    def __init__(self, width: int) -> None:
        super().__init__()
        half = width // 2
        self.near = ConvNorm(half, half, 3, groups=half, bias=True)
        self.far = ConvNorm(half, half, 5, groups=half, bias=True)

    def forward(self, x: Tensor) -> Tensor:
        near, far = x.chunk(2, 1)
        return F.gelu(torch.cat((self.near(near), self.far(far)), 1))


class LevelPerceptron(nn.Module):
    """A perceptron with convolutions between its layers; tokens [B, N, C] to the same shape.

    Args:
        width, hidden: of the tokens, and between the layers.
        mixers: of the levels; [B, hidden, h, w] to the same shape.
    """

    def __init__(self, width: int, hidden: int, mixers: Sequence[nn.Module]) -> None:
        super().__init__()
        self.expand = nn.Linear(width, hidden)
        self.mixers = nn.ModuleList(mixers)
        self.reduce = nn.Linear(hidden, width)

    def forward(self, x: Tensor, grid: Grid) -> Tensor:
        maps = split(self.expand(x), grid)
        # Levels may share one mixer.
        mixers = list(self.mixers) * (LEVELS // len(self.mixers))
        mixed = joined([mixer(each) for mixer, each in zip(mixers, maps, strict=True)])
        out: Tensor = self.reduce(F.gelu(mixed))
        return out


def receptive_pyramid(width: int, hidden: int) -> LevelPerceptron:
    """Returns convolutions of two sizes, with weights of each level (MRFP, item 1)."""
    return LevelPerceptron(width, hidden, [Receptive(hidden) for _ in range(LEVELS)])


def conv_perceptron(width: int) -> LevelPerceptron:
    """Returns a narrow perceptron with one 3x3 convolution for all levels (ConvFFN)."""
    hidden = width // 4
    return LevelPerceptron(width, hidden, [nn.Conv2d(hidden, hidden, 3, 1, 1, groups=hidden)])


class LevelAttention(nn.Module):
    """Deformable attention of the pyramid's tokens to each other, each behind a norm."""

    def __init__(self, width: int, heads: int, ratio: float) -> None:
        super().__init__()
        self.query_norm, self.token_norm = Norm(width), Norm(width)
        self.attention = DeformableAttention(width, heads, LEVELS, ratio=ratio)

    def forward(self, query: Tensor, tokens: Tensor, grid: Grid) -> Tensor:
        sizes = level_sizes(grid)
        centres = torch.from_numpy(cell_centres(sizes)).to(query)
        out: Tensor = self.attention(
            self.query_norm(query), centres, self.token_norm(tokens), sizes
        )
        return out


class ToTokens(nn.Module):
    """Adds to the ViT's tokens what the pyramid's tell each other (CTI to V, item 2)."""

    def __init__(self, width: int, heads: int, ratio: float, drop_path: float) -> None:
        super().__init__()
        self.attention = LevelAttention(width, heads, ratio)
        self.norm = Norm(width)
        self.perceptron = conv_perceptron(width)
        self.drop_path = DropPath(drop_path)
        # The ViT begins untouched.
        self.scale = nn.Parameter(torch.zeros(width))

    def forward(self, vit: Tensor, pyramid: Tensor, grid: Grid) -> Tensor:
        seen = self.attention(pyramid, pyramid, grid)
        seen = seen + self.drop_path(self.perceptron(self.norm(seen), grid))
        fine, middle, coarse = split(seen, grid)
        # Of an even map, the mean of 2 x 2 cells is the bilinear map of half the size.
        found = F.avg_pool2d(fine, 2) + middle + _larger(coarse, 2)
        return vit + self.scale * found.flatten(2).transpose(1, 2)


class ToPyramid(nn.Module):
    """Adds the ViT's tokens to the pyramid, whose levels then look at each other (item 4).

    Args:
        width, heads, ratio, drop_path: see `Interaction`.
        extra: whether a perceptron comes first (item 5).
    """

    def __init__(
        self, width: int, heads: int, ratio: float, drop_path: float, extra: bool = False
    ) -> None:
        super().__init__()
        self.first = nn.ModuleList((Norm(width), conv_perceptron(width)) if extra else ())
        self.query_norm, self.token_norm = Norm(width), Norm(width)
        self.attention = LevelAttention(width, heads, ratio)
        self.norm = Norm(width)
        self.perceptron = conv_perceptron(width)
        self.drop_path = DropPath(drop_path)

    def forward(self, vit: Tensor, pyramid: Tensor, grid: Grid) -> Tensor:
        x = added_at_16(pyramid, vit)
        if self.first:
            norm, perceptron = self.first
            x = x + self.drop_path(perceptron(norm(x), grid))
        # As published, what attention adds to is normalised too.
        query = self.query_norm(x)
        query = query + self.attention(query, self.token_norm(x), grid)
        out: Tensor = query + self.drop_path(self.perceptron(self.norm(query), grid))
        return out


class Interaction(nn.Module):
    """Both ways around some blocks of a ViT.

    Args:
        width: of all tokens.
        heads, ratio: of deformable attention.
        hidden: of the receptive pyramid.
        drop_path: rate of stochastic depth, in training.
        extra: further extractions at the end.
    """

    def __init__(
        self, width: int, heads: int, ratio: float, hidden: int, drop_path: float, extra: int = 0
    ) -> None:
        super().__init__()
        self.pyramid = receptive_pyramid(width, hidden)
        self.to_tokens = ToTokens(width, heads, ratio, drop_path)
        self.to_pyramid = ToPyramid(width, heads, ratio, drop_path)
        self.extra = nn.ModuleList(
            ToPyramid(width, heads, ratio, drop_path, extra=True) for _ in range(extra)
        )

    def forward(
        self,
        tokens: Tensor,
        pyramid: Tensor,
        grid: Grid,
        trunk: SteppedBackbone,
        blocks: Sequence[nn.Module],
    ) -> tuple[Tensor, Tensor]:
        """Returns tokens of the ViT and of the pyramid.

        Args:
            tokens: of the ViT, patches and others [B, N, C].
            pyramid: its tokens [B, 21 / 4 * h * w, C].
            grid: h and w of the patches, even.
            trunk: the ViT.
            blocks: of it, that lie inside.
        """
        vit = trunk.patches_of(tokens)
        pyramid = added_at_16(self.pyramid(pyramid, grid), vit)
        tokens = trunk.with_patches(tokens, self.to_tokens(vit, pyramid, grid))
        for block in blocks:
            tokens = trunk.step(block, tokens, grid)
        vit = trunk.patches_of(tokens)
        for extraction in (self.to_pyramid, *self.extra):
            pyramid = extraction(vit, pyramid, grid)
        return tokens, pyramid


class Pyramid(nn.Module):
    """The four maps, of the pyramid, the ViT and the stem's finest map; item Outputs."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(width, width, 2, 2)
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for _ in range(LEVELS + 1))

    def forward(self, vit: Tensor, pyramid: Tensor, finest: Tensor, grid: Grid) -> list[Tensor]:
        fine, middle, coarse = split(pyramid, grid)
        plain = vit.transpose(1, 2).unflatten(2, grid)
        maps = (
            self.up(fine) + finest + _larger(plain, 4),
            fine + _larger(plain, 2),
            middle + plain,
            coarse + F.avg_pool2d(plain, 2),
        )
        return [norm(each) for norm, each in zip(self.norms, maps, strict=True)]


def _larger(x: Tensor, times: int) -> Tensor:
    return F.interpolate(x, scale_factor=float(times), mode="bilinear", align_corners=False)


def initialise(module: nn.Module) -> None:
    """Lets the parts beside the ViT begin as published; for `nn.Module.apply`."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        fan = math.prod(module.kernel_size) * module.out_channels // module.groups
        nn.init.normal_(module.weight, std=math.sqrt(2 / fan))
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    initialise_linears(module)
    # Modules come before what holds them.
    if isinstance(module, DeformableAttention):
        module.reset()
