# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""MobileMamba: lightweight multi-receptive visual Mamba network (arXiv 2411.15941, card 46).

Stem, downsampling and feed-forward parts are those of SHViT, from timm. Each block mixes some
channels by a selective scan in both raster directions beside a wavelet convolution, some by a
depthwise convolution, and leaves the rest unchanged.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, cast

import torch
from timm.layers import DropPath
from timm.models import register_model
from timm.models.shvit import FFN, Conv2dNorm, NormLinear, PatchMerging, Residual
from torch import Tensor, nn
from torch.nn import functional

from vit_perception.models.fusing import bias_of
from vit_perception.models.haar import WaveletConv
from vit_perception.models.selective_scan import SelectiveScan
from vit_perception.models.shelf import Variant
from vit_perception.models.staged import StagedBackbone, build

SCAN_SHARE = (0.8, 0.7, 0.6)
"""Share of a block's channels for the scan, by stage."""
LOCAL_SHARE = (0.2, 0.2, 0.3)
"""Share of a block's channels for the local convolution, by stage."""
KERNELS = (7, 5, 3)
"""Sides of the depthwise kernels, by stage."""
T2, T4, S6, B = (144, 272, 368), (176, 368, 448), (192, 384, 448), (200, 376, 448)
"""Widths of the variants."""


def channel_split(width: int, scan_share: float, local_share: float) -> tuple[int, int, int]:
    """Returns the channels of a block's scan (a multiple of 16), local convolution and rest."""
    scan = (int(scan_share * width) + 8) // 16 * 16
    local = min(int(local_share * width), width - scan)
    return scan, local, width - scan - local


class Pointwise(Conv2dNorm):
    """A 1x1 convolution and BatchNorm for [B, H, W, C]; a linear layer for inference."""

    def forward(self, x: Tensor) -> Tensor:
        """Maps [B, H, W, C_in] to [B, H, W, C_out]."""
        x = x.permute(0, 3, 1, 2)
        for module in self:
            x = module(x)
        return x.permute(0, 2, 3, 1)

    @torch.no_grad()
    def fuse(self) -> nn.Linear:  # type: ignore[override]  # timm's gives a convolution for maps
        """Returns the same as one layer."""
        conv = super().fuse()
        linear = nn.Linear(conv.in_channels, conv.out_channels)
        linear.weight.copy_(conv.weight[:, :, 0, 0])
        linear.bias.copy_(bias_of(conv))
        return linear


class GatedScan(nn.Module):
    """SS2D: a selective scan at twice the width between projections, gated; keeps the shape."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        width = 2 * channels
        # Two layers, so that graphs need not split one map.
        self.to_scan = Pointwise(channels, width)
        self.to_gate = Pointwise(channels, width)
        self.conv = nn.Conv2d(width, width, 3, padding=1, groups=width)
        self.scan = SelectiveScan(width, math.ceil(channels / 16))
        self.proj = Pointwise(width, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Maps [B, H, W, C] to the same shape."""
        mixed = functional.silu(self.conv(self.to_scan(x).permute(0, 3, 1, 2)))
        scanned = self.scan(mixed.permute(0, 2, 3, 1))
        out: Tensor = self.proj(scanned * functional.silu(self.to_gate(x)))
        return out


class GlobalMixer(nn.Module):
    """WTE-Mamba: the scan, scaled, plus the wavelet convolution; keeps the shape."""

    def __init__(self, channels: int, kernel: int) -> None:
        super().__init__()
        self.scan = GatedScan(channels)
        self.scale = nn.Parameter(torch.ones(channels))
        self.wave = WaveletConv(channels, kernel)

    def forward(self, x: Tensor) -> Tensor:
        """Maps [B, H, W, C] to the same shape."""
        mixed: Tensor = self.scale * self.scan(x) + self.wave(x)
        return mixed


