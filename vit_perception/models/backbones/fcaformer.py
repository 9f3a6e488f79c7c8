# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""FcaFormer: forward cross attention in hybrid vision transformers (arXiv 2211.07198, card 34).

Two stages of ConvNeXt blocks, then two of attention blocks, which also attend to a few tokens that
summarise earlier blocks of the stage. Bias tables, and scales and biases of those tokens, belong
to one input size, given as `img_size`; `resized_state` converts them to another. Attention is
global: the pairs of tokens of stage 3 grow with the fourth power of a side.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

import torch
from timm.layers import DropPath, LayerScale, Mlp
from timm.models import register_model
from timm.models.convnext import ConvNeXtBlock
from torch import Tensor, nn
from torch.nn import functional

from vit_perception.models.attention_bias import resized_grids, resized_table
from vit_perception.models.cross_attention import CrossAttention
from vit_perception.models.fusing import ConvNorm, scale_rows
from vit_perception.models.shelf import Variant, img_size
from vit_perception.models.staged import StagedBackbone, build

LAYER_SCALE = 1e-6
SOURCES = 12
"""Earlier blocks of a stage whose summaries a block attends to, at most."""
CELL = 4
"""Side of the cells of the map that one token summarises."""
REDUCTIONS = (4, 8, 16, 32)


