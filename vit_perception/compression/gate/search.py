# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Finds the layers whose loss of precision costs accuracy, with few evaluations.

Reverting one layer after the other takes an evaluation for each. Here layers are halved: of two
halves, each alone in few bits, the one that loses more is halved again, until one layer is left.
That takes twice the logarithm of their number, and next to nothing for the next one, as the
halves that did not change are known.
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
        alone: drop with this layer alone in few bits.
        before, after: drop of the whole graph.
    """

    layer: str
    alone: float
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
                layer, alone = self._worst(floats)
                floats.append(layer)
                after = self._measured(self._without(floats))
                steps.append(Step(layer, alone, drop, after))
                drop = after
        except _OutOfBudgetError:
            # The last layer was not measured.
            floats = floats[: len(steps)]
            if not steps:
                drop = self._known.get(frozenset(self._layers), float("inf"))
            return Mended(tuple(floats), drop, tuple(steps), exhausted=True)
        return Mended(tuple(floats), drop, tuple(steps), exhausted=False)

    def alone(self, layer: str) -> float | None:
        """Returns the drop of one layer alone; None where the budget does not allow it."""
        try:
            return self._measured(frozenset({layer}))
        except _OutOfBudgetError:
            return None

    def _worst(self, floats: Sequence[str]) -> tuple[str, float]:
        group = self._layers
        while len(group) > 1:
            middle = len(group) // 2
            halves = [group[:middle], group[middle:]]
            drops = [self._measured(frozenset(half) - set(floats)) for half in halves]
            # A half without a layer in few bits has nothing to lose.
            left = [bool(set(half) - set(floats)) for half in halves]
            first = left[0] and (not left[1] or drops[0] >= drops[1])
            group = halves[0] if first else halves[1]
        return group[0], self._measured(frozenset(group))

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
