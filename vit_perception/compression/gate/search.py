# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Finds the layers whose loss of precision costs accuracy, with few evaluations.

Reverting one layer after the other takes an evaluation for each. Here layers are halved: one half
alone is put in few bits; if it loses half of what both lose, it is halved again, else the other
one is, until one layer is left. That takes the logarithm of their number. A range that hurts
belongs to a tensor between layers: if reverting the layer that was found brings little, its
neighbours are tried before the next search.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

Drop = Callable[[frozenset[str]], float]
"""From the layers in few bits to how much is lost, at least 0 where nothing is."""


@dataclass(frozen=True)
class Step:
    """One layer that went back to float.

    Attributes:
        layer: its name.
        alone: drop with this layer alone in few bits; None where it was not measured.
        before, after: drop of the whole graph.
    """

    layer: str
    alone: float | None
    before: float
    after: float


@dataclass(frozen=True)
class Mended:
    """What a search found.

    Attributes:
        floats: layers that are float, in the order in which they were found.
        drop: of the graph with them.
        steps: what each of them brought.
        exhausted: whether the search ended for want of evaluations.
    """

    floats: tuple[str, ...]
    drop: float
    steps: tuple[Step, ...]
    exhausted: bool


class Search:
    """Puts layers back to float until the drop is within a limit.

    Args:
        layers: all that can be in few bits, in the order of the graph.
        drop: measures a choice of them.
        budget: evaluations at most; a choice that was measured before is none.
    """

    def __init__(self, layers: Sequence[str], drop: Drop, budget: int) -> None:
        self._layers = tuple(layers)
        self._drop, self._budget = drop, budget
        self._known: dict[frozenset[str], float] = {frozenset(): 0.0}

    @property
    def evaluations(self) -> int:
        """Choices that were measured."""
        return len(self._known) - 1

    def mend(self, limit: float) -> Mended:
        """Returns which layers have to be float.

        Args:
            limit: largest drop allowed.
        """
        floats: list[str] = []
        steps: list[Step] = []
        try:
            drop = self._measured(self._without(floats))
            while drop > limit and len(floats) < len(self._layers):
                before, layer = drop, self._worst(floats, drop)
                drop = self._reverted(floats, steps, layer, drop)
                if limit < drop and drop > before / 2:
                    drop = self._with_a_neighbour(floats, steps, layer, drop)
        except _OutOfBudgetError:
            drop = steps[-1].after if steps else self._all()
            return Mended(tuple(floats), drop, tuple(steps), exhausted=True)
        return Mended(tuple(floats), drop, tuple(steps), exhausted=False)

    def alone(self, layer: str) -> float | None:
        """Returns the drop of one layer alone; None where the budget does not allow it."""
        try:
            return self._measured(frozenset({layer}))
        except _OutOfBudgetError:
            return None

    def _worst(self, floats: Sequence[str], drop: float) -> str:
        """Returns the layer that loses most, of those in few bits, which lose `drop` together."""
        group = self._layers
        while len(group) > 1:
            middle = len(group) // 2
            half = frozenset(group[:middle]) - set(floats)
            lost = self._measured(half)
            other = frozenset(group[middle:]) - set(floats)
            if other and (not half or lost < drop / 2):
                # Not measured: what the first half does not lose, the second one does.
                group, drop = group[middle:], drop - lost
            else:
                group, drop = group[:middle], lost
        return group[0]

    def _with_a_neighbour(
        self, floats: list[str], steps: list[Step], layer: str, drop: float
    ) -> float:
        place = self._layers.index(layer)
        for near in (place + 1, place - 1):
            if not 0 <= near < len(self._layers) or self._layers[near] in floats:
                continue
            if self._measured(self._without([*floats, self._layers[near]])) < drop / 2:
                return self._reverted(floats, steps, self._layers[near], drop)
        return drop

    def _reverted(self, floats: list[str], steps: list[Step], layer: str, drop: float) -> float:
        """Puts a layer back to float, if that can be measured, and returns the drop without it."""
        after = self._measured(self._without([*floats, layer]))
        floats.append(layer)
        steps.append(Step(layer, self._known.get(frozenset({layer})), drop, after))
        return after

    def _all(self) -> float:
        return self._known.get(frozenset(self._layers), float("inf"))

    def _without(self, floats: Sequence[str]) -> frozenset[str]:
        return frozenset(self._layers) - set(floats)

    def _measured(self, layers: frozenset[str]) -> float:
        if layers not in self._known:
            if self.evaluations >= self._budget:
                raise _OutOfBudgetError
            self._known[layers] = self._drop(layers)
        return self._known[layers]


class _OutOfBudgetError(Exception):
    """No evaluation is left."""
