# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Values modulated by depthwise convolutions of several sizes (SMT, arXiv 2307.08579; card 27)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from vit_perception.models.fusing import bias_of

SCALES = 4
"""Scales of a modulation; scale i has a depthwise kernel of side 3 + 2 i."""
KERNELS = tuple(3 + 2 * scale for scale in range(SCALES))
EXPANSION = 2
"""Factor of the channels inside a modulation."""


class ChannelLinear(nn.Conv2d):
    """A linear layer over the channels of a map: a 1x1 convolution, initialised as linear."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__(c_in, c_out, 1)


def depthwise(channels: int, kernel: int) -> nn.Conv2d:
    """Returns a depthwise convolution that keeps the size."""
    return nn.Conv2d(channels, channels, kernel, padding=kernel // 2, groups=channels)


def interleave(parts: Sequence[Tensor]) -> Tensor:
    """Shuffles n maps [B, C, H, W] into [B, n C, H, W]: channel c of map i moves to n c + i."""
    batch, channels, height, width = parts[0].shape
    stacked = torch.stack(list(parts), dim=2)
    return stacked.reshape(batch, len(parts) * channels, height, width)


class FoldedModulation(nn.Module):
    """Modulation for inference, without a Split; [B, C, H, W] to the same shape.

    Args:
        value: 1x1 convolution to the values.
        scales: a 1x1 and a depthwise convolution for each scale.
        modulator: applied to the shuffled scales.
        out: 1x1 convolution of the product.
    """

    def __init__(
        self, value: nn.Module, scales: Sequence[nn.Module], modulator: nn.Module, out: nn.Module
    ) -> None:
        super().__init__()
        self.value = value
        self.scales = nn.ModuleList(scales)
        self.modulator = modulator
        self.out = out

    def forward(self, x: Tensor) -> Tensor:
        """Returns the modulated values."""
        modulator = self.modulator(interleave([scale(x) for scale in self.scales]))
        out: Tensor = self.out(modulator * self.value(x))
        return out


class Modulation(nn.Module):
    """SAM: values times a modulator that sees 3x3 to 9x9 pixels; [B, C, H, W] to the same.

    Args:
        channels: a multiple of 4; each quarter is one scale.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.value = ChannelLinear(channels, channels)
        self.context = ChannelLinear(channels, channels)
        self.scales = nn.ModuleList(depthwise(channels // SCALES, kernel) for kernel in KERNELS)
        wide = EXPANSION * channels
        # Each group takes one channel of each scale.
        self.gather = nn.Conv2d(channels, wide, 1, groups=channels // SCALES)
        self.norm = nn.BatchNorm2d(wide)
        self.act = nn.GELU()
        self.mix = nn.Conv2d(wide, channels, 1)
        self.out = ChannelLinear(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Returns the modulated values."""
        parts = self.context(x).chunk(SCALES, dim=1)
        parts = [scale(part) for scale, part in zip(self.scales, parts, strict=True)]
        modulator = self.mix(self.act(self.norm(self.gather(interleave(parts)))))
        out: Tensor = self.out(modulator * self.value(x))
        return out

    @torch.no_grad()
    def fuse(self) -> FoldedModulation:
        """Returns the eval-mode form, with the norm in the grouped convolution.

        The shuffle stays: the scales have to be copied together anyway. Without it, by a dense
        convolution or a sum of depthwise ones (card 27), ONNX Runtime was slower.
        """
        gather = fuse_conv_bn_eval(self.gather.eval(), self.norm.eval())
        contexts = split_rows(self.context, SCALES)
        scales = [nn.Sequential(*pair) for pair in zip(contexts, self.scales, strict=True)]
        modulator = nn.Sequential(gather, self.act, self.mix)
        return FoldedModulation(self.value, scales, modulator, self.out)


def split_rows(conv: nn.Conv2d, count: int) -> list[nn.Conv2d]:
    """Splits a 1x1 convolution into `count` ones, each with an equal share of output channels."""
    parts = []
    for weight, bias in zip(conv.weight.chunk(count), bias_of(conv).chunk(count), strict=True):
        part = nn.Conv2d(conv.in_channels, len(bias), 1).to(weight)
        part.weight.copy_(weight)
        bias_of(part).copy_(bias)
        parts.append(part)
    return parts
