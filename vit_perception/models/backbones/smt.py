# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""SMT: scale-aware modulation meets transformer (arXiv 2307.08579; card 27).

The early stages modulate values with a mix of depthwise convolutions of four sizes, the last one
attends globally, the third alternates. All data are maps [B, C, H, W]; the paper's linear layers
over tokens are 1x1 convolutions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from timm.layers import DropPath, LayerNorm2d, LayerScale2d
from timm.models import register_model
from torch import Tensor, nn

from vit_perception.models.fusing import ConvNorm, scale_rows
from vit_perception.models.map_attention import attend, attend_scaled
from vit_perception.models.modulation import ChannelLinear, Modulation, depthwise, split_rows
from vit_perception.models.shelf import Variant
from vit_perception.models.staged import StagedBackbone, build, stagewise_rates

HEADS = {2: 8, 3: 16}
"""Heads of attention of stages 3 and 4."""
NORM_EPS = 1e-6
EMBEDDING_EPS = 1e-5


class FoldedAttention(nn.Module):
    """Attention for inference with scaled query weights; [B, C, H, W] to the same shape."""

    def __init__(
        self, qkv: Sequence[nn.Module], local: nn.Module, out: nn.Module, heads: int
    ) -> None:
        super().__init__()
        self.q, self.k, self.v = qkv
        self.local = local
        self.out = out
        self.heads = heads

    def forward(self, x: Tensor) -> Tensor:
        """Returns the attention of all positions to all."""
        v = self.v(x)
        mixed = attend_scaled(self.q(x), self.k(x), v, self.heads)
        out: Tensor = self.out(mixed + self.local(v))
        return out


class Attention(nn.Module):
    """MHSA with a 3x3 depthwise convolution of the values beside it; [B, C, H, W] to the same.

    Args:
        channels: of the map.
        heads: of attention.
    """

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q = ChannelLinear(channels, channels)
        self.kv = ChannelLinear(channels, 2 * channels)
        self.local = depthwise(channels, 3)
        self.out = ChannelLinear(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Returns the attention of all positions to all."""
        k, v = self.kv(x).chunk(2, dim=1)
        out: Tensor = self.out(attend(self.q(x), k, v, self.heads) + self.local(v))
        return out

    @torch.no_grad()
    def fuse(self) -> FoldedAttention:
        """Returns the same with the scale of the scores in the query weights."""
        for parameter in self.q.parameters():
            parameter.mul_((self.q.out_channels // self.heads) ** -0.5)
        return FoldedAttention([self.q, *split_rows(self.kv, 2)], self.local, self.out, self.heads)


class FeedForward(nn.Module):
    """Two linear layers with GELU and a residual depthwise convolution between them.

    [B, C, H, W] to the same shape.

    Args:
        channels: of the map.
        ratio: of hidden channels to `channels`.
    """

    def __init__(self, channels: int, ratio: int) -> None:
        super().__init__()
        self.widen = ChannelLinear(channels, ratio * channels)
        self.local = depthwise(ratio * channels, 3)
        self.act = nn.GELU()
        self.out = ChannelLinear(ratio * channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Applies the module; see the class."""
        x = self.widen(x)
        out: Tensor = self.out(self.act(x + self.local(x)))
        return out

    @torch.no_grad()
    def fuse(self) -> nn.Sequential:
        """Returns the same with the residual added to the centre of the kernels."""
        self.local.weight[:, :, 1, 1] += 1
        return nn.Sequential(self.widen, self.local, self.act, self.out)


class Block(nn.Module):
    """Mixer and feed-forward, each after a layer norm and with a residual; keeps the shape.

    Args:
        channels: of the map.
        mixer: Modulation or Attention.
        ratio: of the feed-forward.
        drop_path: probability of dropping a residual branch.
        layer_scale: initial factor of the branches; None for no factor.
    """

    def __init__(
        self,
        channels: int,
        mixer: Modulation | Attention,
        ratio: int,
        drop_path: float,
        layer_scale: float | None,
    ) -> None:
        super().__init__()
        self.norm1 = LayerNorm2d(channels, eps=NORM_EPS)
        self.mixer = mixer
        self.norm2 = LayerNorm2d(channels, eps=NORM_EPS)
        self.feed_forward = FeedForward(channels, ratio)
        self.scale1, self.scale2 = (
            nn.Identity() if layer_scale is None else LayerScale2d(channels, layer_scale)
            for _ in range(2)
        )
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor) -> Tensor:
        """Applies the module; see the class."""
        x = x + self.drop_path(self.scale1(self.mixer(self.norm1(x))))
        out: Tensor = x + self.drop_path(self.scale2(self.feed_forward(self.norm2(x))))
        return out

    @torch.no_grad()
    def reparameterize(self) -> None:
        """Moves the layer scales into the linear layers before them."""
        for name, branch in (("scale1", self.mixer), ("scale2", self.feed_forward)):
            scale = getattr(self, name)
            if isinstance(scale, LayerScale2d):
                scale_rows(branch.out, scale.gamma)
                setattr(self, name, nn.Identity())


