# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""MobileDets: networks searched for the CPU, DSP, EdgeTPU or GPU (arXiv 2004.14525, card 64).

Regular convolutions in the early stages beat depthwise ones on accelerators, but not on CPUs.

The paper's pixels are x * 2 / 255 - 1 (RGB). The scale folds into the stem's weights; the offset
must be subtracted before, because SAME pads with 0, which is the grey 127.5 and not black: for
pixels of 0 to 1, use (x - 0.5) and double the stem's weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from timm.models import register_model
from torch import nn

from vit_perception.models.bottlenecks import (
    NORM,
    Block,
    Spec,
    fused,
    inverted,
    no_expand,
    tucker,
)
from vit_perception.models.same_padding import SameConvNorm
from vit_perception.models.shelf import Variant
from vit_perception.models.staged import StagedBackbone, build

CPU = (
    [no_expand(8)],
    [inverted(4, 16, stride=2)],
    [inverted(8, 32, stride=2), *[inverted(4, 32)] * 3],
    [
        inverted(8, 72, 5, 2),
        inverted(8, 72),
        inverted(4, 72, 5),
        inverted(4, 72),
        inverted(8, 72, residual=False),
        *[inverted(8, 72)] * 3,
    ],
    [
        inverted(8, 104, 5, 2),
        *[inverted(4, 104, 5)] * 2,
        inverted(4, 104),
        inverted(8, 144, residual=False),
    ],
)
"""Blocks of C1 to C5 (strides 2 to 32); DSP, EDGETPU and GPU have the same form."""
DSP = (
    [no_expand(24)],
    [fused(4, 32, stride=2), fused(4, 32), inverted(4, 32), tucker(0.25, 0.75, 32)],
    [fused(8, 64, stride=2), inverted(4, 64), *[fused(4, 64)] * 2],
    [
        fused(8, 120, stride=2),
        inverted(4, 120),
        *[inverted(8, 120)] * 2,
        fused(8, 144, residual=False),
        *[inverted(8, 144)] * 3,
    ],
    [
        inverted(4, 160, stride=2),
        inverted(4, 160),
        # A later specification has no residual here; the paper's has one.
        fused(4, 160),
        tucker(0.75, 0.75, 160),
        inverted(8, 240, residual=False),
    ],
)
EDGETPU = (
    [tucker(0.25, 0.75, 16, residual=False)],
    [fused(8, 16, stride=2), fused(4, 16), fused(8, 16), fused(4, 16)],
    [fused(8, 40, 5, 2), *[fused(4, 40)] * 3],
    [
        inverted(8, 72, stride=2),
        inverted(8, 72),
        *[fused(4, 72)] * 2,
        inverted(8, 96, 5, residual=False),
        inverted(8, 96, 5),
        *[inverted(8, 96)] * 2,
    ],
    [
        inverted(8, 120, 5, 2),
        inverted(8, 120),
        inverted(4, 120, 5),
        inverted(8, 120),
        inverted(8, 384, 5, residual=False),
    ],
)
GPU = (
    [tucker(0.25, 0.25, 16, residual=False)],
    [fused(8, 32, stride=2), *[tucker(0.25, 0.25, 32)] * 3],
    [fused(8, 64, stride=2), *[fused(8, 64)] * 2, fused(4, 64)],
    [
        fused(8, 128, stride=2),
        *[fused(4, 128)] * 3,
        fused(8, 128, residual=False),
        *[fused(8, 128)] * 3,
    ],
    [
        fused(4, 128, stride=2),
        *[fused(4, 128)] * 3,
        inverted(8, 384, residual=False),
    ],
)


class MobileDet(StagedBackbone):
    """A stem of stride 2 and five stages; maps of strides 2 to 32.

    Args:
        stem: channels.
        stages: their blocks.
        activation: of all blocks.
        squeeze: whether every block has SqueezeExcite.
        in_chans, num_classes: see timm.
    """

    def __init__(
        self,
        stem: int,
        stages: Sequence[Sequence[Spec]],
        activation: type[nn.Module] = nn.ReLU6,
        squeeze: bool = False,
        in_chans: int = 3,
        num_classes: int = 1000,
    ) -> None:
        super().__init__()
        width = stem
        made = []
        for stage in stages:
            blocks = []
            for spec in stage:
                blocks.append(Block(spec, width, activation, squeeze))
                width = spec.c_out
            made.append(nn.Sequential(*blocks))
        self.assemble(
            nn.Sequential(SameConvNorm(in_chans, stem, 3, 2, **NORM), activation()),
            made,
            nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()),
            channels=[stage[-1].c_out for stage in stages],
            reductions=[2, 4, 8, 16, 32],
            num_classes=num_classes,
        )
        self.apply(initialise)


def initialise(module: nn.Module) -> None:
    """Initialises by He's normal distribution, cut off at two deviations if depthwise."""
    if not isinstance(module, nn.Conv2d):
        return
    if module.groups > 1:
        taps = module.kernel_size[0] * module.kernel_size[1]
        # 0.8796 is the deviation of a unit normal distribution cut off at two.
        deviation = (2 / taps) ** 0.5 / 0.8796
        nn.init.trunc_normal_(module.weight, std=deviation, a=-2 * deviation, b=2 * deviation)
    else:
        nn.init.kaiming_normal_(module.weight)


@register_model
def mobiledet_cpu(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns the network for CPUs without INT8 products: hard-swish and SqueezeExcite."""
    arguments = {"stem": 16, "stages": CPU, "activation": nn.Hardswish, "squeeze": True}
    return build(MobileDet, "mobiledet_cpu", pretrained, **arguments, **options)


@register_model
def mobiledet_dsp(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns the network for signal processors and other integer accelerators."""
    return build(MobileDet, "mobiledet_dsp", pretrained, stem=32, stages=DSP, **options)


@register_model
def mobiledet_edgetpu(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns the network for the EdgeTPU."""
    return build(MobileDet, "mobiledet_edgetpu", pretrained, stem=32, stages=EDGETPU, **options)


@register_model
def mobiledet_gpu(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns the network for embedded GPUs (Jetson)."""
    return build(MobileDet, "mobiledet_gpu", pretrained, stem=32, stages=GPU, **options)


def _variant(
    name: str, parameters: int, macs: int, channels: tuple[int, ...], representative: bool = False
) -> Variant:
    """Returns a variant, adding (C5 + 1) * 1000 for 1000 classes, which the card leaves out."""
    return Variant(
        name=name,
        card=64,
        parameters=parameters + (channels[-1] + 1) * 1000,
        macs=macs,
        input=(320, 320),
        channels=channels,
        reductions=(2, 4, 8, 16, 32),
        representative=representative,
        dynamic=True,
    )


VARIANTS: tuple[Variant, ...] = (
    _variant("mobiledet_cpu", 3_006_440, 408_150_272, (8, 16, 32, 72, 144), True),
    _variant("mobiledet_dsp", 5_839_952, 2_763_593_600, (24, 32, 64, 144, 240)),
    _variant("mobiledet_edgetpu", 2_777_040, 1_474_179_200, (16, 16, 40, 96, 384)),
    _variant("mobiledet_gpu", 11_689_920, 5_010_304_000, (16, 32, 64, 128, 384)),
)
