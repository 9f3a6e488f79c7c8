# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Fast progressive combining search of quantizers' pairs of parameters (AdaLog, FPCS)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from vit_perception.compression.quantization.simulation.observers import Sharing, percentiles

Errors = Callable[[Tensor, Tensor], Tensor]
"""Error [G] of a pair for each of G groups: of scales [G] and other parameters [G]."""

SMALLEST = torch.finfo(torch.float32).eps
"""Least scale."""


@dataclass(frozen=True)
class Effort:
    """How long a search is.

    Attributes:
        candidates: pairs tried in a step.
        width: best pairs that a step leaves to the next; at most half of the candidates.
        steps: the first one over a coarse grid, and refinements.
    """

    candidates: int = 128
    width: int = 16
    steps: int = 6

    def __post_init__(self) -> None:
        if not 1 <= self.width <= self.candidates // 2 or self.steps < 1:
            raise ValueError(
                "effort: expected a width from 1 to half of the candidates and a step, found "
                f"width {self.width}, {self.candidates} candidates, {self.steps} steps"
            )


@dataclass(frozen=True)
class Grid:
    """Pairs to begin with.

    Attributes:
        scales, others: float [K, G]; the second parameter (a zero point or q) is not refined.
        spacing: of neighbouring scales, float [G].
    """

    scales: Tensor
    others: Tensor
    spacing: Tensor

    def and_pair(self, scale: Tensor, other: Tensor) -> Grid:
        """Returns a grid that begins with one more pair, [G] each."""
        scales, others = (
            torch.cat([scale[None], self.scales]),
            torch.cat([other[None], self.others]),
        )
        return Grid(scales, others, self.spacing)


@torch.no_grad()
def progressive(errors: Errors, grid: Grid, effort: Effort) -> tuple[Tensor, Tensor, Tensor]:
    """Returns the best scales, other parameters and their errors, [G] each.

    All pairs of the grid are tried. Then, around each of the best pairs, `candidates` / `width`
    scales within half a spacing on either side; so on with ever smaller spacings. Groups are
    searched side by side. The best pair so far is kept; the official search can lose it, as the
    refined scales leave out the middle.
    """
    count = effort.candidates // effort.width
    offsets = torch.linspace(-0.5, 0.5, count)[:, None, None]
    scales, others, spacing = grid.scales, grid.others, grid.spacing
    scale, other = scales[0], others[0]
    least = torch.full_like(scale, torch.inf, dtype=torch.float64)
    for step in range(effort.steps):
        found = torch.stack([errors(*pair) for pair in zip(scales, others, strict=True)])
        error, which = found.min(0)
        better = error < least
        least = torch.where(better, error, least)
        scale = torch.where(better, scales.gather(0, which[None])[0], scale)
        other = torch.where(better, others.gather(0, which[None])[0], other)
        if step + 1 == effort.steps:
            break
        top = found.topk(min(effort.width, len(found)), 0, largest=False).indices
        middle, kept = scales.gather(0, top), others.gather(0, top)
        scales = (middle + offsets.to(spacing) * spacing).clamp(min=SMALLEST).flatten(0, 1)
        others = kept.expand(count, *kept.shape).flatten(0, 1)
        spacing = spacing / (count - 0.5)
    return scale, other, least


def uniform_grid(
    x: Tensor, bits: int, sharing: Sharing, effort: Effort, *, zero_points: int, free: bool = False
) -> Grid:
    """Returns scales and zero points of uniform quantizers to begin with.

    Scales lie between those of the quantiles 0.1 to 0.9 and those of all values. Zero points are
    consecutive codes around the middle code, as in the official code. With many bits this leaves
    out tensors of one sign, so the zero point that the values ask for is tried too, with all
    scales; the last of these pairs is the min-max one.

    Args:
        x: what is to be quantized.
        bits: of a code.
        sharing: which elements form a group.
        effort: of the search.
        zero_points: number of them.
        free: the own zero point may lie outside of the codes (see `reparameterised`); otherwise
            its range is extended to include 0.
    """
    half, top = 2 ** (bits - 1), 2**bits - 1
    count = max(effort.candidates // zero_points, 2)
    ends = percentiles(x, (0.9, 1.0), sharing)
    (low, high), (lowest, highest) = [(a.flatten(), b.flatten()) for a, b in ends]
    scales = _between((high - low) / top, (highest - lowest) / top, count)
    first = int(half - zero_points / 2)
    zeros = torch.arange(first, first + zero_points).to(scales).repeat_interleave(count)
    if not free:
        low, lowest = low.clamp(max=0), lowest.clamp(max=0)
        high, highest = high.clamp(min=0), highest.clamp(min=0)
    own = _between((high - low) / top, (highest - lowest) / top, count)
    zero = (-lowest / own[-1]).round()
    zero = zero if free else zero.clamp(0, top)
    return Grid(
        torch.cat([scales.repeat(zero_points, 1), own]),
        torch.cat([zeros[:, None].expand(-1, len(zero)), zero.expand(count, -1)]),
        scales[1] - scales[0],
    )


def _between(first: Tensor, last: Tensor, count: int) -> Tensor:
    """Returns scales [count, G] in equal steps."""
    weights = torch.linspace(0, 1, count).to(first)[:, None]
    return torch.lerp(first, last, weights).clamp(min=SMALLEST)
