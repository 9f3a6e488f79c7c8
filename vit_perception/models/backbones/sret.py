# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""SReT: each block runs twice, with attention inside slices of tokens (2111.05297, card 21).

Networks with `whole` in their name do not slice. A block's second run shuffles the tokens, so that
other tokens share a slice. The paper draws a new order for each picture, even in evaluation; here
each block keeps the order that it drew when it was made. The paper trains with stochastic depth
of 0.1 to 0.2; it is 0 here unless it is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from timm.layers import to_2tuple
from timm.models import register_model
from torch import Tensor, nn

from vit_perception.models.fusing import ConvNorm
from vit_perception.models.plain import resized_positions
from vit_perception.models.prenorm import initialise_linears
from vit_perception.models.recursion import Block, Link, Recursion
from vit_perception.models.shelf import Variant, img_size
from vit_perception.models.staged import StagedBackbone, build, stagewise_rates

BLOCKS = (2, 5, 3)
"""Distinct ones of the stages; each runs twice."""
SLICES = ((8, 2), (4, 1), (1, 1))
"""Of the first and the second run of a block, by stage."""
FINER = ((16, 1), (14, 1), (1, 1))
WHOLE = ((1, 1),) * 3


class Stem(nn.Sequential):
    """Three strided convolutions and positions; [B, c_in, H, W] to [B, width, H / 8, W / 8]."""

    def __init__(self, c_in: int, width: int, grid: tuple[int, int]) -> None:
        layers: list[nn.Module] = []
        for channels in (width // 2, width, width):
            layers += [ConvNorm(c_in, channels, 3, 2, bias=True), nn.ReLU()]
            c_in = channels
        super().__init__(*layers)
        self.positions = nn.Parameter(
            nn.init.trunc_normal_(torch.empty(1, width, *grid), std=0.02)
        )

    def forward(self, x: Tensor) -> Tensor:
        for layer in self:
            x = layer(x)
        return x + resized_positions(self.positions, (int(x.shape[2]), int(x.shape[3])))


class SReT(StagedBackbone):
    """Maps of stride 8 and up; 8 to 32 with three stages.

    Args:
        head: channels of a head of attention.
        heads: of the stages.
        ratio: hidden width of perceptrons of blocks, in terms of a token's.
        link_ratio: the same of those between runs.
        slices: of attention, by stage and run of a block.
        blocks: distinct ones of the stages; each runs as often as `slices` has entries.
        img_size: height and width for which there are positions and orders of tokens.
        resample: whether orders of tokens are drawn anew in training, as in the paper.
        drop_path_rate: of the last run, in training.
        in_chans, num_classes: see timm.
    """

    def __init__(
        self,
        head: int,
        heads: Sequence[int],
        ratio: float,
        link_ratio: int = 1,
        slices: Sequence[Sequence[int]] = SLICES,
        blocks: Sequence[int] = BLOCKS,
        img_size: int | tuple[int, int] = 224,
        resample: bool = False,
        drop_path_rate: float = 0.0,
        in_chans: int = 3,
        num_classes: int = 1000,
    ) -> None:
        super().__init__()
        widths = [head * each for each in heads]
        depths = [count * len(runs) for count, runs in zip(blocks, slices, strict=True)]
        rates = stagewise_rates(drop_path_rate, depths)
        height, width = (-(-side // 8) for side in to_2tuple(img_size))
        stem = Stem(in_chans, widths[0], (height, width))
        stages = []
        for stage, channels in enumerate(widths):
            layers: list[nn.Module] = []
            if stage:
                height, width = -(-height // 2), -(-width // 2)
                before = widths[stage - 1]
                layers.append(nn.Conv2d(before, channels, 3, 2, 1, groups=before))
            made = [
                Block(channels, heads[stage], int(ratio * channels), rate)
                # A block has the rate of one of the first runs.
                for rate in rates[stage][: blocks[stage]]
            ]
            links = [Link(channels, link_ratio * channels) for _ in range(depths[stage])]
            layers.append(Recursion(made, links, slices[stage], height * width, resample=resample))
            stages.append(nn.Sequential(*layers))
        neck = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.LayerNorm(widths[-1], 1e-6))
        self.assemble(
            stem,
            stages,
            neck,
            channels=widths,
            reductions=[8 * 2**stage for stage in range(len(widths))],
            num_classes=num_classes,
        )
        self.apply(initialise_linears)


_T: dict[str, Any] = {"head": 32, "heads": (2, 4, 8), "ratio": 3.6}
_LT: dict[str, Any] = {**_T, "ratio": 4.0}
_S: dict[str, Any] = {"head": 42, "heads": (3, 6, 12), "ratio": 3.0, "link_ratio": 2}
_NETWORKS = {
    "sret_t": (_T, SLICES, 224),
    "sret_t_whole": (_T, WHOLE, 224),
    "sret_t_whole_384": (_T, WHOLE, 384),
    "sret_lt": (_LT, SLICES, 224),
    "sret_lt_finer": (_LT, FINER, 224),
    "sret_lt_whole": (_LT, WHOLE, 224),
    "sret_s": (_S, SLICES, 224),
    "sret_s_whole": (_S, WHOLE, 224),
    "sret_s_whole_384": (_S, WHOLE, 384),
    "sret_s_whole_512": (_S, WHOLE, 512),
}
"""Arguments, slices and side of the picture."""


def _made(name: str, pretrained: bool, **options: Any) -> nn.Module:
    arguments, slices, side = _NETWORKS[name]
    options.setdefault("img_size", side)
    options.setdefault("slices", slices)
    return build(SReT, name, pretrained, **arguments, **options)


@register_model
def sret_t(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns the smallest network."""
    return _made("sret_t", pretrained, **options)


@register_model
def sret_t_whole(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns `sret_t` without slices."""
    return _made("sret_t_whole", pretrained, **options)


@register_model
def sret_t_whole_384(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns `sret_t_whole` for larger pictures."""
    return _made("sret_t_whole_384", pretrained, **options)


@register_model
def sret_lt(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns `sret_t` with wider perceptrons."""
    return _made("sret_lt", pretrained, **options)


@register_model
def sret_lt_finer(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns `sret_lt` with more slices, in first runs alone."""
    return _made("sret_lt_finer", pretrained, **options)


@register_model
def sret_lt_whole(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns `sret_lt` without slices."""
    return _made("sret_lt_whole", pretrained, **options)


@register_model
def sret_s(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns the larger network."""
    return _made("sret_s", pretrained, **options)


@register_model
def sret_s_whole(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns `sret_s` without slices."""
    return _made("sret_s_whole", pretrained, **options)


@register_model
def sret_s_whole_384(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns `sret_s_whole` for larger pictures."""
    return _made("sret_s_whole_384", pretrained, **options)


@register_model
def sret_s_whole_512(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns `sret_s_whole` for still larger pictures."""
    return _made("sret_s_whole_512", pretrained, **options)


def _variant(name: str, parameters: int, gmacs: float, **more: Any) -> Variant:
    arguments, _, side = _NETWORKS[name]
    return Variant(
        name,
        card=21,
        parameters=parameters,
        macs=gmacs * 1e9,
        channels=tuple(arguments["head"] * each for each in arguments["heads"]),
        reductions=(8, 16, 32),
        input=(side, side),
        sized=img_size,
        **more,
    )


VARIANTS: tuple[Variant, ...] = (
    _variant("sret_t", 4_755_979, 1.122, representative=True, top1=76.0),
    _variant("sret_t_whole", 4_755_979, 1.375, top1=76.1),
    # The card has no exact counts of the networks for larger pictures, but multiply-adds.
    _variant("sret_t_whole_384", 4_853_259, 6.4, top1=79.7),
    _variant("sret_lt", 4_988_024, 1.174, top1=76.7),
    # Not counted on the card.
    _variant("sret_lt_finer", 4_988_024, 1.225),
    _variant("sret_lt_whole", 4_988_024, 1.418, top1=76.8),
    _variant("sret_s", 20_899_692, 4.191, top1=81.9),
    _variant("sret_s_whole", 20_899_692, 4.7, top1=82.0),
    _variant("sret_s_whole_384", 21_091_212, 18.5, top1=83.8),
    _variant("sret_s_whole_512", 21_317_004, 42.8, top1=84.3),
)
