# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Path-aggregation neck of YOLOv8, without text guidance (card 01, Mechanism)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vit_perception.models.layers import C2f, ConvModule, scaled_depth


class PAFPN(nn.Module):
    """Top-down then bottom-up fusion of three maps, channel counts kept.

    T4 = C2f([up(P5), P4]); T3 = C2f([up(T4), P3]); N4 = C2f([down(T3), T4]);
    N5 = C2f([down(N4), P5]); returns T3, N4, N5.

    Args:
        channels: of the maps of strides 8, 16 and 32.
        depth: multiplier of the number of bottlenecks, 3.
        activation: "silu" (the paper's) or "relu".
        fusion: makes a block in place of C2f, of the channels before and after it.
    """

    def __init__(
        self,
        channels: tuple[int, int, int],
        depth: float,
        activation: str = "silu",
        fusion: Callable[[int, int], nn.Module] | None = None,
    ) -> None:
        super().__init__()
        c3, c4, c5 = channels
        blocks = scaled_depth(3, depth)

        def fuse(c_in: int, c_out: int) -> nn.Module:
            if fusion is not None:
                return fusion(c_in, c_out)
            return C2f(c_in, c_out, blocks, False, activation)

        self.top_down_layers = nn.ModuleList([fuse(c5 + c4, c4), fuse(c4 + c3, c3)])
        self.downsample_layers = nn.ModuleList(
            [ConvModule(c3, c3, 3, 2, activation), ConvModule(c4, c4, 3, 2, activation)]
        )
        self.bottom_up_layers = nn.ModuleList([fuse(c3 + c4, c4), fuse(c4 + c5, c5)])
        self.channels = channels

    def forward(self, features: tuple[Tensor, Tensor, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        p3, p4, p5 = features
        t4 = self.top_down_layers[0](torch.cat([_double(p5), p4], dim=1))
        t3 = self.top_down_layers[1](torch.cat([_double(t4), p3], dim=1))
        n4 = self.bottom_up_layers[0](torch.cat([self.downsample_layers[0](t3), t4], dim=1))
        n5 = self.bottom_up_layers[1](torch.cat([self.downsample_layers[1](n4), p5], dim=1))
        return t3, n4, n5


def _double(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="nearest")
