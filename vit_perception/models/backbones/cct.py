# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Compact transformers, CCT and CVT: small ViTs that learn from little data (2104.05704, card 15).

A convolutional tokenizer (CCT) or patches of 4 px (CVT), one encoder, and a learned mean over its
tokens in place of a class token. `cct_L_KxN_SIDE` has L layers and N convolutions of K px. The
last map is what the mean is taken of; where there are two convolutions, the first gives one more.

The paper trains with stochastic depth and dropout of attention of 0.1; both are 0 here unless
they are asked for.
"""

from __future__ import annotations

from typing import Any

import torch
from timm.layers import DropPath, to_2tuple
from timm.models import register_model
from torch import Tensor, nn
from torch.nn import functional as F

from vit_perception.models.prenorm import TokenAttention, initialise_linears, perceptron
from vit_perception.models.shelf import Variant, img_size
from vit_perception.models.staged import StagedBackbone, build, stagewise_rates

FIRST = 64
"""Channels between two convolutions of a tokenizer."""
POOLED = 2
"""Stride of a tokenizer's pooling."""


class Block(nn.Module):
    """Attention, then a perceptron on what a norm has put in the place of the sum."""

    def __init__(
        self, width: int, heads: int, hidden: int, dropout: float, drop_path: float
    ) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attention = TokenAttention(width, heads, dropout)
        self.norm2 = nn.LayerNorm(width)
        self.perceptron = perceptron(width, hidden)
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm2(x + self.drop_path(self.attention(self.norm1(x))))
        out: Tensor = x + self.drop_path(self.perceptron(x))
        return out


class Encoder(nn.Module):
    """Tokens of a map, their positions and all layers; the result is a map again.

    Args:
        tokens: [B, 3 or FIRST, H, W] to a map [B, width, h, w].
        grid: h and w of its positions, which are resized for other maps.
        width: channels.
        blocks: the layers.
    """

    def __init__(
        self, tokens: nn.Module, grid: tuple[int, int], width: int, blocks: list[Block]
    ) -> None:
        super().__init__()
        self.tokens = tokens
        self.positions = nn.Parameter(nn.init.trunc_normal_(torch.empty(1, width, *grid), std=0.2))
        self.blocks = nn.Sequential(*blocks)
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        x = self.tokens(x)
        rows, columns = int(x.shape[2]), int(x.shape[3])
        positions: Tensor = self.positions
        if positions.shape[2:] != (rows, columns):
            positions = F.interpolate(
                positions, (rows, columns), mode="bilinear", align_corners=False
            )
        tokens: Tensor = self.norm(self.blocks((x + positions).flatten(2).transpose(1, 2)))
        return tokens.transpose(1, 2).reshape(-1, positions.shape[1], rows, columns)


class SequencePool(nn.Module):
    """A mean over the cells of a map with learned weights; [B, C, h, w] to [B, C]."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weigh = nn.Linear(width, 1)

    def forward(self, x: Tensor) -> Tensor:
        tokens = x.flatten(2)
        weights: Tensor = self.weigh(tokens.transpose(1, 2)).softmax(1)
        return (tokens @ weights).squeeze(2)


class CompactTransformer(StagedBackbone):
    """CCT, or CVT with `patch`.

    Args:
        layers, heads: of the encoder.
        ratio: hidden width of the perceptrons, in terms of `width`.
        width: channels of the tokens.
        kernel: of the tokenizer's convolutions, px.
        convolutions: 1 or 2.
        patch: side of a patch in place of them, px; 0 for none.
        img_size: height and width for which there are positions.
        attn_drop_rate, drop_path_rate: in training.
        in_chans, num_classes: see timm.
    """

    def __init__(
        self,
        layers: int,
        heads: int,
        ratio: int,
        width: int,
        kernel: int = 3,
        convolutions: int = 1,
        patch: int = 0,
        img_size: int | tuple[int, int] = 224,
        attn_drop_rate: float = 0.0,
        drop_path_rate: float = 0.0,
        in_chans: int = 3,
        num_classes: int = 1000,
    ) -> None:
        super().__init__()
        rates = stagewise_rates(drop_path_rate, [layers])[0]
        blocks = [Block(width, heads, ratio * width, attn_drop_rate, rate) for rate in rates]
        step = patch or max(1, kernel // 2 - 1) * POOLED
        stages: list[nn.Module] = []
        if patch:
            stem: nn.Module = nn.Identity()
            tokens: nn.Module = nn.Conv2d(in_chans, width, patch, patch)
            channels, reductions = [width], [patch]
        elif convolutions == 1:
            stem, tokens = nn.Identity(), _tokenizer(in_chans, width, kernel)
            channels, reductions = [width], [step]
        else:
            stem, tokens = _tokenizer(in_chans, FIRST, kernel), _tokenizer(FIRST, width, kernel)
            stages.append(nn.Identity())
            channels, reductions = [FIRST, width], [step, step**2]
        height, breadth = to_2tuple(img_size)
        probe = torch.zeros(1, in_chans, height, breadth)
        with torch.no_grad():
            grid = tokens(stem(probe)).shape[2:]
        stages.append(Encoder(tokens, (int(grid[0]), int(grid[1])), width, blocks))
        self.apply(initialise_linears)
        self.assemble(
            stem,
            stages,
            SequencePool(width),
            channels=channels,
            reductions=reductions,
            num_classes=num_classes,
        )


def _tokenizer(c_in: int, c_out: int, kernel: int) -> nn.Sequential:
    """Returns a convolution and pooling; [B, c_in, H, W] to [B, c_out, H', W']."""
    conv = nn.Conv2d(c_in, c_out, kernel, max(1, kernel // 2 - 1), max(1, kernel // 2), bias=False)
    nn.init.kaiming_normal_(conv.weight)
    return nn.Sequential(conv, nn.ReLU(), nn.MaxPool2d(3, POOLED, 1))


_SHAPES = {2: (2, 1, 128), 4: (2, 1, 128), 6: (4, 2, 256), 7: (4, 2, 256), 14: (6, 3, 384)}
"""Heads, ratio and width by the number of layers."""


def _made(name: str, pretrained: bool, layers: int, side: int, **options: Any) -> nn.Module:
    heads, ratio, width = _SHAPES[layers]
    arguments = {"layers": layers, "heads": heads, "ratio": ratio, "width": width}
    options.setdefault("img_size", side)
    return build(CompactTransformer, name, pretrained, **arguments, **options)


@register_model
def cct_2_3x2_32(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns the smallest network for small pictures."""
    return _made("cct_2_3x2_32", pretrained, 2, 32, convolutions=2, **options)


