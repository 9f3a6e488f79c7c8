# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Operands of layers, and how AdaLog searches the parameters of their quantizers."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from vit_perception.compression.quantization.simulation.adaptive_logarithm import (
    RESOLUTION,
    AdaptiveLogarithm,
    Shifted,
)
from vit_perception.compression.quantization.simulation.observers import Sharing
from vit_perception.compression.quantization.simulation.output_errors import Error
from vit_perception.compression.quantization.simulation.progressive import (
    Effort,
    Grid,
    progressive,
    uniform_grid,
)
from vit_perception.compression.quantization.simulation.quantizers import (
    GELU_FLOOR,
    Logarithm,
    Quantizer,
    TwinUniform,
    Uniform,
)

Base = Literal["adalog", "log2", "logsqrt2"]
STEPS = {"log2": 1, "logsqrt2": 2}
"""Steps to an octave of the logarithms with fixed bases."""
_BASES = 8
"""Best bases of GELU's logarithm that are combined with scales."""


@dataclass(frozen=True)
class Operand:
    """A quantizer and what searches its parameters.

    Attributes:
        quantizer: of the operand.
        improve: sets the parameters with the least error found, which is at most the present one.
    """

    quantizer: Quantizer
    improve: Callable[[Error], None]


def uniform_of(
    x: Tensor,
    bits: int,
    sharing: Sharing,
    effort: Effort,
    *,
    zero_points: int,
    free: bool = False,
    first: Uniform | None = None,
) -> Operand:
    """Returns a uniform operand.

    Args:
        x: its values.
        bits: of a code.
        sharing: which values share a scale.
        effort: of a search.
        zero_points, free: see `uniform_grid`.
        first: where to begin. None: the range of the values.
    """
    grid = uniform_grid(x, bits, sharing, effort, zero_points=zero_points, free=free)
    # The last pair is that of the range.
    scale, zero = (sharing.spread(each[-1], x) for each in (grid.scales, grid.others))
    quantizer = first or Uniform(bits, scale, zero)
    shape = quantizer.scale.shape

    def place(scale: Tensor, zero: Tensor) -> None:
        quantizer.scale, quantizer.zero_point = scale.reshape(shape), zero.reshape(shape)

    def improve(error: Error) -> None:
        def errors(scale: Tensor, zero: Tensor) -> Tensor:
            place(scale, zero)
            found = error(quantizer(x))
            return found if len(found) == len(scale) else found.sum().reshape(1)

        start = grid.and_pair(quantizer.scale.flatten(), quantizer.zero_point.flatten())
        place(*progressive(errors, start, effort)[:2])

    return Operand(quantizer, improve)


def logarithm_of_softmax(x: Tensor, bits: int, effort: Effort, *, strict: bool) -> Operand:
    """Returns the operand of a softmax: a logarithm below 1, one base for all heads."""
    quantizer = AdaptiveLogarithm(bits, strict=strict).to(x.device)

    def improve(error: Error) -> None:
        tried = torch.cat([quantizer.q.reshape(1), bases(bits, effort).to(quantizer.q)])
        found = _by_base(quantizer, tried, lambda: error(quantizer(x)))
        quantizer.q = tried[found.argmin()].clone()

    return Operand(quantizer, improve)


def logarithm_of_gelu(
    x: Tensor, bits: int, base: Base, effort: Effort, *, strict: bool
) -> Operand:
    """Returns the operand of GELU: a logarithm of the values above their floor.

    Scales lie between those of the 90 % quantile of the positive values and of the largest one.
    With a searched base, the best bases for the present scale are combined with scales.
    """
    positive = x[x > 0].float().sort().values
    last = len(positive) - 1
    ends = [positive[math.ceil(0.9 * last)], positive[-1]] if last >= 0 else [x.new_zeros(())] * 2
    near, far = (float(each) + GELU_FLOOR for each in ends)

    def scales(count: int) -> Tensor:
        return torch.linspace(near, far, count, device=x.device)

    first = scales(effort.candidates)[-2]
    inner: AdaptiveLogarithm | Logarithm
    if base == "adalog":
        inner = AdaptiveLogarithm(bits, RESOLUTION, first, strict=strict)
    else:
        inner = Logarithm(bits, STEPS[base], first)
    quantizer = Shifted(inner.to(x.device))

    def place(scale: Tensor, q: Tensor) -> None:
        inner.scale = scale.reshape(())
        if isinstance(inner, AdaptiveLogarithm):
            inner.q = q.reshape(())

    def improve(error: Error) -> None:
        def errors(scale: Tensor, q: Tensor) -> Tensor:
            place(scale, q)
            return error(quantizer(x)).sum().reshape(1)

        wider, tried = effort, scales(effort.candidates)
        fixed = q = tried.new_full((1,), RESOLUTION)
        if isinstance(inner, AdaptiveLogarithm):
            q = inner.q.clone().reshape(1)
            every = bases(bits, effort).to(q)
            found = _by_base(inner, every, lambda: error(quantizer(x)))
            fixed = every[found.topk(min(_BASES, len(every)), largest=False).indices]
            tried = scales(max(effort.candidates // _BASES, 2))
            wider = replace(effort, width=min(2 * effort.width, effort.candidates // 2))
        pairs = torch.cartesian_prod(tried, fixed)
        grid = Grid(pairs[:, :1], pairs[:, 1:], tried[1:2] - tried[:1])
        place(*progressive(errors, grid.and_pair(inner.scale.reshape(1), q), wider)[:2])

    return Operand(quantizer, improve)


def twin_of_gelu(x: Tensor, bits: int) -> Operand:
    """Returns the operand of GELU: positive steps are 2^-5 to 2^24 times the negative one."""
    quantizer = TwinUniform(bits, torch.tensor(GELU_FLOOR / 2 ** (bits - 1)))
    tried = [quantizer.negative * 2.0**power for power in range(-5, 25)]

    def improve(error: Error) -> None:
        found = []
        for quantizer.positive in tried:
            found.append(float(error(quantizer(x)).sum()))
        quantizer.positive = tried[found.index(min(found))]

    return Operand(quantizer, improve)


def bases(bits: int, effort: Effort) -> Tensor:
    """Returns the values of q to try, float [K].

    From 6 bits on they begin with 1: with the 10 of the official code, codes reach farther down
    than values do, and a uniform quantizer is better (card 33).
    """
    first, last = 1 if bits >= 6 else 10, 10 + effort.candidates
    return torch.arange(first, last + 1, dtype=torch.float32)


@torch.no_grad()
def _by_base(quantizer: AdaptiveLogarithm, tried: Tensor, error: Callable[[], Tensor]) -> Tensor:
    """Returns the errors with each base, float64 [K]; the quantizer's base becomes the last."""
    found = []
    for quantizer.q in tried:
        found.append(error().sum())
    return torch.stack(found)
