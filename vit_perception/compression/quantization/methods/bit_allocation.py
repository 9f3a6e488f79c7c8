# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Which layer gets how many bits within a budget: a multiple-choice knapsack (card 48, part 2).

All is computed in integers, so ties are ties and budgets are met exactly.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from vit_perception.compression.quantization.methods.knapsack import Knapsack, best
from vit_perception.compression.quantization.methods.layer_costs import Costs

Utility = Literal["noise", "linear"]

_ONE = 2**60
"""A score of 1, as an integer."""
_TIE = 2**24
"""More than Σb² of any network; scores count first, then less spread of the bits."""
_MOST = 32
"""Of bits: utilities are multiples of 4^−32."""


@dataclass(frozen=True)
class Budget:
    """What a network may cost, by the mean number of bits.

    Attributes:
        mean: b̄ > 0.
        size: holds Σ p·b ≤ b̄·Σ p.
        operations: holds Σ m·b² ≤ b̄²·Σ m.
    """

    mean: float
    size: bool = True
    operations: bool = True

    def prices(self, costs: Costs, bits: int) -> tuple[int, ...]:
        """Returns what a layer costs with a number of bits, one value a limit."""
        size, operations = costs.parameters * bits, costs.operations * bits**2
        return (size,) * self.size + (operations,) * self.operations

    def limits(self, costs: Sequence[Costs]) -> tuple[int, ...]:
        """Returns the limits, rounded down to integers."""
        mean = Fraction(self.mean).limit_denominator(10**6)
        size = mean * sum(each.parameters for each in costs)
        operations = mean**2 * sum(each.operations for each in costs)
        return (int(size),) * self.size + (int(operations),) * self.operations


def allocate(
    scores: Sequence[float],
    costs: Sequence[Costs],
    candidates: Sequence[int],
    budget: Budget,
    *,
    utility: Utility = "noise",
    solver: Literal["exact", "greedy"] = "exact",
) -> tuple[int, ...]:
    """Returns the bits of each layer: the maximum of Σ Ω·u(b) within a budget.

    Of equal maxima, that with the least Σ b² is taken, so equal layers get equal bits where the
    budget allows.

    Args:
        scores: Ω ≥ 0 of each layer.
        costs: of each layer.
        candidates: numbers of bits, 1 to 32.
        budget: its limits.
        utility: u(b): "noise" is −4^(−b), the power of the rounding noise; "linear" is b.
        solver: "exact" is `knapsack.best`. "greedy" gives all layers the least bits, then raises
            the one with the most gain for its share of the budget as long as one fits.

    Raises:
        ValueError: even the least bits exceed the budget, or an argument is not as above.
    """
    bits = sorted(set(candidates))
    if not bits or not 0 < bits[0] <= bits[-1] <= _MOST:
        raise ValueError(f"bits: expected candidates of 1 to {_MOST}, found {tuple(bits)}")
    if not all(score >= 0 for score in scores):
        raise ValueError(f"bits: expected scores of at least 0, found {min(scores)}")
    knapsack = Knapsack(
        [[_value(score, each, utility) for each in bits] for score in scores],
        [[budget.prices(cost, each) for each in bits] for cost in costs],
        budget.limits(costs),
    )
    least = [0] * len(scores)
    if not knapsack.fits(knapsack.spent(least)):
        raise ValueError(
            f"bits: expected a budget of at least {bits[0]} in the mean, found {budget.mean}"
        )
    chosen = _greedy(knapsack, least)
    if solver == "exact":
        chosen = best(knapsack, chosen)
    return tuple(bits[each] for each in chosen)


def _value(score: float, bits: int, utility: Utility) -> int:
    gain = bits if utility == "linear" else -(4 ** (_MOST - bits))
    return round(score * _ONE) * gain * _TIE - bits**2


def _greedy(knapsack: Knapsack, options: Sequence[int]) -> list[int]:
    chosen, spent = list(options), knapsack.spent(options)
    while True:
        steps: list[tuple[float, int, tuple[int, ...]]] = []
        for item, option in enumerate(chosen):
            values, prices = knapsack.values[item], knapsack.prices[item]
            if option + 1 == len(values) or values[option + 1] <= values[option]:
                continue
            more = [a - b for a, b in zip(prices[option + 1], prices[option], strict=True)]
            after = tuple(a + b for a, b in zip(spent, more, strict=True))
            if knapsack.fits(after):
                share = max(
                    m / max(limit, 1) for m, limit in zip(more, knapsack.limits, strict=True)
                )
                gain = values[option + 1] - values[option]
                steps.append((gain / share if share else math.inf, -item, after))
        if not steps:
            return chosen
        _, item, spent = max(steps)
        chosen[-item] += 1
