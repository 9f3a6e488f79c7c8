# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The 2-D selective scan: a map is read by four state spaces, each in an order of its own.

Source: VMamba (arXiv 2401.10166) in the form of Mamba YOLO (arXiv 2406.05835, card 11).
"""

from __future__ import annotations

import math
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from vit_perception.models.mamba import STATES, first_step_bias
from vit_perception.models.selective_scan import Softplus, gated_scan

DIRECTIONS = 4
"""Row by row, column by column, and both reversed."""


def cross_scan(x: Tensor) -> Tensor:
    """Returns a map [B, H, W, D] as the sequences of all directions, [4, B, H * W, D]."""
    both = torch.stack((x.flatten(1, 2), x.transpose(1, 2).flatten(1, 2)))
    return torch.cat((both, both.flip(2)))


def cross_merge(sequences: Tensor, rows: int, columns: int) -> Tensor:
    """Returns the sum over the directions, [4, B, H * W, D] to [B, H, W, D]."""
    there, back = sequences.chunk(2)
    across, down = (there + back.flip(2)).unbind()
    width = sequences.shape[3]
    down = down.reshape(-1, columns, rows, width).transpose(1, 2)
    return across.reshape(-1, rows, columns, width) + down


class SS2D(nn.Module):
    """Maps [B, H, W, width] to the same shape; every pixel sees all others.

    Args:
        width: channels of the map; there are twice as many inside.
        published_start: begins as the authors' code does: all states decay alike, and step sizes
            and their biases are drawn from N(0, 1). Otherwise as Mamba does.
    """

    def __init__(self, width: int, *, published_start: bool = False) -> None:
        super().__init__()
        inner, rank = 2 * width, math.ceil(width / 16)
        self.rank = rank
        self.in_proj = nn.Linear(width, 2 * inner, bias=False)
        self.conv = nn.Conv2d(inner, inner, 3, padding=1, groups=inner)
        # Per direction: step size (in `rank` numbers), input gate, output gate.
        bound = inner**-0.5
        self.select = nn.Parameter(
            torch.empty(DIRECTIONS, inner, rank + 2 * STATES).uniform_(-bound, bound)
        )
        self.step = nn.Parameter(torch.randn(DIRECTIONS, rank, inner))
        self.step_bias = nn.Parameter(torch.randn(DIRECTIONS * inner))
        self.decay_log = nn.Parameter(torch.zeros(DIRECTIONS, STATES, inner))
        self.skip = nn.Parameter(torch.ones(DIRECTIONS * inner))
        self.norm = nn.LayerNorm(inner)
        self.out_proj = nn.Linear(inner, width, bias=False)
        self.act = nn.GELU()
        self.softplus = Softplus()
        if not published_start:
            nn.init.uniform_(self.step, -(rank**-0.5), rank**-0.5)
            with torch.no_grad():
                self.step_bias.copy_(first_step_bias(DIRECTIONS * inner))
                self.decay_log.copy_(torch.log(torch.arange(1.0, STATES + 1))[:, None])

    def forward(self, x: Tensor) -> Tensor:
        inner, gate = self.in_proj(x).chunk(2, dim=3)
        inner = self.act(self.conv(inner.permute(0, 3, 1, 2)).permute(0, 2, 3, 1))
        # Half precision would add up its errors over the steps.
        with _without_autocast(x.device.type):
            inner = inner.to(self.skip.dtype)
            if self.training and torch.is_grad_enabled():
                # The states are many times the map: made twice, they are never kept.
                seen = checkpoint(self.scan, inner, use_reentrant=False, preserve_rng_state=False)
            else:
                seen = self.scan(inner)
        out: Tensor = self.out_proj(self.norm(seen) * self.act(gate))
        return out

    def scan(self, x: Tensor) -> Tensor:
        """Returns the sum of the directions' outputs, [B, H, W, inner] to the same shape."""
        rows, columns, width = (int(side) for side in x.shape[1:])
        seen = cross_merge(self.read(cross_scan(x)), rows, columns)
        # Each direction adds the same pixel, by its own weight.
        return seen + self.skip.reshape(DIRECTIONS, width).sum(0) * x

    def read(self, sequences: Tensor) -> Tensor:
        """Returns what each direction reads off its states, [4, B, L, inner] to the same shape."""
        told = sequences @ self.select[:, None]
        step, gate_in, gate_out = told.split((self.rank, STATES, STATES), dim=3)
        bias = self.step_bias.reshape(DIRECTIONS, 1, 1, -1)
        step = self.softplus(step @ self.step[:, None] + bias)
        rate = -torch.exp(self.decay_log)[:, None]
        return gated_scan(step, sequences, gate_in, gate_out, rate)


def _without_autocast(device: str) -> AbstractContextManager[object]:
    """Returns a context in which operators keep the types that they are given."""
    if torch.amp.is_autocast_available(device):
        return torch.autocast(device, enabled=False)
    return nullcontext()
