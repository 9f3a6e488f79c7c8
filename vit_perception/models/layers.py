# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Convolution blocks of the YOLOv8 family that DOSOD is built from (card 01, Mechanism).

State-dict names of the blocks are those of the released DOSOD files, so that their weights load
without renaming inside a block.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

ACTIVATIONS: dict[str, type[nn.Module]] = {"silu": nn.SiLU, "relu": nn.ReLU}
"""Activations of a detector; SiLU is the paper's, ReLU costs nothing after quantization."""


def scaled_width(channels: int, width: float) -> int:
    """Scales a channel count by ``width`` and rounds up to a multiple of 8 (card 01)."""
    return math.ceil(channels * width / 8) * 8


def scaled_depth(blocks: int, depth: float) -> int:
    """Scales a block count by ``depth``, at least one block (card 01)."""
    return max(round(blocks * depth), 1)


class ConvModule(nn.Module):
    """Convolution without bias, BatchNorm, activation; 'same' padding for odd kernels.

    Input [B, in, H, W], output [B, out, ceil(H/stride), ceil(W/stride)].
    """

    def __init__(
        self, c_in: int, c_out: int, kernel: int = 1, stride: int = 1, activation: str = "silu"
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, bias=False)
        # eps and momentum are the paper's; torch's default eps does not reproduce its outputs.
        self.bn: nn.BatchNorm2d | nn.Identity = nn.BatchNorm2d(c_out, eps=1e-3, momentum=0.03)
        self.act = ACTIVATIONS[activation](inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.act(self.bn(self.conv(x)))
        return out


class Bottleneck(nn.Module):
    """Two 3x3 convolutions with an optional residual; [B, C, H, W] to the same shape."""

    def __init__(self, channels: int, residual: bool, activation: str = "silu") -> None:
        super().__init__()
        self.conv1 = ConvModule(channels, channels, 3, activation=activation)
        self.conv2 = ConvModule(channels, channels, 3, activation=activation)
        self.residual = residual

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.conv2(self.conv1(x))
        return x + out if self.residual else out


class C2f(nn.Module):
    """Cross-stage block that concatenates every intermediate result.

    A 1x1 convolution gives two halves; ``blocks`` bottlenecks are chained from the second; all
    2 + blocks tensors are concatenated and fused by a 1x1 convolution.
    """

    def __init__(
        self, c_in: int, c_out: int, blocks: int, residual: bool, activation: str = "silu"
    ) -> None:
        super().__init__()
        middle = c_out // 2
        self.main_conv = ConvModule(c_in, 2 * middle, activation=activation)
        self.blocks = nn.ModuleList(
            Bottleneck(middle, residual, activation) for _ in range(blocks)
        )
        self.final_conv = ConvModule((2 + blocks) * middle, c_out, activation=activation)

    def forward(self, x: Tensor) -> Tensor:
        parts = list(self.main_conv(x).chunk(2, dim=1))
        for block in self.blocks:
            parts.append(block(parts[-1]))
        out: Tensor = self.final_conv(torch.cat(parts, dim=1))
        return out


class SPPF(nn.Module):
    """Spatial pyramid pooling with three chained 5x5 max-pools; [B, C, H, W] to the same shape."""

    def __init__(self, channels: int, activation: str = "silu") -> None:
        super().__init__()
        self.conv1 = ConvModule(channels, channels // 2, activation=activation)
        self.conv2 = ConvModule(channels // 2 * 4, channels, activation=activation)
        self.pool = nn.MaxPool2d(5, stride=1, padding=2)

    def forward(self, x: Tensor) -> Tensor:
        parts = [self.conv1(x)]
        for _ in range(3):
            parts.append(self.pool(parts[-1]))
        out: Tensor = self.conv2(torch.cat(parts, dim=1))
        return out
