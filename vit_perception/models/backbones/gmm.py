# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Small ViTs with Gaussian mixture masks, for crops and little data (2309.05375, card 37).

`models.gaussian_mask.with_gaussian_masks` puts the masks into any ViT of timm. The paper trains
with stochastic depth of 0.1; it is 0 here unless it is asked for.
"""

from __future__ import annotations

from typing import Any

from timm.models import register_model
from timm.models.vision_transformer import VisionTransformer
from torch import nn

from vit_perception.models.gaussian_mask import with_gaussian_masks
from vit_perception.models.shelf import Variant, img_size
from vit_perception.models.staged import build

WIDTH, DEPTH, HEADS, RATIO = 192, 9, 12, 2


class MaskedViT(VisionTransformer):
    """timm's ViT without a class token, its attention masked."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            embed_dim=WIDTH,
            depth=DEPTH,
            num_heads=HEADS,
            mlp_ratio=RATIO,
            qkv_bias=False,
            class_token=False,
            global_pool="avg",
            fc_norm=False,
            **options,
        )
        with_gaussian_masks(self)


@register_model
def gmm_vit_patch4_32(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns the network for pictures of 32 px."""
    options.setdefault("img_size", 32)
    return build(MaskedViT, "gmm_vit_patch4_32", pretrained, patch_size=4, **options)


@register_model
def gmm_vit_patch8_64(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns the network for pictures of 64 px."""
    options.setdefault("img_size", 64)
    return build(MaskedViT, "gmm_vit_patch8_64", pretrained, patch_size=8, **options)


def _variant(name: str, parameters: int, gmacs: float, patch: int, **more: Any) -> Variant:
    return Variant(
        name,
        card=37,
        parameters=parameters,
        macs=gmacs * 1e9,
        channels=(WIDTH,),
        reductions=(patch,),
        input=(8 * patch, 8 * patch),
        sized=img_size,
        **more,
    )


VARIANTS: tuple[Variant, ...] = (
    # The card counts 10 classes, no products of attention, and not the second network.
    _variant("gmm_vit_patch4_32", 2_693_122 + 990 * (WIDTH + 1), 0.1870, 4),
    _variant("gmm_vit_patch8_64", 2_911_840, 0.1888, 8, representative=True),
)