def halved(size: tuple[int, int], times: int) -> tuple[int, int]:
    """Returns height and width after convolutions of stride 2, odd sides rounded up."""
    return -(-size[0] // 2**times), -(-size[1] // 2**times)


def summary_grid(size: tuple[int, int]) -> tuple[int, int]:
    """Returns rows and columns of the tokens that summarise a map of a height and width."""
    return -(-size[0] // CELL), -(-size[1] // CELL)


def tokens_of(x: Tensor, width: int, size: tuple[int, int]) -> Tensor:
    """Maps [B, C, H, W] to [B, H * W, C]; constant sides leave no shape arithmetic in a graph."""
    return x.reshape(-1, width, size[0] * size[1]).transpose(1, 2)


class FoldingConvNeXtBlock(ConvNeXtBlock):
    """timm's block as convolutions; for inference its layer scale is folded into the last one.

    Args:
        width: channels.
        drop_path: rate of stochastic depth.
    """

    def __init__(self, width: int, drop_path: float = 0.0) -> None:
        super().__init__(width, conv_mlp=True, ls_init_value=LAYER_SCALE, drop_path=drop_path)

    @torch.no_grad()
    def reparameterize(self) -> None:
        """Folds the layer scale, in place."""
        if self.gamma is not None:
            scale_rows(self.mlp.fc2, self.gamma)
            self.gamma = None


class PatchMerging(nn.Sequential):
    """1x1, depthwise 3x3 of stride 2, 1x1; [B, C, H, W] to [B, C', ceil(H / 2), ceil(W / 2)]."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__(
            ConvNorm(c_in, c_out),
            nn.GELU(),
            ConvNorm(c_out, c_out, 3, 2, groups=c_out),
            nn.GELU(),
            ConvNorm(c_out, c_out),
        )


class TokenMerging(nn.Conv2d):
    """Depthwise 7x7 of stride 4 without bias, a token for each cell of a map [B, C, H, W]."""

    def __init__(self, width: int) -> None:
        super().__init__(width, width, 7, CELL, 3, groups=width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Returns [B, C, ceil(H / 4), ceil(W / 4)]."""
        if not self.training:
            return super().forward(x)
        # torch 2.13 on CPU does not write the gradients of taps that only meet padding (bfloat16,
        # channels last, maps of up to 3 cells a side); explicit padding avoids this.
        down, across = cast("tuple[int, int]", self.padding)
        padded = functional.pad(x, [across, across, down, down])
        return functional.conv2d(padded, self.weight, stride=self.stride, groups=self.groups)


class FcaBlock(nn.Module):
    """Attention, summary and enhancement of the map (TME), and a perceptron.

    Args:
        width: channels.
        size: height and width of the map.
        sources: earlier blocks of the stage.
        last: whether it is the stage's last block, whose summary nothing uses.
        drop_path: rate of stochastic depth.
    """

    def __init__(
        self, width: int, size: tuple[int, int], sources: int, last: bool, drop_path: float = 0.0
    ) -> None:
        super().__init__()
        self.width, self.size = width, size
        self.sources = min(sources, SOURCES)
        self.norm1 = nn.LayerNorm(width)
        self.attention = CrossAttention(width, size, self.sources * math.prod(summary_grid(size)))
        self.scale1 = LayerScale(width, LAYER_SCALE)
        self.merge = None if last else TokenMerging(width)
        self.enhance = ConvNorm(width, width, 3, groups=width)
        self.norm2 = nn.LayerNorm(width)
        # The perceptron has its own norm as well.
        self.mlp = nn.Sequential(nn.LayerNorm(width), Mlp(width, 4 * width))
        self.scale2 = LayerScale(width, LAYER_SCALE)
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor, earlier: Sequence[Tensor]) -> tuple[Tensor, Tensor | None]:
        """Returns tokens [B, N, C] and the block's summary [B, n, C].

        Uses only the last 12 of the earlier summaries.
        """
        taken = torch.cat(list(earlier[-self.sources :]), dim=1) if self.sources else None
        x = x + self.drop_path(self.scale1(self.attention(self.norm1(x), taken)))
        grid = x.transpose(1, 2).reshape(-1, self.width, *self.size)
        summary = None
        if self.merge is not None:
            summary = tokens_of(self.merge(grid), self.width, summary_grid(self.size))
        x = tokens_of(self.enhance(grid), self.width, self.size)
        return x + self.drop_path(self.scale2(self.mlp(self.norm2(x)))), summary

    @torch.no_grad()
    def reparameterize(self) -> None:
        """Folds the layer scales into the layers before them, in place."""
        mlp = cast("Mlp", self.mlp[1])
        for layer, name in ((self.attention.proj, "scale1"), (mlp.fc2, "scale2")):
            scale = getattr(self, name)
            if isinstance(scale, LayerScale):
                scale_rows(layer, scale.gamma)
                setattr(self, name, nn.Identity())


class FcaStage(nn.Module):
    """Patch merging and blocks; [B, C, H, W] to [B, C', ceil(H / 2), ceil(W / 2)].

    Args:
        c_in, c_out: channels.
        size: height and width of the output maps.
        drop_paths: rate of each block.
    """

    def __init__(
        self, c_in: int, c_out: int, size: tuple[int, int], drop_paths: Sequence[float]
    ) -> None:
        super().__init__()
        self.width, self.size = c_out, size
        self.merging = PatchMerging(c_in, c_out)
        last = len(drop_paths) - 1
        self.blocks = nn.ModuleList(
            FcaBlock(c_out, size, index, index == last, rate)
            for index, rate in enumerate(drop_paths)
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.merging(x)
        found = (int(x.shape[2]), int(x.shape[3]))
        if found != self.size:
            raise ValueError(f"fcaformer: expected a map of {self.size}, found {found}: img_size")
        x = tokens_of(x, self.width, self.size)
        summaries: list[Tensor] = []
        for block in self.blocks:
            x, summary = block(x, summaries)
            if summary is not None:
                summaries.append(summary)
        return x.transpose(1, 2).reshape(-1, self.width, *self.size)


class FcaFormer(StagedBackbone):
    """The backbone; maps of strides 4 to 32.

    Args:
        dims, depths: channels and blocks of the four stages.
        img_size: height and width of the input in pixels, or the side of a square.
        drop_path_rate: of the last block; it grows from 0.
        in_chans, num_classes: see timm.
    """

    def __init__(
        self,
        dims: Sequence[int],
        depths: Sequence[int],
        img_size: int | tuple[int, int] = 224,
        drop_path_rate: float = 0.0,
        in_chans: int = 3,
        num_classes: int = 1000,
    ) -> None:
        super().__init__()
        size = (img_size, img_size) if isinstance(img_size, int) else (img_size[0], img_size[1])
        flat = torch.linspace(0, drop_path_rate, sum(depths)).tolist()
        rates = [flat[sum(depths[:stage]) :][:depth] for stage, depth in enumerate(depths)]
        stages: list[nn.Module] = []
        for stage in range(2):
            merging = [PatchMerging(dims[0], dims[1])] if stage else []
            blocks = [FoldingConvNeXtBlock(dims[stage], rate) for rate in rates[stage]]
            stages.append(nn.Sequential(*merging, *blocks))
        for stage in (2, 3):
            stages.append(
                FcaStage(dims[stage - 1], dims[stage], halved(size, stage + 2), rates[stage])
            )
        stem = nn.Sequential(
            ConvNorm(in_chans, dims[0] // 2, 3, 2),
            nn.GELU(),
            ConvNorm(dims[0] // 2, dims[0], 3, 2),
        )
        neck = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.LayerNorm(dims[-1]))
        self.assemble(
            stem, stages, neck, channels=dims, reductions=REDUCTIONS, num_classes=num_classes
        )
        self.apply(initialise)


def initialise(module: nn.Module) -> None:
    """Initialises weights by a truncated normal of deviation 0.02, biases by 0."""
    if isinstance(module, nn.Conv2d | nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def resized_state(
    state: Mapping[str, Tensor], source: nn.Module, target: nn.Module
) -> dict[str, Tensor]:
    """Converts a state dict to another input size; tables and grids are interpolated (card 34).

    Args:
        state: of `source`.
        source, target: networks of the same variant.
    """
    resized = dict(state)
    others = dict(target.named_modules())
    for name, block in source.named_modules():
        if not isinstance(block, FcaBlock):
            continue
        size, wanted = block.size, others[name].size
        grids = (block.sources, summary_grid(size), summary_grid(wanted))
        for key in (each for each in state if each.startswith(f"{name}.attention.")):
            if key.endswith("bias.table"):
                resized[key] = resized_table(state[key], size, wanted)
            elif key.endswith("cross_bias"):
                resized[key] = resized_grids(state[key], *grids)
            elif key.endswith("cross_scale"):
                resized[key] = resized_grids(state[key].mT, *grids).mT
    return resized


@register_model
def fcaformer_l1(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns Micro; trained without stochastic depth."""
    sizes = {"dims": (64, 128, 192, 320), "depths": (2, 2, 6, 2)}
    return build(FcaFormer, "fcaformer_l1", pretrained, **{**sizes, **options})


@register_model
def fcaformer_l2(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns Tiny; trained with a `drop_path_rate` of 0.1."""
    sizes = {"dims": (96, 192, 320, 480), "depths": (2, 2, 7, 2)}
    return build(FcaFormer, "fcaformer_l2", pretrained, **{**sizes, **options})


@register_model
def fcaformer_l3(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns Small; trained with a `drop_path_rate` of 0.2."""
    sizes = {"dims": (96, 192, 320, 512), "depths": (3, 6, 12, 3)}
    return build(FcaFormer, "fcaformer_l3", pretrained, **{**sizes, **options})


@register_model
def fcaformer_l4(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns Base; trained with a `drop_path_rate` of 0.4."""
    sizes = {"dims": (128, 256, 512, 768), "depths": (3, 6, 12, 3)}
    return build(FcaFormer, "fcaformer_l4", pretrained, **{**sizes, **options})


def _variant(
    name: str, parameters: int, gmacs: float, unused: float, top1: float, *channels: int
) -> Variant:
    """Returns a variant; `unused` of the card's `gmacs` are queries of summaries, omitted here."""
    return Variant(
        name=name,
        card=34,
        parameters=parameters,
        macs=(gmacs - unused) * 1e9,
        channels=channels,
        representative=name == "fcaformer_l1",
        sized=img_size,
        top1=top1,
    )


VARIANTS: tuple[Variant, ...] = (
    _variant("fcaformer_l1", 6_187_560, 1.385, 0.009, 80.3, 64, 128, 192, 320),
    _variant("fcaformer_l2", 16_275_870, 3.620, 0.035, 83.1, 96, 192, 320, 480),
    _variant("fcaformer_l3", 27_894_484, 6.680, 0.111, 84.2, 96, 192, 320, 512),
    _variant("fcaformer_l4", 65_638_204, 14.535, 0.284, 84.9, 128, 256, 512, 768),
)
