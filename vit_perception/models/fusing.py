# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Layers with a norm or a scale that fold for inference, by timm's `fuse` protocol."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


class ConvNorm(nn.Sequential):
    """A convolution and BatchNorm; [B, C_in, H, W] to [B, C_out, H', W'].

    Args:
        c_in, c_out, kernel, stride, groups: of the convolution.
        padding: None keeps the size at stride 1 (odd kernels).
        eps: of the norm.
        weight: initial scale of the norm; with 0, a residual branch starts as zero.
        bias: of the convolution.
    """

    def __init__(
        self,
        c_in: int,
        c_out: int,
        kernel: int = 1,
        stride: int = 1,
        *,
        groups: int = 1,
        padding: int | None = None,
        eps: float = 1e-5,
        weight: float = 1.0,
        bias: bool = False,
    ) -> None:
        padding = kernel // 2 if padding is None else padding
        conv = nn.Conv2d(c_in, c_out, kernel, stride, padding, groups=groups, bias=bias)
        norm = nn.BatchNorm2d(c_out, eps=eps)
        nn.init.constant_(norm.weight, weight)
        super().__init__()
        self.conv = conv
        self.norm = norm

    @torch.no_grad()
    def fuse(self) -> nn.Conv2d:
        """Returns the same as one convolution with bias."""
        return fuse_conv_bn_eval(self.conv.eval(), self.norm.eval())


def bias_of(layer: nn.Conv2d | nn.Linear) -> Tensor:
    """Returns the bias of a layer that has one."""
    assert layer.bias is not None
    return layer.bias


def norm_scale(norm: nn.BatchNorm1d | nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Returns scale and offset [C] that a BatchNorm with statistics applies in eval mode."""
    assert norm.running_mean is not None and norm.running_var is not None
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    return scale, norm.bias - norm.running_mean * scale


class NormConv(nn.Sequential):
    """BatchNorm and a 1x1 convolution with bias; one convolution for inference.

    Args:
        c_in, c_out: channels.
        eps: of the norm.
    """

    def __init__(self, c_in: int, c_out: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(c_in, eps=eps)
        self.conv = nn.Conv2d(c_in, c_out, 1)

    @torch.no_grad()
    def fuse(self) -> nn.Conv2d:
        """Returns the same as one convolution."""
        scale, offset = norm_scale(self.norm)
        weight = self.conv.weight
        bias_of(self.conv).add_(weight[:, :, 0, 0] @ offset)
        weight.mul_(scale[:, None, None])
        return self.conv


class Scaled(nn.Module):
    """A layer without bias, 1x1 convolution or linear, and a scale per output channel.

    For inference it is a single layer.

    Args:
        layer: the layer.
        scale: initial.
    """

    def __init__(self, layer: nn.Conv2d | nn.Linear, scale: float) -> None:
        super().__init__()
        self.layer = layer
        self.scale = nn.Parameter(torch.full((len(layer.weight),), scale))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layer(x) * self.scale.reshape(-1, *self._sides[1:])
        return out

    @torch.no_grad()
    def fuse(self) -> nn.Module:
        """Returns the same as one layer."""
        self.layer.weight.mul_(self.scale.reshape(-1, *self._sides))
        return self.layer

    @property
    def _sides(self) -> tuple[int, ...]:
        """The shape that broadcasts the scale over the weight, without its first side."""
        return (1,) * (self.layer.weight.dim() - 1)


@torch.no_grad()
def scale_rows(layer: nn.Linear | nn.Conv2d, scale: Tensor) -> None:
    """Multiplies the output of a layer with bias by a scale [C_out], in its parameters."""
    layer.weight *= scale.reshape(-1, *[1] * (layer.weight.ndim - 1))
    bias_of(layer).mul_(scale)
