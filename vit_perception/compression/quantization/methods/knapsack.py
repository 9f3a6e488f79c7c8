# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The multiple-choice knapsack, solved exactly."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import linprog

_BEAM = 256


@dataclass(frozen=True)
class Knapsack:
    """One option of each item is to be taken; the values add up, and so do the prices.

    Attributes:
        values: of the options of each item, integers of any size.
        prices: of the options of each item, one integer of at least 0 for each limit.
        limits: of the sums of the prices, one or two.
    """

    values: Sequence[Sequence[int]]
    prices: Sequence[Sequence[tuple[int, ...]]]
    limits: tuple[int, ...]

    def spent(self, options: Sequence[int]) -> tuple[int, ...]:
        """Returns the sums of the prices of options, one an item."""
        return _added(*(each[option] for each, option in zip(self.prices, options, strict=True)))

    def value(self, options: Sequence[int]) -> int:
        """Returns the sum of the values of options, one an item."""
        return sum(each[option] for each, option in zip(self.values, options, strict=True))

    def fits(self, spent: tuple[int, ...]) -> bool:
        """Returns whether sums of prices are within the limits."""
        return all(a <= b for a, b in zip(spent, self.limits, strict=True))


def best(knapsack: Knapsack, known: Sequence[int]) -> list[int]:
    """Returns the option of each item that makes the value the greatest within the limits.

    Dynamic programming over the items: of partial choices with the same prices the best is kept,
    one that is not cheaper and better than another is dropped, and so is one that even a bound of
    the rest (Lagrange's, with the multipliers of the linear relaxation) does not bring above the
    best full choice known. A first pass keeps few partial choices, to know a good one.

    Args:
        knapsack: the items.
        known: options that fit, to begin with.
    """
    chosen = list(known)
    for width in (_BEAM, None):
        better = _pass(knapsack, _multipliers(knapsack), knapsack.value(chosen), width)
        chosen = better or chosen
    return chosen


@dataclass(frozen=True)
class _Partial:
    value: int
    spent: tuple[int, ...]
    options: Any  # (option, those before)
    bound: int


def _pass(
    knapsack: Knapsack, multipliers: tuple[int, ...], floor: int, width: int | None
) -> list[int] | None:
    """Returns options whose value exceeds ``floor``, the best ones if there is no width."""
    # Items with the same prices in a row reach the same sums more often.
    order = sorted(range(len(knapsack.values)), key=lambda item: tuple(knapsack.prices[item]))
    rest, least = _rest(knapsack, order, multipliers)
    zero = (0,) * len(knapsack.limits)
    partial = [_Partial(0, zero, None, 0)]
    for at, item in enumerate(order):
        found: dict[tuple[int, ...], _Partial] = {}
        for state in partial:
            for option, value in enumerate(knapsack.values[item]):
                spent = _added(state.spent, knapsack.prices[item][option])
                if not knapsack.fits(_added(spent, least[at + 1])):
                    continue
                total = state.value + value
                left = tuple(a - b for a, b in zip(knapsack.limits, spent, strict=True))
                bound = total + rest[at + 1] + _dot(multipliers, left)
                other = found.get(spent)
                if bound > floor and (other is None or total > other.value):
                    found[spent] = _Partial(total, spent, (option, state.options), bound)
        partial = _undominated(list(found.values()))
        if width is not None and len(partial) > width:
            partial = sorted(partial, key=lambda state: -state.bound)[:width]
    partial = [state for state in partial if state.value > floor]
    if not partial:
        return None
    link, options = max(partial, key=lambda state: state.value).options, [0] * len(order)
    for item in reversed(order):
        options[item], link = link
    return options


def _rest(
    knapsack: Knapsack, order: Sequence[int], multipliers: tuple[int, ...]
) -> tuple[list[int], list[tuple[int, ...]]]:
    """Returns, for each place in the order, bounds of what the items from there on give.

    That is their greatest value less multipliers times prices, and their least prices.
    """
    values = [0]
    least: list[tuple[int, ...]] = [(0,) * len(knapsack.limits)]
    for item in reversed(order):
        options = list(zip(knapsack.values[item], knapsack.prices[item], strict=True))
        values.append(values[-1] + max(v - _dot(multipliers, p) for v, p in options))
        cheapest = tuple(min(each) for each in zip(*knapsack.prices[item], strict=True))
        least.append(_added(least[-1], cheapest))
    return values[::-1], least[::-1]


def _multipliers(knapsack: Knapsack) -> tuple[int, ...]:
    """Returns the multipliers of the linear relaxation, rounded; any of at least 0 are valid."""
    values = [[value - each[0] for value in each] for each in knapsack.values]
    scale = max(abs(value) for each in values for value in each) or 1
    columns = [(item, option) for item, each in enumerate(values) for option in range(len(each))]
    gain = np.array([values[i][o] / scale for i, o in columns])
    limits = [limit or 1 for limit in knapsack.limits]
    price = np.array(
        [[knapsack.prices[i][o][k] / limit for i, o in columns] for k, limit in enumerate(limits)]
    )
    one = np.array([[float(i == item) for i, _ in columns] for item in range(len(values))])
    solved = linprog(
        -gain, A_ub=price, b_ub=np.ones(len(limits)), A_eq=one, b_eq=np.ones(len(one))
    )
    if solved.ineqlin is None:
        return (0,) * len(limits)
    found = np.nan_to_num(-np.asarray(solved.ineqlin.marginals)).clip(0)
    return tuple(
        int(each * 2**40) * scale // (limit << 40)
        for each, limit in zip(found, limits, strict=True)
    )


def _undominated(partial: list[_Partial]) -> list[_Partial]:
    """Returns the partial choices that no other equals or beats in every respect."""
    kept: list[_Partial] = []
    # Along the last price, ascending, only greater values remain.
    prices: list[int] = []
    values: list[int] = []
    for state in sorted(partial, key=lambda state: (state.spent, -state.value)):
        price = state.spent[-1] if len(state.spent) > 1 else 0
        at = bisect.bisect_right(prices, price)
        if at and values[at - 1] >= state.value:
            continue
        kept.append(state)
        start = bisect.bisect_left(prices, price)
        stop = start
        while stop < len(values) and values[stop] <= state.value:
            stop += 1
        prices[start:stop], values[start:stop] = [price], [state.value]
    return kept


def _added(*prices: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(map(sum, zip(*prices, strict=True)))


def _dot(a: tuple[int, ...], b: tuple[int, ...]) -> int:
    return sum(x * y for x, y in zip(a, b, strict=True))
