# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Swin Transformer: Hierarchical Vision Transformer using Shifted Windows (2103.14030, card 12).

`swin_NAME_dense` is timm's `swin_NAME` for one size of image, `img_size`. Its blocks gather the
cells of their windows by constant indices, and add bias and mask as one constant. With
`features_only=True` a LayerNorm follows each map (card 12, Mechanism 9).

A map that windows do not divide is padded before it is shifted, as in the published code. timm
shifts first; its mask then lets the top of the image attend to the bottom. Sizes that are
multiples of 224 pixels need no padding.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import torch
from timm.models import swin_transformer as timm_swin
from torch import Tensor, nn
from torch.nn import functional

from vit_perception.models.dense_forms import NormedMaps, dense_variant
from vit_perception.models.shelf import Variant, img_size
from vit_perception.models.windows import lay_windows, relative_offsets


class WindowAttention(nn.Module):
    """Attention inside windows, with a bias for each offset of two cells.

    Args:
        source: timm's module, whose parts and their names it reuses.
        mask: float [windows, area, area] or None, see `Windows`.
    """

    offsets: Tensor
    mask: Tensor | None
    constant: Tensor | None

    def __init__(self, source: timm_swin.WindowAttention, mask: Tensor | None) -> None:
        super().__init__()
        self.heads = source.num_heads
        self.scale = source.scale
        self.qkv = source.qkv
        self.proj = source.proj
        self.relative_position_bias_table = source.relative_position_bias_table
        self.register_buffer("offsets", relative_offsets(source.window_size), persistent=False)
        self.register_buffer("mask", mask, persistent=False)
        self.register_buffer("constant", None, persistent=False)

    def bias(self) -> Tensor:
        """Returns the bias of scores, [heads, area, area] or [windows, heads, area, area]."""
        bias = self.relative_position_bias_table[self.offsets].permute(2, 0, 1)
        return bias if self.mask is None else bias + self.mask[:, None]

    @torch.no_grad()
    def reparameterize(self) -> None:
        """Makes the bias a constant, and scales queries in their weights."""
        if self.constant is None:
            self.constant = self.bias().contiguous()
            width = len(self.qkv.weight) // 3
            self.qkv.weight[:width] *= self.scale
            self.qkv.bias[:width] *= self.scale
            self.scale = 1.0

    def forward(self, x: Tensor) -> Tensor:
        """Maps [B x windows, area, C] to the same shape, without the projection."""
        count, area, channels = x.shape
        qkv = self.qkv(x).reshape(count, area, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        query, key, value = qkv.unbind(0)
        if self.scale != 1:
            query = query * self.scale
        scores = query @ key.transpose(2, 3)
        bias = self.bias() if self.constant is None else self.constant
        if bias.ndim == 4 and len(bias) != count:
            grouped = scores.reshape(-1, *bias.shape) + bias
            scores = grouped.reshape(count, self.heads, area, area)
        else:
            scores = scores + bias
        mixed: Tensor = scores.softmax(-1) @ value
        return mixed.transpose(1, 2).reshape(count, area, channels)


class Block(nn.Module):
    """A block for maps of one size; [B, H, W, C] to the same.

    Args:
        source: timm's block, whose parts and their names it reuses.
    """

    cells: Tensor
    places: Tensor

    def __init__(self, source: timm_swin.SwinTransformerBlock) -> None:
        super().__init__()
        size = cast("tuple[int, int]", source.input_resolution)
        windows = lay_windows(size, source.window_size, source.shift_size)
        self.area = source.window_area
        self.padded = windows.padded
        self.norm1 = source.norm1
        self.attn = WindowAttention(source.attn, windows.mask)
        self.drop_path1 = source.drop_path1
        self.norm2 = source.norm2
        self.mlp = source.mlp
        self.drop_path2 = source.drop_path2
        self.register_buffer("cells", windows.cells, persistent=False)
        self.register_buffer("places", windows.places, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Applies the module; see the class."""
        shape = x.shape
        x = x.flatten(1, 2)
        x = x + self.drop_path1(self._attended(self.norm1(x)))
        x = x + self.drop_path2(self.mlp(self.norm2(x)))
        return x.reshape(shape)

    def _attended(self, x: Tensor) -> Tensor:
        batch, _, channels = x.shape
        if self.padded:
            # One more cell, of zeros, for all places outside the map.
            x = functional.pad(x, (0, 0, 0, 1))
        x = x[:, self.cells].reshape(-1, self.area, channels)
        x = self.attn(x).reshape(batch, -1, channels)
        # The projection is per cell, so it is applied to the map's cells only.
        out: Tensor = self.attn.proj(x[:, self.places])
        return out


def _build(entrypoint: Callable[..., nn.Module], pretrained: bool, **options: Any) -> nn.Module:
    if options.get("features_only"):
        options.setdefault("feature_cls", NormedMaps)
    model = entrypoint(pretrained, **options)
    for stage in model.modules():
        if isinstance(stage, timm_swin.SwinTransformerStage):
            blocks = cast("Sequence[timm_swin.SwinTransformerBlock]", stage.blocks)
            stage.blocks = nn.Sequential(*(Block(each) for each in blocks))
    return model


def _variant(
    entrypoint: Callable[..., nn.Module], parameters: int, gmacs: float, width: int, **more: Any
) -> Variant:
    channels = (width, 2 * width, 4 * width, 8 * width)
    return dense_variant(
        _build, entrypoint, parameters, gmacs, channels, card=12, sized=img_size, **more
    )


VARIANTS: tuple[Variant, ...] = (
    _variant(
        timm_swin.swin_tiny_patch4_window7_224,
        28_288_354,
        4.491,
        96,
        top1=81.2,
        representative=True,
    ),
    _variant(timm_swin.swin_small_patch4_window7_224, 49_606_258, 8.741, 96, top1=83.2),
    _variant(timm_swin.swin_base_patch4_window7_224, 87_768_224, 15.431, 128, top1=83.5),
    _variant(
        timm_swin.swin_base_patch4_window12_384,
        87_903_584,
        47.083,
        128,
        top1=84.5,
        input=(384, 384),
    ),
    _variant(timm_swin.swin_large_patch4_window7_224, 196_532_476, 34.476, 192),
)
