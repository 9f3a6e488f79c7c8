# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Blocks that a search put together for one kind of processor (MobileDets, card 64)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypedDict

from torch import Tensor, nn

from vit_perception.models.same_padding import SameConvNorm


class NormOptions(TypedDict):
    """Of `SameConvNorm`."""

    eps: float
    momentum: float


#: In the backbone; the head of the detector has other ones.
NORM: NormOptions = {"eps": 0.01, "momentum": 0.01}


def rounded(channels: float) -> int:
    """To the nearest multiple of 8, at least 8."""
    return max(8, int(channels / 8 + 0.5) * 8)


class SqueezeExcite(nn.Module):
    """Channels scaled by a gate that looks at their means; [B, C, H, W] to the same shape."""

    def __init__(self, channels: int, activation: type[nn.Module]) -> None:
        super().__init__()
        squeezed = rounded(channels / 4)
        # A pooling operator stays in the blocked layout of ONNX Runtime; a mean leaves it.
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, squeezed, 1),
            activation(),
            nn.Conv2d(squeezed, channels, 1),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        scaled: Tensor = x * self.gate(x)
        return scaled


@dataclass(frozen=True)
class Spec:
    """A block of the lists below.

    Attributes:
        c_out: channels that it gives.
        residual: whether its input is added where the shapes allow it.
        convolutions: of a number of input channels, (channels, kernel, stride, groups) of each.
    """

    c_out: int
    residual: bool
    convolutions: Callable[[int], list[tuple[int, int, int, int]]]


def no_expand(c_out: int) -> Spec:
    """Depthwise 3x3, then 1x1; no residual."""
    return Spec(c_out, False, lambda c_in: [(c_in, 3, 1, c_in), (c_out, 1, 1, 1)])


def inverted(
    expand: int, c_out: int, kernel: int = 3, stride: int = 1, residual: bool = True
) -> Spec:
    """Inverted bottleneck (IBN): 1x1 to `expand` times the width, depthwise, 1x1."""

    def convolutions(c_in: int) -> list[tuple[int, int, int, int]]:
        hidden = expand * c_in
        return [(hidden, 1, 1, 1), (hidden, kernel, stride, hidden), (c_out, 1, 1, 1)]

    return Spec(c_out, residual and stride == 1, convolutions)


def fused(
    expand: int, c_out: int, kernel: int = 3, stride: int = 1, residual: bool = True
) -> Spec:
    """Fused bottleneck: a regular convolution to `expand` times the width, then 1x1."""

    def convolutions(c_in: int) -> list[tuple[int, int, int, int]]:
        return [(expand * c_in, kernel, stride, 1), (c_out, 1, 1, 1)]

    return Spec(c_out, residual and stride == 1, convolutions)


def tucker(
    first: float, second: float, c_out: int, kernel: int = 3, residual: bool = True
) -> Spec:
    """Generalised bottleneck, a Tucker-2 decomposition of a regular convolution.

    1x1 to `first` times the input's width, a regular convolution to `second` times the output's,
    1x1.
    """

    def convolutions(c_in: int) -> list[tuple[int, int, int, int]]:
        return [
            (rounded(first * c_in), 1, 1, 1),
            (rounded(second * c_out), kernel, 1, 1),
            (c_out, 1, 1, 1),
        ]

    return Spec(c_out, residual, convolutions)


class Block(nn.Module):
    """Convolutions of which the last is linear; [B, C_in, H, W] to [B, C_out, H', W'].

    Args:
        spec: what it consists of.
        c_in: channels of the input.
        activation: after each convolution but the last.
        squeeze: whether there is SqueezeExcite before the last.
    """

    def __init__(
        self, spec: Spec, c_in: int, activation: type[nn.Module], squeeze: bool = False
    ) -> None:
        super().__init__()
        width = c_in
        layers: list[nn.Module] = []
        *hidden, last = spec.convolutions(c_in)
        for channels, kernel, stride, groups in hidden:
            layers.append(SameConvNorm(width, channels, kernel, stride, groups=groups, **NORM))
            layers.append(activation())
            width = channels
        if squeeze:
            layers.append(SqueezeExcite(width, activation))
        layers.append(SameConvNorm(width, *last[:3], **NORM))
        self.layers = nn.Sequential(*layers)
        self.residual = spec.residual and c_in == spec.c_out

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layers(x)
        return x + out if self.residual else out