@register_model
def cct_4_3x2_32(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns four layers for small pictures."""
    return _made("cct_4_3x2_32", pretrained, 4, 32, convolutions=2, **options)


@register_model
def cct_6_3x1_32(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns six layers on a map of stride 2."""
    return _made("cct_6_3x1_32", pretrained, 6, 32, **options)


@register_model
def cct_6_3x2_32(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns six layers on a map of stride 4."""
    return _made("cct_6_3x2_32", pretrained, 6, 32, convolutions=2, **options)


@register_model
def cct_7_3x1_32(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns seven layers on a map of stride 2."""
    return _made("cct_7_3x1_32", pretrained, 7, 32, **options)


@register_model
def cct_7_3x2_32(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns seven layers on a map of stride 4."""
    return _made("cct_7_3x2_32", pretrained, 7, 32, convolutions=2, **options)


@register_model
def cct_7_7x2_224(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns seven layers on a map of stride 16."""
    return _made("cct_7_7x2_224", pretrained, 7, 224, kernel=7, convolutions=2, **options)


@register_model
def cct_14_7x2_224(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns the network for ImageNet."""
    return _made("cct_14_7x2_224", pretrained, 14, 224, kernel=7, convolutions=2, **options)


@register_model
def cct_14_7x2_384(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns the network for larger pictures of ImageNet."""
    return _made("cct_14_7x2_384", pretrained, 14, 384, kernel=7, convolutions=2, **options)


@register_model
def cvt_2_4_32(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns two layers on patches."""
    return _made("cvt_2_4_32", pretrained, 2, 32, patch=4, **options)


@register_model
def cvt_4_4_32(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns four layers on patches."""
    return _made("cvt_4_4_32", pretrained, 4, 32, patch=4, **options)


@register_model
def cvt_6_4_32(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns six layers on patches."""
    return _made("cvt_6_4_32", pretrained, 6, 32, patch=4, **options)


@register_model
def cvt_7_4_32(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns seven layers on patches."""
    return _made("cvt_7_4_32", pretrained, 7, 32, patch=4, **options)


def _variant(name: str, parameters: int, gmacs: float, **more: Any) -> Variant:
    """Returns a variant for its own side; the card counts most with 10 classes."""
    layers, tokenizer, side = name.split("_")[1:]
    kernel, _, count = tokenizer.partition("x")
    width = _SHAPES[int(layers)][2]
    step = POOLED * max(1, int(kernel) // 2 - 1) if count else int(kernel)
    twice = count == "2"
    return Variant(
        name,
        card=15,
        parameters=parameters,
        macs=gmacs * 1e9,
        channels=(FIRST, width) if twice else (width,),
        reductions=(step, step**2) if twice else (step,),
        input=(int(side), int(side)),
        sized=img_size,
        **more,
    )


VARIANTS: tuple[Variant, ...] = (
    _variant("cct_2_3x2_32", 411_433, 0.036),
    _variant("cct_4_3x2_32", 609_833, 0.050),
    _variant("cct_6_3x1_32", 3_488_233, 1.018),
    # The card has no count of this one, nor of three of CVT's.
    _variant("cct_6_3x2_32", 3_581_353, 0.254),
    _variant("cct_7_3x1_32", 4_014_569, 1.187),
    _variant("cct_7_3x2_32", 4_107_689, 0.290),
    _variant("cct_7_7x2_224", 4_804_521, 1.608, representative=True),
    _variant("cct_14_7x2_224", 22_367_273, 5.533, top1=80.67),
    _variant("cct_14_7x2_384", 22_513_193, 18.61, top1=82.71),
    _variant("cvt_2_4_32", 342_249, 0.0152),
    _variant("cvt_4_4_32", 540_649, 0.0299),
    _variant("cvt_6_4_32", 3_444_713, 0.215),
    _variant("cvt_7_4_32", 3_971_049, 0.252),
)