class SMT(StagedBackbone):
    """Images [B, 3, H, W] to four maps of stride 4 to 32, or logits [B, num_classes].

    The published recipes have a drop path rate of 0.1, 0.2, 0.3 and 0.4 for T, S, B and L.

    Args:
        widths: of the stages.
        depths: blocks of the stages.
        ratios: of their feed-forwards.
        stem_kernel: side of the first convolution.
        layer_scale: see Block.
        num_classes: of the head.
        drop_path_rate: of the last block; rises linearly from 0.
    """

    def __init__(
        self,
        widths: Sequence[int] = (64, 128, 256, 512),
        depths: Sequence[int] = (2, 2, 8, 1),
        ratios: Sequence[int] = (4, 4, 4, 2),
        stem_kernel: int = 3,
        layer_scale: float | None = None,
        num_classes: int = 1000,
        drop_path_rate: float = 0.0,
    ) -> None:
        super().__init__()
        rates = stagewise_rates(drop_path_rate, depths)
        stem = nn.Sequential(
            ConvNorm(3, widths[0], stem_kernel, 2),
            nn.ReLU(inplace=True),
            nn.Conv2d(widths[0], widths[0], 2, 2),
            LayerNorm2d(widths[0], eps=EMBEDDING_EPS),
        )
        stages = []
        for index, (width, ratio) in enumerate(zip(widths, ratios, strict=True)):
            stage = nn.Sequential()
            if index:
                stage.append(nn.Conv2d(widths[index - 1], width, 3, 2, 1))
                stage.append(LayerNorm2d(width, eps=EMBEDDING_EPS))
            for block in range(depths[index]):
                attends = index == 3 or (index == 2 and block % 2 == 1)
                mixer = Attention(width, HEADS[index]) if attends else Modulation(width)
                stage.append(Block(width, mixer, ratio, rates[index][block], layer_scale))
            stage.append(LayerNorm2d(width, eps=NORM_EPS))
            stages.append(stage)
        self.assemble(
            stem,
            stages,
            nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()),
            channels=widths,
            reductions=(4, 8, 16, 32),
            num_classes=num_classes,
        )
        self.apply(_initialise)


def _initialise(module: nn.Module) -> None:
    if isinstance(module, (ChannelLinear, nn.Linear)):
        nn.init.trunc_normal_(module.weight, std=0.02)
    elif isinstance(module, nn.Conv2d):
        fan_out = math.prod(module.kernel_size) * module.out_channels // module.groups
        nn.init.normal_(module.weight, std=math.sqrt(2 / fan_out))
    else:
        return
    if module.bias is not None:
        nn.init.zeros_(module.bias)


@register_model
def smt_tiny(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns SMT-T."""
    return build(SMT, "smt_tiny", pretrained, **options)


@register_model
def smt_small(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns SMT-S."""
    return build(SMT, "smt_small", pretrained, **{"depths": (3, 4, 18, 2)} | options)


@register_model
def smt_base(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns SMT-B."""
    config = {"depths": (4, 6, 28, 2), "ratios": (8, 6, 4, 2), "stem_kernel": 7}
    return build(SMT, "smt_base", pretrained, **config | options)


@register_model
def smt_large(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns SMT-L."""
    config = {
        "widths": (96, 192, 384, 768),
        "depths": (4, 6, 28, 4),
        "ratios": (8, 6, 4, 2),
        "stem_kernel": 7,
        "layer_scale": 1e-4,
    }
    return build(SMT, "smt_large", pretrained, **config | options)


def _variant(name: str, parameters: int, macs: float, width: int = 64, **options: Any) -> Variant:
    return Variant(
        name,
        card=27,
        parameters=parameters,
        macs=macs,
        channels=(width, 2 * width, 4 * width, 8 * width),
        dynamic=True,
        **options,
    )


VARIANTS = (
    _variant("smt_tiny", 11_506_536, 2.461e9, top1=82.2, representative=True),
    # The paper counts S with one block in stage 4; its configurations have two.
    _variant("smt_small", 22_550_952, 4.839e9, top1=83.7),
    _variant("smt_base", 32_037_352, 7.966e9, top1=84.3),
    _variant("smt_large", 80_620_264, 17.907e9, width=96),
)
