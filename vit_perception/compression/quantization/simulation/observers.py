# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Ranges of tensors, from which uniform quantizers are made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vit_perception.compression.quantization.simulation.quantizers import Quantizer

Range = tuple[Tensor, Tensor]
"""Lowest and highest value; float, of one shape that broadcasts with the tensor."""


@dataclass(frozen=True)
class Sharing:
    """Which elements of a tensor share a scale.

    Attributes:
        axis: along which scales differ, may be negative. None: one scale for the tensor.
        groups: number of groups of consecutive, equally many indices of the axis that share a
            scale. None: each index has its own.
    """

    axis: int | None = None
    groups: int | None = None

    def rows(self, x: Tensor) -> Tensor:
        """Returns ``x`` as [groups, elements of a group].

        Raises:
            ValueError: the groups cannot be equally large.
        """
        if self.axis is None:
            return x.reshape(1, -1)
        size = x.shape[self.axis]
        groups = self.groups or size
        if size % groups:
            raise ValueError(
                f"shared scales: expected a multiple of {groups} indices, found {size}"
            )
        return x.movedim(self.axis, 0).reshape(groups, -1)

    def spread(self, values: Tensor, x: Tensor) -> Tensor:
        """Returns one value a group in a shape that broadcasts with ``x``.

        Args:
            values: [groups].
            x: of which `rows` were taken.
        """
        if self.axis is None:
            return values.reshape(())
        size = x.shape[self.axis]
        shape = [1] * x.ndim
        shape[self.axis] = size
        return values.repeat_interleave(size // len(values)).reshape(shape)


TENSOR = Sharing()
"""One scale for the tensor."""
OUT_CHANNEL = Sharing(0)
"""One scale for each output channel of a weight."""
HEAD = Sharing(1)
"""One scale for each head of an operand [B, heads, …] of a product."""
IN_CHANNEL = Sharing(1)
"""One scale for each channel of a map [B, C, H, W]."""
LAST = Sharing(-1)
"""One scale for each channel of tokens [B, N, C]."""


def minmax(x: Tensor, sharing: Sharing = TENSOR) -> Range:
    """Returns the lowest and the highest values."""
    rows = sharing.rows(x.detach().float())
    return sharing.spread(rows.amin(1), x), sharing.spread(rows.amax(1), x)


def percentile(x: Tensor, fraction: float, sharing: Sharing = TENSOR) -> Range:
    """Returns the quantiles 1 − ``fraction`` and ``fraction`` (0.5 to 1), interpolated."""
    return percentiles(x, (fraction,), sharing)[0]


def percentiles(x: Tensor, fractions: Sequence[float], sharing: Sharing = TENSOR) -> list[Range]:
    """Returns `percentile` for several fractions, sorting once."""
    rows = sharing.rows(x.detach().float()).sort(1).values
    last = rows.shape[1] - 1

    def quantile(fraction: float) -> Tensor:
        place = fraction * last
        below = min(int(place), last)
        above = min(below + 1, last)
        return sharing.spread(torch.lerp(rows[:, below], rows[:, above], place - below), x)

    return [(quantile(1 - fraction), quantile(fraction)) for fraction in fractions]


def shrunk(found: Range, multipliers: Iterable[float]) -> list[Range]:
    """Returns a range times each of the multipliers."""
    return [(found[0] * each, found[1] * each) for each in multipliers]


def mse(
    x: Tensor,
    ranges: Iterable[Range],
    quantizer: Callable[[Tensor, Tensor], Quantizer],
    sharing: Sharing = TENSOR,
) -> Range:
    """Returns, for each group, the range whose quantizer has the least squared error.

    Args:
        x: what is quantized.
        ranges: candidates, at least one; the first of equals is taken.
        quantizer: makes a quantizer of a lowest and a highest value.
        sharing: which elements form a group.
    """
    x = x.detach().float()
    best: tuple[Tensor, Tensor, Tensor] | None = None
    for low, high in ranges:
        error = sharing.rows((quantizer(low, high)(x) - x).square()).sum(1)
        error = sharing.spread(error, x)
        if best is None:
            best = (error, low, high)
            continue
        better = error < best[0]
        best = (
            torch.where(better, error, best[0]),
            torch.where(better, low, best[1]),
            torch.where(better, high, best[2]),
        )
    if best is None:
        raise ValueError("ranges: expected at least one, found none")
    return best[1], best[2]
