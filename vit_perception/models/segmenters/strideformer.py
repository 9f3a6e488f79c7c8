# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""StrideFormer: MobileNetV3's blocks, then axial attention at half resolution (card 70).

The backbone of PP-MobileSeg (arXiv 2304.05152).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from timm.layers import DropPath
from torch import Tensor, nn
from torch.nn import functional as F

from vit_perception.models.fusing import ConvNorm

POSITIONS = 16
"""Entries of a learned table of positions, which is resized to the length of its axis."""
_ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "hardswish": nn.Hardswish}


class Spec(NamedTuple):
    """Description of a block of MobileNetV3.

    Attributes:
        kernel: of the depthwise convolution.
        hidden, c_out: channels.
        squeeze: whether channels are gated.
        activation: "relu" or "hardswish".
        stride: of the depthwise convolution.
    """

    kernel: int
    hidden: int
    c_out: int
    squeeze: bool
    activation: str
    stride: int


class Attended(NamedTuple):
    """Description of a stack of attention blocks.

    Attributes:
        depth: blocks.
        heads: of each.
        key: channels of a head's keys; its values have twice as many.
        expand: width of the perceptron, in terms of the map's.
    """

    depth: int
    heads: int
    key: int
    expand: int


class Gate(nn.Module):
    """Scales channels by what their means say; [B, C, H, W] to the same shape."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(channels, channels // 4, 1)
        self.expand = nn.Conv2d(channels // 4, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        means = F.adaptive_avg_pool2d(x, 1)
        # The slope of the paper's hard sigmoid; torch's is 1/6.
        gate: Tensor = (0.2 * self.expand(F.relu(self.reduce(means))) + 0.5).clamp(0, 1)
        return x * gate


class InvertedBlock(nn.Module):
    """MobileNetV3's block; [B, C_in, H, W] to [B, C_out, H', W']."""

    def __init__(self, c_in: int, spec: Spec) -> None:
        super().__init__()
        activation = _ACTIVATIONS[spec.activation]
        hidden = spec.hidden
        self.layers = nn.Sequential(
            ConvNorm(c_in, hidden),
            activation(),
            ConvNorm(hidden, hidden, spec.kernel, spec.stride, groups=hidden),
            activation(),
            Gate(hidden) if spec.squeeze else nn.Identity(),
            ConvNorm(hidden, spec.c_out),
        )
        self.residual = spec.stride == 1 and c_in == spec.c_out

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layers(x)
        return x + out if self.residual else out


