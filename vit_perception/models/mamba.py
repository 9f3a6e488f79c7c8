# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Mamba's layer: a selective state space with several states a channel (arXiv 2312.00752).

Parameters have the names and shapes of mamba-ssm and of transformers' `MambaMixer`.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vit_perception.models.selective_scan import Softplus, gated_scan

STATES = 16
"""States of a channel."""
KERNEL = 4
"""Steps that the causal convolution sees."""
_LEAST_STEP, _MOST_STEP, _FLOOR = 1e-3, 1e-1, 1e-4


def first_step_bias(count: int) -> Tensor:
    """Returns biases [count] whose softplus, the first steps, lies between 0.001 and 0.1."""
    spread = math.log(_MOST_STEP) - math.log(_LEAST_STEP)
    steps = torch.exp(torch.rand(count) * spread + math.log(_LEAST_STEP)).clamp(_FLOOR)
    # The inverse of softplus.
    return steps + torch.log(-torch.expm1(-steps))


class Mamba(nn.Module):
    """Maps the pixels of a map in raster order, [B, H, W, D] to the same shape.

    A pixel sees those before it alone.

    Args:
        width: channels D.
        expand: inner channels, in terms of D.
    """

    def __init__(self, width: int, expand: int = 2) -> None:
        super().__init__()
        inner, rank = expand * width, math.ceil(width / 16)
        self.rank = rank
        self.in_proj = nn.Linear(width, 2 * inner, bias=False)
        self.conv1d = nn.Conv1d(inner, inner, KERNEL, groups=inner)
        self.x_proj = nn.Linear(inner, rank + 2 * STATES, bias=False)
        self.dt_proj = nn.Linear(rank, inner)
        self.A_log = nn.Parameter(
            torch.log(torch.arange(1.0, STATES + 1)).repeat(inner, 1).contiguous()
        )
        self.D = nn.Parameter(torch.ones(inner))
        self.out_proj = nn.Linear(inner, width, bias=False)
        self.softplus = Softplus()
        nn.init.uniform_(self.dt_proj.weight, -(rank**-0.5), rank**-0.5)
        with torch.no_grad():
            self.dt_proj.bias.copy_(first_step_bias(inner))

    def forward(self, x: Tensor) -> Tensor:
        inner, gate = self.in_proj(x.flatten(1, 2)).chunk(2, dim=2)
        before = F.pad(inner.transpose(1, 2), (KERNEL - 1, 0))
        inner = F.silu(self.conv1d(before)).transpose(1, 2)
        step, gate_in, gate_out = self.x_proj(inner).split((self.rank, STATES, STATES), dim=2)
        step = self.softplus(self.dt_proj(step))
        rate = -torch.exp(self.A_log).T
        seen = gated_scan(step, inner, gate_in, gate_out, rate) + self.D * inner
        out: Tensor = self.out_proj(seen * F.silu(gate))
        return out.reshape(x.shape)
