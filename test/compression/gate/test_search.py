# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Layers that hurt are found with few evaluations."""

from __future__ import annotations

import math

import numpy as np
import pytest

from vit_perception.compression.gate.search import Search

LAYERS = tuple(f"layer {number}" for number in range(90))


class Network:
    """Each layer costs some accuracy; costs add up."""

    def __init__(self, costs: dict[str, float], noise: float = 1e-4) -> None:
        random = np.random.default_rng(0)
        self.costs = {layer: noise * float(random.random()) for layer in LAYERS} | costs
        self.asked: list[frozenset[str]] = []

    def __call__(self, layers: frozenset[str]) -> float:
        self.asked.append(layers)
        return sum(self.costs[layer] for layer in layers)


def test_nothing_is_searched_within_the_limit() -> None:
    network = Network({})
    found = Search(LAYERS, network, 100).mend(0.01)
    assert (found.floats, found.steps, found.exhausted) == ((), (), False)
    assert len(network.asked) == 1 and found.drop == pytest.approx(0.0045, abs=1e-3)


@pytest.mark.parametrize("place", [0, 1, 44, 45, 88, 89])
def test_one_layer_is_found_by_halving(place: int) -> None:
    network = Network({LAYERS[place]: 0.3})
    search = Search(LAYERS, network, 100)
    found = search.mend(0.01)
    assert found.floats == (LAYERS[place],) and found.drop < 0.01
    [step] = found.steps
    assert step.layer == LAYERS[place]
    assert step.alone is None or step.alone == pytest.approx(0.3, abs=1e-3)
    assert step.before > 0.3 > step.after == found.drop
    assert search.evaluations == len(network.asked) == len(set(network.asked))
    assert len(network.asked) <= math.ceil(math.log2(len(LAYERS))) + 2


def test_the_next_ones_cost_less_and_the_worst_come_first() -> None:
    costs = {LAYERS[80]: 0.05, LAYERS[3]: 0.2, LAYERS[41]: 0.1}
    network = Network(costs)
    found = Search(LAYERS, network, 100).mend(0.01)
    assert found.floats == (LAYERS[3], LAYERS[41], LAYERS[80])
    assert [step.after < step.before for step in found.steps] == [True] * 3
    # One by one it would take 90.
    assert len(network.asked) <= 27


def test_costs_that_only_come_together_are_mended_all_the_same() -> None:
    """A tensor between two layers: its range hurts as long as one of them is in few bits."""

    def drop(layers: frozenset[str]) -> float:
        return 0.4 if layers & {LAYERS[30], LAYERS[31]} else 0.0

    search = Search(LAYERS, drop, 100)
    found = search.mend(0.01)
    assert set(found.floats) == {LAYERS[30], LAYERS[31]} and found.drop == 0.0
    assert search.evaluations <= 11
    assert search.alone(LAYERS[31]) == 0.4 and search.alone(LAYERS[32]) == 0.0


def test_a_budget_ends_it_and_what_was_measured_stands() -> None:
    costs = {LAYERS[3]: 0.2, LAYERS[41]: 0.1}
    for budget in range(1, 30):
        network = Network(costs)
        found = Search(LAYERS, network, budget).mend(0.01)
        assert len(network.asked) <= budget
        left = sum(network.costs[layer] for layer in LAYERS if layer not in found.floats)
        assert found.drop == pytest.approx(left)
        assert found.exhausted == (found.drop > 0.01)
    assert not found.exhausted
    nothing = Search(LAYERS, Network(costs), 0).mend(0.01)
    assert nothing.exhausted and nothing.drop == math.inf


def test_all_layers_can_be_float() -> None:
    found = Search(LAYERS[:5], lambda layers: float(len(layers)), 100).mend(0.5)
    assert sorted(found.floats) == list(LAYERS[:5]) and found.drop == 0
