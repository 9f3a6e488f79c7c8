# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Gates of attention heads (arXiv 2306.12929, Section 4.2; card 55, Mechanism B).

All read the input of the attention block, [B, N, C], and return a logit for each token and head,
[B, N, heads]. `fuse` gives the form for inference: matrix products with block-diagonal weights.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

FINE_TUNING_DEVIATION = 0.01
"""Standard deviation of the weights of gates that are added to a trained network (card 55)."""
LEAST_SHARE = 1e-16
"""Shares are kept this far from 0 and 1 before the logit is taken (card 55)."""


@dataclass(frozen=True, slots=True)
class Gates:
    """How heads are gated.

    Attributes:
        form: "linear" and "mlp" read a head's own channels of the input, "all_heads" reads all of
            them.
        start: how far gates are open at first, 0 to 1; None leaves the last layer's bias at
            PyTorch's default, about half open. The published code sets it for "linear" only; the
            paper's ViTs work with 0.1 to 0.5.
        hidden: width of "mlp"; None is a quarter of the channels of a head.
        fine_tuning: for a trained network: weights start near zero and the gate is divided by
            `start`, so that the network starts as what it was.

    Raises:
        ValueError: `start` is not a share, or fine-tuning has none to divide by.
    """

    form: Literal["linear", "mlp", "all_heads"] = "linear"
    start: float | None = 0.25
    hidden: int | None = None
    fine_tuning: bool = False

    def __post_init__(self) -> None:
        if self.start is not None and not 0 <= self.start <= 1:
            raise ValueError(f"start: expected 0 to 1, found {self.start}")
        if self.fine_tuning and not self.start:
            raise ValueError(f"start: expected more than 0 for fine-tuning, found {self.start}")

    @property
    def gain(self) -> float:
        """What the sigmoid is multiplied by."""
        return 1 / self.start if self.fine_tuning and self.start else 1.0


class LinearGates(nn.Module):
    """A linear layer for each head, on its own channels.

    Args:
        channels: of the input; head h has those from h * channels / heads.
        heads: number of them.
    """

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        width = channels // heads
        self.weight = nn.Parameter(torch.empty(heads, width))
        self.bias = nn.Parameter(torch.empty(heads))
        for each in (self.weight, self.bias):
            nn.init.uniform_(each, -(width**-0.5), width**-0.5)

    def forward(self, x: Tensor) -> Tensor:
        heads = x.unflatten(-1, self.weight.shape)
        out: Tensor = (heads * self.weight).sum(-1) + self.bias
        return out

    @torch.no_grad()
    def fuse(self) -> nn.Linear:
        """Returns the same as one linear layer."""
        return _dense(self.weight[:, :, None], self.bias[:, None])


class MlpGates(nn.Module):
    """Two linear layers with ReLU for each head, on its own channels.

    Args:
        channels, heads: see :class:`LinearGates`.
        hidden: width.
    """

    def __init__(self, channels: int, heads: int, hidden: int) -> None:
        super().__init__()
        width = channels // heads
        self.hidden_weight = nn.Parameter(torch.empty(heads, width, hidden))
        self.hidden_bias = nn.Parameter(torch.empty(heads, hidden))
        self.weight = nn.Parameter(torch.empty(heads, hidden))
        self.bias = nn.Parameter(torch.empty(heads))
        for each in (self.hidden_weight, self.hidden_bias):
            nn.init.uniform_(each, -(width**-0.5), width**-0.5)
        for each in (self.weight, self.bias):
            nn.init.uniform_(each, -(hidden**-0.5), hidden**-0.5)

    def forward(self, x: Tensor) -> Tensor:
        heads = x.unflatten(-1, self.hidden_weight.shape[:2]).unsqueeze(-2)
        hidden = (heads @ self.hidden_weight).squeeze(-2) + self.hidden_bias
        out: Tensor = (hidden.relu() * self.weight).sum(-1) + self.bias
        return out

    @torch.no_grad()
    def fuse(self) -> nn.Sequential:
        """Returns the same as two linear layers."""
        return nn.Sequential(
            _dense(self.hidden_weight, self.hidden_bias),
            nn.ReLU(),
            _dense(self.weight[:, :, None], self.bias[:, None]),
        )


def head_gates(channels: int, heads: int, options: Gates) -> nn.Module:
    """Makes gates with fresh weights.

    Args:
        channels: of the input of the attention block.
        heads: number of them; divides `channels`.
        options: see :class:`Gates`.
    """
    made: LinearGates | MlpGates | nn.Linear
    if options.form == "linear":
        made = LinearGates(channels, heads)
    elif options.form == "mlp":
        made = MlpGates(channels, heads, options.hidden or max(1, channels // heads // 4))
    else:
        made = nn.Linear(channels, heads)
    if options.fine_tuning:
        for name, parameter in made.named_parameters():
            deviation = FINE_TUNING_DEVIATION if name.endswith("weight") else 0.0
            nn.init.normal_(parameter, std=deviation)
    if options.start is not None:
        nn.init.constant_(made.bias, _logit(options.start))
    return made


def _logit(share: float) -> float:
    return math.log(max(share, LEAST_SHARE)) - math.log(max(1 - share, LEAST_SHARE))


def _dense(weight: Tensor, bias: Tensor) -> nn.Linear:
    """Returns a layer of block-diagonal weights for [heads, in, out] and [heads, out]."""
    blocks = torch.block_diag(*weight.transpose(1, 2))
    layer = nn.Linear(blocks.shape[1], blocks.shape[0], device=weight.device, dtype=weight.dtype)
    layer.weight.copy_(blocks)
    layer.bias.copy_(bias.flatten())
    return layer
