# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Scans of state-space networks with one state per channel, exact and without a loop over pixels.

All compute h_t = a_t * h_(t-1) + b_t with h before the first = 0, in a fixed number of plain
operators for a fixed size, so that they train on any device and export as static graphs (card 46).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

DIRECTIONS = 2
"""Raster order and its reverse."""
PIECE = 32
"""Steps that `gated_scan` takes one after another, at most."""


def shifted(x: Tensor, steps: int, dim: int) -> Tensor:
    """Shifts `x` along a dimension: x_(t - steps), zeros before the first; the same shape."""
    # A single Pad in a graph, which crops at the end what it adds in front.
    behind = x.dim() - 1 - dim % x.dim()
    return functional.pad(x, [0, 0] * behind + [steps, -steps])


def doubling_scan(decay: Tensor, update: Tensor, dim: int) -> Tensor:
    """Returns the states of all steps, in log2(steps) rounds over the whole length.

    After a round with distance k, `update` holds the result of 2k steps and `decay` their product.
    Two forms with fewer operators do not work: cumulative sums of logarithms overflow, and the
    matrix of all products costs the square of the length.

    Args:
        decay: a, [..., steps, ...].
        update: b, the same shape.
        dim: of the steps.

    Returns:
        h, the same shape.
    """
    steps = int(decay.shape[dim])
    distance = 1
    while distance < steps:
        update = update + decay * shifted(update, distance, dim)
        distance *= 2
        if distance < steps:
            # Values shifted in only meet zeros afterwards, so they may be 0 as well.
            decay = decay * shifted(decay, distance // 2, dim)
    return update


def raster_scan(decay: Tensor, update: Tensor) -> Tensor:
    """Returns the states along the pixels of a map, row by row.

    All rows are first scanned along their columns as if each began with 0; :func:`doubling_scan`
    over the ends of the rows then gives the states with which they begin. This touches every value
    a few times instead of log2(H * W) times.

    Args:
        decay: a, [K, B, H, W, D].
        update: b, the same shape.

    Returns:
        h, the same shape.
    """
    columns = zip(decay.split(1, dim=3), update.split(1, dim=3), strict=True)
    reach, state = next(columns)
    reaches, states = [reach], [state]
    for a, b in columns:
        state = b + a * state
        reach = reach * a
        states.append(state)
        reaches.append(reach)
    if decay.shape[2] > 1:
        before = shifted(doubling_scan(reach, state, dim=2), 1, dim=2)
        states = [h + p * before for h, p in zip(states, reaches, strict=True)]
    return torch.cat(states, dim=3)


def gated_scan(step: Tensor, x: Tensor, gate_in: Tensor, gate_out: Tensor, rate: Tensor) -> Tensor:
    """Returns what all steps read off their states, several a channel.

    h_t = exp(step_t * rate) * h_(t-1) + step_t * x_t * gate_in_t, of which step t reads the
    product with gate_out_t. The sequence is cut into pieces of `PIECE` steps, which are first
    scanned side by side, each from 0; :func:`doubling_scan` over their ends gives the states with
    which they begin. The states of all steps, N times the size of the result, are never kept at
    once, and decays of several steps come from sums of `step`, so that nothing is divided.

    Args:
        step: step sizes, [..., L, D], positive.
        x: [..., L, D].
        gate_in, gate_out: [..., L, N].
        rate: [..., N, D], negative.

    Returns:
        [..., L, D].
    """
    length = int(x.shape[-2])
    count = -(-length // PIECE)
    size = -(-length // count)

    def pieces(values: Tensor) -> Tensor:
        # Steps of size 0 behind the last one leave its state as it is.
        padded = functional.pad(values, (0, 0, 0, count * size - length))
        return padded.reshape(*values.shape[:-2], count, size, values.shape[-1])

    rate = rate.unsqueeze(-3)
    step = pieces(step)
    steps = step.split(1, dim=-2)
    pushes = (step * pieces(x)).split(1, dim=-2)
    ins = pieces(gate_in).transpose(-1, -2).split(1, dim=-1)
    outs = pieces(gate_out).split(1, dim=-2)
    state = pushes[0] * ins[0]
    seen = [outs[0] @ state]
    for number in range(1, size):
        # [..., count, N, D]
        state = torch.exp(steps[number] * rate) * state + pushes[number] * ins[number]
        seen.append(outs[number] @ state)
    if count > 1:
        passed = step.cumsum(-2).split(1, dim=-2)
        before = shifted(doubling_scan(torch.exp(passed[-1] * rate), state, dim=-3), 1, dim=-3)
        seen = [
            own + out @ (torch.exp(time * rate) * before)
            for own, out, time in zip(seen, outs, passed, strict=True)
        ]
    return torch.cat(seen, dim=-2).flatten(-3, -2)[..., :length, :]


class Softplus(nn.Softplus):
    """log(1 + exp(x)); for inference it uses operators with fast kernels."""

    def fuse(self) -> nn.Module:
        """Returns the same in terms of a logistic function."""
        return LogisticSoftplus()


class LogisticSoftplus(nn.Module):
    """max(x, 0) - log(sigmoid(|x|)), exact to rounding for all x."""

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(x) - torch.log(torch.sigmoid(x.abs()))


class SelectiveScan(nn.Module):
    """Selective scan of a map in raster order and back, one state per channel, normed.

    Args:
        width: channels D.
        rank: of the step sizes' projection.
    """

    def __init__(self, width: int, rank: int) -> None:
        super().__init__()
        bound = width**-0.5
        self.rank = rank
        # Per direction: step size (in `rank` numbers), input gate, output gate.
        self.select = nn.Parameter(
            torch.empty(DIRECTIONS, width, rank + 2).uniform_(-bound, bound)
        )
        self.step = nn.Parameter(torch.rand(DIRECTIONS, rank, width) / 10)
        self.step_bias = nn.Parameter(torch.rand(DIRECTIONS, 1, width) / 10)
        self.decay_log = nn.Parameter(torch.zeros(DIRECTIONS, 1, width))
        self.skip = nn.Parameter(torch.ones(DIRECTIONS, width))
        self.softplus = Softplus()
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        """Maps [B, H, W, D] to the same shape."""
        normed: Tensor = self.norm(self.states(x))
        return normed

    def states(self, x: Tensor) -> Tensor:
        """Returns the scan before the norm; [B, H, W, D] to the same shape."""
        rows, columns, width = (int(side) for side in x.shape[1:])
        shape = (DIRECTIONS, -1, rows, columns, width)
        # Flipping both sides of the map reverses its raster order.
        both = torch.cat((x, x.flip(1, 2))).reshape(DIRECTIONS, -1, width)
        step, gate_in, gate_out = (both @ self.select).split((self.rank, 1, 1), dim=-1)
        step = self.softplus(step @ self.step + self.step_bias)
        decay = torch.exp(-torch.exp(self.decay_log) * step)
        update = step * (gate_in * both)
        states = raster_scan(decay.reshape(shape), update.reshape(shape))
        there, back = (gate_out * states.reshape(DIRECTIONS, -1, width)).reshape(shape).split(1)
        seen: Tensor = (there + back.flip(2, 3)).reshape(-1, rows, columns, width)
        return seen + self.skip.sum(0) * x