class LocalMixer(nn.Sequential):
    """MK-DeConv: depthwise convolution, ReLU, a scale per channel; norms after both."""

    def __init__(self, channels: int, kernel: int) -> None:
        super().__init__(
            Conv2dNorm(channels, channels, kernel, padding=kernel // 2, groups=channels),
            nn.ReLU(),
            Conv2dNorm(channels, channels, groups=channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Maps [B, H, W, C] to the same shape."""
        x = x.permute(0, 3, 1, 2)
        for module in self:
            x = module(x)
        return x.permute(0, 2, 3, 1)


class Mixer(nn.Module):
    """MRFFI: global, local and untouched channels side by side, then a projection.

    Channels come last between map and projection: the scan, the wavelet and the splitting of
    channels then move whole rows, and engines with a layout of their own reorder only twice.

    Args:
        channels: of the scan, the local convolution and the rest.
        kernel: of the depthwise convolutions.
    """

    def __init__(self, channels: Sequence[int], kernel: int) -> None:
        super().__init__()
        self.channels = tuple(channels)
        scan, local, _ = self.channels
        self.far = GlobalMixer(scan, kernel)
        self.near = LocalMixer(local, kernel)
        self.proj = Conv2dNorm(sum(channels), sum(channels), bn_weight_init=0)

    def forward(self, x: Tensor) -> Tensor:
        """Maps [B, C, H, W] to the same shape."""
        far, near, rest = x.permute(0, 2, 3, 1).split(self.channels, dim=3)
        mixed = torch.cat((self.far(far), self.near(near), rest), dim=3)
        out: Tensor = self.proj(functional.relu(mixed).permute(0, 3, 1, 2))
        return out


def depthwise(width: int, weight: int) -> Residual:
    """Returns a residual depthwise 3x3 convolution; one convolution for inference."""
    return Residual(Conv2dNorm(width, width, 3, 1, 1, weight, groups=width))


class Block(nn.Module):
    """Convolution, feed-forward, mixer, convolution, feed-forward; with a shortcut around all."""

    def __init__(self, channels: Sequence[int], kernel: int, drop_path: float) -> None:
        super().__init__()
        width = sum(channels)
        self.parts = nn.Sequential(
            depthwise(width, 0),
            Residual(FFN(width, 2 * width)),
            Residual(Mixer(channels, kernel)),
            depthwise(width, 0),
            Residual(FFN(width, 2 * width)),
        )
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor) -> Tensor:
        """Maps [B, C, H, W] to the same shape; new weights give 2 x, as the parts keep x too."""
        out: Tensor = x + self.drop_path(self.parts(x))
        return out


def merge(narrow: int, wide: int) -> list[nn.Module]:
    """Returns the modules that halve height and width."""
    return [
        depthwise(narrow, 1),
        Residual(FFN(narrow, 2 * narrow)),
        PatchMerging(narrow, wide),
        depthwise(wide, 1),
        Residual(FFN(wide, 2 * wide)),
    ]


class MobileMamba(StagedBackbone):
    """The network.

    Args:
        widths: E of the three stages; strides 16, 32, 64.
        depths: their blocks.
        drop_path_rate: of the last block, rising from 0.
        in_chans, num_classes: see timm.
    """

    def __init__(
        self,
        widths: Sequence[int],
        depths: Sequence[int] = (1, 2, 2),
        drop_path_rate: float = 0.0,
        in_chans: int = 3,
        num_classes: int = 1000,
    ) -> None:
        super().__init__()
        stem: list[nn.Module] = []
        before = in_chans
        for part in (8, 4, 2, 1):
            stem += [Conv2dNorm(before, widths[0] // part, 3, 2, 1), nn.ReLU()]
            before = widths[0] // part
        rates = iter(torch.linspace(0, drop_path_rate, sum(depths)).tolist())
        stages = []
        for index, (width, depth) in enumerate(zip(widths, depths, strict=True)):
            split = channel_split(width, SCAN_SHARE[index], LOCAL_SHARE[index])
            stage = merge(before, width) if index else []
            stage += [Block(split, KERNELS[index], next(rates)) for _ in range(depth)]
            stages.append(nn.Sequential(*stage))
            before = width
        self.assemble(
            nn.Sequential(*stem[:-1]),
            stages,
            nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()),
            channels=widths,
            reductions=(16, 32, 64),
            num_classes=num_classes,
        )

    def get_classifier(self) -> nn.Module:
        """Returns the last linear layer."""
        return cast("nn.Linear", self.head.l) if self.num_classes else self.head

    def reset_classifier(self, num_classes: int, global_pool: str | None = None) -> None:
        """Puts a fresh norm and linear layer at the end, or none for 0 classes."""
        self.num_classes = num_classes
        self.head = NormLinear(self.num_features, num_classes) if num_classes else nn.Identity()


@register_model
def mobilemamba_t2(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns MobileMamba-T2, for 192x192."""
    return build(MobileMamba, "mobilemamba_t2", pretrained, widths=T2, **options)


@register_model
def mobilemamba_t4(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns MobileMamba-T4, for 192x192."""
    return build(MobileMamba, "mobilemamba_t4", pretrained, widths=T4, **options)


@register_model
def mobilemamba_s6(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns MobileMamba-S6, for 224x224."""
    return build(MobileMamba, "mobilemamba_s6", pretrained, widths=S6, **options)


def _mobilemamba_b(name: str, pretrained: bool, options: dict[str, Any]) -> nn.Module:
    """Returns the network that B1, B2 and B4 share; they differ in the input size."""
    model = {"widths": B, "depths": (2, 3, 2), "drop_path_rate": 0.03}
    return build(MobileMamba, name, pretrained, **{**model, **options})


@register_model
def mobilemamba_b1(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns MobileMamba-B1, for 256x256."""
    return _mobilemamba_b("mobilemamba_b1", pretrained, options)


@register_model
def mobilemamba_b2(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns MobileMamba-B2, for 384x384."""
    return _mobilemamba_b("mobilemamba_b2", pretrained, options)


@register_model
def mobilemamba_b4(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns MobileMamba-B4, for 512x512."""
    return _mobilemamba_b("mobilemamba_b4", pretrained, options)


def _variant(name: str, widths: tuple[int, ...], side: int, **figures: Any) -> Variant:
    """Returns a variant; only the card counts the Haar filters, 32 for each channel of a scan."""
    return Variant(
        name=f"mobilemamba_{name}",
        card=46,
        input=(side, side),
        channels=widths,
        reductions=(16, 32, 64),
        **figures,
    )


VARIANTS: tuple[Variant, ...] = (
    _variant(
        "t2",
        T2,
        192,
        parameters=8_806_682,
        fused=8_809_444 - 30_208,
        macs=0.252e9,
        top1=71.5,
        representative=True,
    ),
    _variant(
        "t4",
        T4,
        192,
        parameters=14_137_690,
        fused=14_141_092 - 38_400,
        macs=0.409e9,
        top1=76.1,
    ),
    _variant(
        "s6",
        S6,
        224,
        parameters=14_996_696,
        fused=15_000_456 - 39_936,
        macs=0.647e9,
        top1=78.0,
    ),
    *(
        _variant(
            name, B, side, parameters=17_070_625, fused=17_079_424 - 52_224, macs=macs, top1=top1
        )
        for name, side, macs, top1 in (
            ("b1", 256, 1.070e9, 79.9),
            ("b2", 384, 2.405e9, 81.6),
            ("b4", 512, 4.274e9, 82.5),
        )
    ),
)
