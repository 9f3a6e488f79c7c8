# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Few wide layers in place of many narrow ones (arXiv 2210.00640, card 25).

The paper is about text: with as many heads in total, few layers are as exact and faster. Here the
rule is tried on DeiT-Tiny: `wide_vit_L_H` has L layers of H heads, 36 in all; `wide_vit_12_3` is
DeiT-Tiny itself. Accuracy on pictures is not published; take few layers for small, closed tasks,
and train them from scratch.
"""

from __future__ import annotations

from typing import Any

from timm.layers import Attention
from timm.models import register_model
from timm.models.vision_transformer import VisionTransformer
from torch import nn

from vit_perception.models.shelf import Variant, img_size
from vit_perception.models.staged import build

WIDTH, HEAD, PATCH, HEADS = 192, 64, 16, 36
"""Channels of tokens and of a head, side of a patch, and heads of all layers together."""


class WideAttention(Attention):
    """timm's attention with heads of HEAD channels, whatever the tokens have."""

    def __init__(self, dim: int, num_heads: int = 8, **options: Any) -> None:
        super().__init__(dim, num_heads, attn_head_dim=HEAD, **options)


def heads_of(layers: int) -> int:
    """Returns the heads of each of some layers.

    Raises:
        ValueError: they cannot be shared out.
    """
    if layers < 1 or HEADS % layers:
        raise ValueError(f"layers: expected a divisor of {HEADS}, found {layers}")
    return HEADS // layers


def _made(layers: int, pretrained: bool, **options: Any) -> nn.Module:
    heads = heads_of(layers)
    return build(
        VisionTransformer,
        f"wide_vit_{layers}_{heads}",
        pretrained,
        patch_size=PATCH,
        embed_dim=WIDTH,
        depth=layers,
        num_heads=heads,
        attn_layer=WideAttention,
        **options,
    )


@register_model
def wide_vit_12_3(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns DeiT-Tiny."""
    return _made(12, pretrained, **options)


@register_model
def wide_vit_6_6(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns six layers of six heads."""
    return _made(6, pretrained, **options)


@register_model
def wide_vit_4_9(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns four layers of nine heads."""
    return _made(4, pretrained, **options)


@register_model
def wide_vit_3_12(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns three layers of twelve heads."""
    return _made(3, pretrained, **options)


@register_model
def wide_vit_2_18(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns two layers of eighteen heads."""
    return _made(2, pretrained, **options)


@register_model
def wide_vit_1_36(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns a single layer."""
    return _made(1, pretrained, **options)


def _variant(name: str, parameters: int, gmacs: float, **more: Any) -> Variant:
    return Variant(
        name,
        card=25,
        parameters=parameters,
        macs=gmacs * 1e9,
        channels=(WIDTH,),
        reductions=(PATCH,),
        sized=img_size,
        **more,
    )


VARIANTS: tuple[Variant, ...] = (
    _variant("wide_vit_12_3", 5_717_416, 1.258, top1=72.2),
    _variant("wide_vit_6_6", 3_936_424, 0.908),
    _variant("wide_vit_4_9", 3_342_760, 0.791),
    _variant("wide_vit_3_12", 3_045_928, 0.732, representative=True),
    _variant("wide_vit_2_18", 2_749_096, 0.674),
    _variant("wide_vit_1_36", 2_452_264, 0.615),
)
