# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Blocks of which a search builds a network for one kind of processor (MobileDets, card 64)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypedDict

from torch import Tensor, nn

from vit_perception.models.same_padding import SameConvNorm


class NormOptions(TypedDict):
    """Options of the norm of `SameConvNorm`."""

    eps: float
    momentum: float


NORM: NormOptions = {"eps": 0.01, "momentum": 0.01}
"""Of the backbone's norms; the detector's head has other values."""


def rounded(channels: float) -> int:
    """Rounds to the nearest multiple of 8, at least 8."""
    return max(8, int(channels / 8 + 0.5) * 8)


class SqueezeExcite(nn.Module):
    """Scales channels by a gate computed from their means; [B, C, H, W] to the same shape.

    Args:
        channels: C.
        squeezed: channels inside the gate.
        activation: behind the first of its layers.
    """

    def __init__(self, channels: int, squeezed: int, activation: type[nn.Module]) -> None:
        super().__init__()
        # Pooling keeps ONNX Runtime's blocked layout; a mean does not.
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
    """Description of a block.

    Attributes:
        c_out: output channels.
        residual: whether the input is added if the shapes allow it.
        convolutions: maps input channels to (channels, kernel, stride, groups) of each one.
    """

    c_out: int
    residual: bool
    convolutions: Callable[[int], list[tuple[int, int, int, int]]]


def no_expand(c_out: int) -> Spec:
    """Returns depthwise 3x3, then 1x1; no residual."""
    return Spec(c_out, False, lambda c_in: [(c_in, 3, 1, c_in), (c_out, 1, 1, 1)])


def inverted(
    expand: int, c_out: int, kernel: int = 3, stride: int = 1, residual: bool = True
) -> Spec:
    """Returns the inverted bottleneck (IBN): 1x1 to `expand` times the width, depthwise, 1x1."""

    def convolutions(c_in: int) -> list[tuple[int, int, int, int]]:
        hidden = expand * c_in
        return [(hidden, 1, 1, 1), (hidden, kernel, stride, hidden), (c_out, 1, 1, 1)]

    return Spec(c_out, residual and stride == 1, convolutions)


def fused(
    expand: int, c_out: int, kernel: int = 3, stride: int = 1, residual: bool = True
) -> Spec:
    """Returns the fused bottleneck: a regular convolution, `expand` times the width, then 1x1."""

    def convolutions(c_in: int) -> list[tuple[int, int, int, int]]:
        return [(expand * c_in, kernel, stride, 1), (c_out, 1, 1, 1)]

    return Spec(c_out, residual and stride == 1, convolutions)


def tucker(
    first: float, second: float, c_out: int, kernel: int = 3, residual: bool = True
) -> Spec:
    """Returns the generalised bottleneck, a Tucker-2 decomposition of a regular convolution.

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
    """Convolutions, the last one linear; [B, C_in, H, W] to [B, C_out, H', W'].

    Args:
        spec: description of the convolutions.
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
            layers.append(SqueezeExcite(width, rounded(width / 4), activation))
        layers.append(SameConvNorm(width, *last[:3], **NORM))
        self.layers = nn.Sequential(*layers)
        self.residual = spec.residual and c_in == spec.c_out

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layers(x)
        return x + out if self.residual else out
