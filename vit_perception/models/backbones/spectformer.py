# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""SpectFormer: spectral gates first, attention later (arXiv 2304.06446, card 61).

In a plain form and in one of four stages. A gate wraps around the borders of the picture, and
belongs to one size of map; for another its weights are resized. The paper trains with stochastic
depth of 0 to 0.3; it is 0 here unless it is asked for.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from timm.layers import DropPath, to_2tuple
from timm.models import register_model
from timm.models.vision_transformer import Block as AttentionBlock
from torch import Tensor, nn

from vit_perception.models.fourier import SpectralGate
from vit_perception.models.plain import SteppedBackbone, resized_positions
from vit_perception.models.prenorm import initialise_linears, perceptron
from vit_perception.models.shelf import Variant, img_size
from vit_perception.models.staged import build, stagewise_rates
from vit_perception.models.token_stages import SIZES, TokenStages

PATCH = 16
SPECTRAL = 4
"""Spectral blocks of the plain form, before those with attention."""
Size = int | tuple[int, int]


class SpectralBlock(nn.Module):
    """A gate and a perceptron, added once; tokens [B, h * w, C] to the same shape."""

    def __init__(self, width: int, grid: tuple[int, int], drop_path: float) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, 1e-6)
        self.gate = SpectralGate(width, grid)
        self.norm2 = nn.LayerNorm(width, 1e-6)
        self.perceptron = perceptron(width, 4 * width)
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor, grid: tuple[int, int]) -> Tensor:
        square = self.norm1(x).transpose(1, 2).unflatten(2, grid)
        mixed = self.gate(square).flatten(2).transpose(1, 2)
        out: Tensor = x + self.drop_path(self.perceptron(self.norm2(mixed)))
        return out


class SpectFormer(SteppedBackbone):
    """The plain form; its map has stride 16.

    Args:
        width, depth, heads: of the tokens.
        spectral: number of spectral blocks.
        img_size: height and width for which there are positions and gates.
        drop_path_rate: of the last block, in training.
        in_chans, num_classes: see timm.
    """

    def __init__(
        self,
        width: int,
        depth: int,
        heads: int,
        spectral: int = SPECTRAL,
        img_size: Size = 224,
        drop_path_rate: float = 0.0,
        in_chans: int = 3,
        num_classes: int = 1000,
    ) -> None:
        super().__init__()
        height, breadth = (side // PATCH for side in to_2tuple(img_size))
        self.patches = nn.Conv2d(in_chans, width, PATCH, PATCH)
        self.positions = nn.Parameter(torch.empty(1, width, height, breadth))
        nn.init.trunc_normal_(self.positions, std=0.02)
        rates = stagewise_rates(drop_path_rate, [depth])[0]
        self.spectral = nn.ModuleList(
            SpectralBlock(width, (height, breadth), rate) for rate in rates[:spectral]
        )
        norm: Any = partial(nn.LayerNorm, eps=1e-6)
        self.blocks = nn.Sequential(
            *(
                AttentionBlock(width, heads, qkv_bias=True, drop_path=rate, norm_layer=norm)
                for rate in rates[spectral:]
            )
        )
        self.norm = nn.LayerNorm(width, 1e-6)
        self.assemble(width=width, patch=PATCH, num_classes=num_classes)
        self.apply(initialise_linears)

    def first_tokens(self, x: Tensor) -> Tensor:
        """Returns the tokens of the patches."""
        patches = self.patches(x)
        grid = (int(patches.shape[2]), int(patches.shape[3]))
        patches = patches + resized_positions(self.positions, grid)
        tokens: Tensor = patches.flatten(2).transpose(1, 2)
        return tokens

    def steps(self) -> list[nn.Module]:
        """Returns the spectral blocks, then the others."""
        return [*self.spectral, *self.blocks]

    def step(self, block: nn.Module, tokens: Tensor, grid: tuple[int, int]) -> Tensor:
        """Returns tokens behind a block of either kind."""
        spectral = isinstance(block, SpectralBlock)
        out: Tensor = block(tokens, grid) if spectral else block(tokens)
        return out


def _staged(size: str, pretrained: bool, img_size: Size = 224, **options: Any) -> nn.Module:
    mixers = (SpectralGate, SpectralGate, None, None)
    return build(
        TokenStages,
        f"spectformer_h_{size}",
        pretrained,
        mixers=mixers,
        img_size=to_2tuple(img_size),
        **SIZES[size],
        **options,
    )


@register_model
def spectformer_tiny(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns the smallest plain network."""
    return build(
        SpectFormer, "spectformer_tiny", pretrained, width=256, depth=12, heads=4, **options
    )


@register_model
def spectformer_xs(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns a plain network of DeiT-S's width."""
    return build(
        SpectFormer, "spectformer_xs", pretrained, width=384, depth=12, heads=6, **options
    )


@register_model
def spectformer_small(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns a deeper plain network."""
    return build(
        SpectFormer, "spectformer_small", pretrained, width=384, depth=19, heads=6, **options
    )


@register_model
def spectformer_base(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns the largest plain network; the paper's 12 heads do not divide its width."""
    return build(
        SpectFormer, "spectformer_base", pretrained, width=512, depth=19, heads=8, **options
    )


@register_model
def spectformer_h_small(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns the smallest network of four stages."""
    return _staged("small", pretrained, **options)


@register_model
def spectformer_h_base(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns a larger network of four stages."""
    return _staged("base", pretrained, **options)


@register_model
def spectformer_h_large(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns the largest network of four stages."""
    return _staged("large", pretrained, **options)


def _variant(
    name: str, parameters: int, gmacs: float, channels: tuple[int, ...], **more: Any
) -> Variant:
    """Returns a variant without the head that the paper trains with."""
    return Variant(
        name,
        card=61,
        parameters=parameters,
        macs=gmacs * 1e9,
        channels=channels,
        reductions=(PATCH,) if len(channels) == 1 else (4, 8, 16, 32),
        sized=img_size,
        **more,
    )


VARIANTS: tuple[Variant, ...] = (
    _variant("spectformer_tiny", 9_158_376, 1.840, (256,), representative=True, top1=76.9),
    _variant("spectformer_xs", 20_028_520, 3.994, (384,), top1=80.2),
    _variant("spectformer_small", 32_449_768, 6.628, (384,), top1=81.7),
    _variant("spectformer_base", 57_159_656, 11.560, (512,), top1=82.1),
    # Trained with labels of tokens. The card leaves out the transforms, which are products here.
    _variant(
        "spectformer_h_small",
        21_777_928,
        4.326,
        (64, 128, 320, 448),
        top1=84.3,
    ),
    _variant("spectformer_h_base", 32_539_880, 6.868, (64, 128, 320, 512), top1=85.0),
    _variant("spectformer_h_large", 54_162_792, 13.656, (96, 192, 384, 512), top1=85.7),
)