class AxialAttention(nn.Module):
    """Attention along one axis of a map, between the means over the other.

    Args:
        keys, values: channels of all heads together.
        heads: of the attention.
        axis: 2 along the height, 3 along the width.
    """

    def __init__(self, keys: int, values: int, heads: int, axis: int) -> None:
        super().__init__()
        self.heads, self.axis = heads, axis
        self.scale = (keys // heads) ** -0.5
        self.query_positions = nn.Parameter(torch.randn(1, keys, POSITIONS))
        self.key_positions = nn.Parameter(torch.randn(1, keys, POSITIONS))
        self.out = ConvNorm(values, values, weight=0.0)

    def forward(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Returns [B, values, H, 1] or [B, values, 1, W].

        Args:
            query, key: [B, keys, H, W].
            value: [B, values, H, W].
        """
        other = 5 - self.axis
        query, key, value = (x.mean(other) for x in (query, key, value))
        length = int(query.shape[2])
        query, key = (
            x + F.interpolate(table, size=length, mode="linear", align_corners=False)
            for x, table in ((query, self.query_positions), (key, self.key_positions))
        )
        heads = [x.unflatten(1, (self.heads, -1)) for x in (query, key, value)]
        weights = (heads[0].transpose(2, 3) @ heads[1] * self.scale).softmax(3)
        seen = (heads[2] @ weights.transpose(2, 3)).flatten(1, 2)
        out: Tensor = self.out(F.relu6(seen).unsqueeze(other))
        return out


class StridedAttention(nn.Module):
    """Axial attention at half resolution, as a gate on a convolutional branch.

    Args:
        width: channels of the map.
        heads: of both attentions.
        key: channels of a head's keys; its values have twice as many.
    """

    def __init__(self, width: int, heads: int, key: int) -> None:
        super().__init__()
        keys, values = key * heads, 2 * key * heads
        self.shrink = ConvNorm(width, width, 3, 2, groups=width, bias=True)
        self.query = ConvNorm(width, keys)
        self.key = ConvNorm(width, keys)
        self.value = ConvNorm(width, values)
        self.detail = nn.Sequential(
            ConvNorm(2 * values, 2 * values, 3, groups=2 * values),
            nn.ReLU6(),
            ConvNorm(2 * values, width),
        )
        self.rows = AxialAttention(keys, values, heads, 2)
        self.columns = AxialAttention(keys, values, heads, 3)
        self.out = ConvNorm(values, width, weight=0.0)

    def forward(self, x: Tensor) -> Tensor:
        """Maps [B, width, H, W] to the same shape."""
        small = self.shrink(x)
        query, key, value = self.query(small), self.key(small), self.value(small)
        detail = self.detail(torch.cat((query, key, value), 1))
        seen = value + self.rows(query, key, value) + self.columns(query, key, value)
        gate = F.relu6(self.out(F.relu6(seen)) + 3) / 6
        return resized(gate * detail, x)


class Perceptron(nn.Sequential):
    """1x1, depthwise 3x3 and 1x1 convolutions; [B, width, H, W] to the same shape."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__(
            ConvNorm(width, hidden),
            nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden),
            nn.ReLU6(),
            ConvNorm(hidden, width),
        )


class AttentionBlock(nn.Module):
    """Strided attention and a perceptron, each added to its input."""

    def __init__(self, width: int, stack: Attended, drop_path: float) -> None:
        super().__init__()
        self.attention = StridedAttention(width, stack.heads, stack.key)
        self.perceptron = Perceptron(width, stack.expand * width)
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.drop_path(self.attention(x))
        out: Tensor = x + self.drop_path(self.perceptron(x))
        return out


class StrideFormer(nn.Module):
    """Maps of strides 8, 16 and 32.

    Args:
        stages: blocks of four stages, strides 4 to 32.
        stacks: attention behind the third and the fourth stage.
        drop_path: of the last block of each stack.

    Attributes:
        channels: of the three maps.
        convolutions: the stages; the attention of `attention` comes behind the last two.
    """

    def __init__(
        self,
        stages: Sequence[Sequence[Spec]],
        stacks: tuple[Attended, Attended],
        drop_path: float = 0.1,
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(ConvNorm(3, 16, 3, 2), nn.Hardswish())
        width = 16
        made = []
        for stage in stages:
            blocks = []
            for spec in stage:
                blocks.append(InvertedBlock(width, spec))
                width = spec.c_out
            made.append(nn.Sequential(*blocks))
        self.convolutions = nn.ModuleList(made)
        self.channels = tuple(stage[-1].c_out for stage in stages[1:])
        self.attention = nn.ModuleList(
            nn.Sequential(
                *(
                    AttentionBlock(width, stack, drop_path * index / max(1, stack.depth - 1))
                    for index in range(stack.depth)
                )
            )
            for width, stack in zip(self.channels[1:], stacks, strict=True)
        )

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Returns the maps of float images [B, 3, H, W]."""
        first, second, third, fourth = self.convolutions
        fine = second(first(self.stem(image)))
        middle = self.attention[0](third(fine))
        return fine, middle, self.attention[1](fourth(middle))


def resized(x: Tensor, like: Tensor) -> Tensor:
    """Returns a map at the height and width of another, bilinearly."""
    return F.interpolate(x, size=like.shape[2:], mode="bilinear", align_corners=False)
