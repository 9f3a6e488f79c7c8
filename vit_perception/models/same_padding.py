# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""TensorFlow's SAME padding of convolutions with a stride (card 64)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from timm.layers import pad_same
from torch import Tensor, nn
from torch.nn import functional

from vit_perception.models.fusing import ConvNorm


class SameConv2d(nn.Conv2d):
    """A convolution with a stride that returns ceil(size / stride), as TensorFlow's does.

    If the number of missing pixels is odd, the extra one is below and to the right, so that at
    stride 2 an even side begins one pixel later than with torch's symmetric padding. An exported
    graph has one Conv with SAME_UPPER, for any input size, and no Pad before it.

    Args:
        c_in, c_out, kernel, stride, groups, bias: of the convolution.
    """

    def __init__(
        self,
        c_in: int,
        c_out: int,
        kernel: int,
        stride: int,
        *,
        groups: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__(c_in, c_out, kernel, stride, groups=groups, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """Maps [B, C_in, H, W] to [B, C_out, ceil(H / stride), ceil(W / stride)]."""
        if torch.onnx.is_in_onnx_export():
            bias = self.weight.new_zeros(self.out_channels) if self.bias is None else self.bias
            return _exported(x, self.weight, bias, self.kernel_size, self.stride, self.groups)
        return _convolved(x, self.weight, self.bias, self.kernel_size, self.stride, self.groups)


class SameConvNorm(ConvNorm):
    """A convolution without bias and BatchNorm, SAME at any stride; folded by `fuse`.

    Args:
        c_in, c_out, kernel, stride, groups: of the convolution; odd kernels.
        eps: of the norm.
        momentum: of the norm's statistics, in torch's sense: the share of the new batch.
    """

    def __init__(
        self,
        c_in: int,
        c_out: int,
        kernel: int = 1,
        stride: int = 1,
        *,
        groups: int = 1,
        eps: float = 1e-3,
        momentum: float = 0.03,
    ) -> None:
        super().__init__(c_in, c_out, kernel, groups=groups, eps=eps)
        # At stride 1, SAME of an odd kernel is symmetric.
        if stride != 1:
            self.conv = SameConv2d(c_in, c_out, kernel, stride, groups=groups, bias=False)
        self.norm.momentum = momentum


def _convolved(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    kernel: Sequence[int],
    stride: Sequence[int],
    groups: int,
) -> Tensor:
    padded = pad_same(x, list(kernel), list(stride))
    return functional.conv2d(padded, weight, bias, tuple(stride), groups=groups)


class _SameConvolution(torch.autograd.Function):
    """The same convolution for the exporter, which would write a Pad."""

    @staticmethod
    def forward(
        ctx: object,
        x: Tensor,
        weight: Tensor,
        bias: Tensor,
        kernel: Sequence[int],
        stride: Sequence[int],
        groups: int,
    ) -> Tensor:
        return _convolved(x, weight, bias, kernel, stride, groups)

    @staticmethod
    def symbolic(
        graph: Any,
        x: torch.Value,
        weight: torch.Value,
        bias: torch.Value,
        kernel: Sequence[int],
        stride: Sequence[int],
        groups: int,
    ) -> torch.Value:
        conv: torch.Value = graph.op(
            "Conv",
            x,
            weight,
            bias,
            kernel_shape_i=list(kernel),
            strides_i=list(stride),
            group_i=groups,
            auto_pad_s="SAME_UPPER",
        )
        return conv


_exported: Callable[..., Tensor] = _SameConvolution.apply
