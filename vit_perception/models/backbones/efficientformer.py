# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""EfficientFormer (arXiv 2206.01191) and EfficientFormerV2 (arXiv 2212.08059), card 28.

`NAME_dense` is timm's NAME for one size of image, `img_size`; sides round up.

V1, which timm has for 224x224 only, gets a bias table for the grid of that size at stride 32; the
table of loaded weights is resized linearly. With `features_only=True` a GroupNorm of one group
follows each map (card 28, V1 6).

V2 attends in stage 3 at stride 32 and upsamples the result by 2. If the map of stride 16 has an
odd side, such as 45 for 720 pixels, the last row or column of the upsampled one is cropped, so
that its cells lie as in an even map.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from timm.layers import GroupNorm1, to_2tuple
from timm.models import efficientformer as v1
from timm.models import efficientformer_v2 as v2
from torch import Tensor, nn

from vit_perception.models.attention_bias import resized_table
from vit_perception.models.dense_forms import (
    NormedMaps,
    dense_variant,
    gather_biases_anew,
)
from vit_perception.models.shelf import Variant, img_size


class Maps(NormedMaps):
    """V1's maps; its last stage returns tokens, which timm reshapes for even sides only."""

    model: v1.EfficientFormer
    out_indices: tuple[int, ...]

    @staticmethod
    def make_norm(channels: int) -> nn.Module:
        """Returns a norm over [B, C, H, W]."""
        return GroupNorm1(channels)

    def maps(self, x: Tensor) -> list[Tensor]:
        """Returns maps before their norms."""
        taken = []
        x = self.model.stem(x)
        for stage in self.model.stages:
            grid = [math.ceil(side / 2) for side in x.shape[2:]]
            x = stage(x)
            taken.append(x if x.ndim == 4 else x.transpose(1, 2).unflatten(2, grid))
        return [taken[index] for index in self.out_indices]


class Crop(nn.Module):
    """The first `height` rows and `width` columns of [B, C, H, W]."""

    def __init__(self, height: int, width: int) -> None:
        super().__init__()
        self.height, self.width = height, width

    def forward(self, x: Tensor) -> Tensor:
        """Applies the module; see the class."""
        return x[:, :, : self.height, : self.width]


@torch.no_grad()
def _for_grid(source: v1.Attention, grid: tuple[int, int]) -> v1.Attention:
    """Returns V1's attention for another grid, with the weights of `source`."""
    resolution: Any = grid  # timm accepts a pair as well as the int of its signature
    attention = v1.Attention(
        source.qkv.in_features, source.key_dim, source.num_heads, source.attn_ratio, resolution
    )
    attention.qkv, attention.proj = source.qkv, source.proj
    side = math.isqrt(source.attention_biases.shape[1])
    table = resized_table(source.attention_biases, (side, side), grid)
    attention.attention_biases.copy_(table)
    return attention


def _build_v1(
    entrypoint: Callable[..., nn.Module],
    pretrained: bool,
    img_size: int | tuple[int, int] = 224,
    **options: Any,
) -> nn.Module:
    if options.get("features_only"):
        options.setdefault("feature_cls", Maps)
    model = entrypoint(pretrained, **options)
    height, width = (math.ceil(side / 32) for side in to_2tuple(img_size))
    for block in model.modules():
        if isinstance(block, v1.MetaBlock1d):
            block.token_mixer = _for_grid(block.token_mixer, (height, width))
    return gather_biases_anew(model)


def _build_v2(
    entrypoint: Callable[..., nn.Module],
    pretrained: bool,
    img_size: int | tuple[int, int] = 224,
    **options: Any,
) -> nn.Module:
    model = entrypoint(pretrained, img_size=img_size, **options)
    height, width = (math.ceil(side / 16) for side in to_2tuple(img_size))
    for attention in model.modules():
        if not isinstance(attention, v2.Attention2d) or attention.upsample is None:
            continue
        if height % 2 or width % 2:
            cropped: Any = nn.Sequential(attention.upsample, Crop(height, width))
            attention.upsample = cropped  # timm only calls it
    return gather_biases_anew(model)


_v1 = partial(dense_variant, _build_v1, card=28, sized=img_size)
_v2 = partial(dense_variant, _build_v2, card=28, sized=img_size)


VARIANTS: tuple[Variant, ...] = (
    _v2(v2.efficientformerv2_s0, 3_600_256, 0.396, (32, 48, 96, 176), 75.7, representative=True),
    _v2(v2.efficientformerv2_s1, 6_185_560, 0.652, (32, 48, 120, 224), 79.0),
    _v2(v2.efficientformerv2_s2, 12_710_112, 1.247, (32, 64, 144, 288), 81.6),
    _v2(v2.efficientformerv2_l, 26_322_288, 2.553, (40, 80, 192, 384), 83.3),
    _v1(v1.efficientformer_l1, 12_289_928, 1.291, (48, 96, 224, 448), 79.2),
    _v1(v1.efficientformer_l3, 31_406_000, 3.907, (64, 128, 320, 512), 82.4),
    _v1(v1.efficientformer_l7, 82_229_328, 10.119, (96, 192, 384, 768), 83.3),
)
