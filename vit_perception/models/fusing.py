# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Convolution and BatchNorm, folded for inference; modules here follow timm's `fuse` protocol."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


class ConvNorm(nn.Sequential):
    """A convolution without bias and BatchNorm; [B, C_in, H, W] to [B, C_out, H', W'].

    Args:
        c_in, c_out, kernel, stride, groups: of the convolution.
        padding: None keeps the size at stride 1 (odd kernels).
        eps: of the norm.
        weight: initial scale of the norm; 0 lets a residual branch begin as nothing.
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
    ) -> None:
        padding = kernel // 2 if padding is None else padding
        conv = nn.Conv2d(c_in, c_out, kernel, stride, padding, groups=groups, bias=False)
        norm = nn.BatchNorm2d(c_out, eps=eps)
        nn.init.constant_(norm.weight, weight)
        super().__init__()
        self.conv = conv
        self.norm = norm

    @torch.no_grad()
    def fuse(self) -> nn.Conv2d:
        """The same as one convolution with bias."""
        return fuse_conv_bn_eval(self.conv.eval(), self.norm.eval())


def norm_scale(norm: nn.BatchNorm1d | nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Scale and offset [C] that a BatchNorm applies in eval mode."""
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    return scale, norm.bias - norm.running_mean * scale
