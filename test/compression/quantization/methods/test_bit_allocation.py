# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Bits of layers within a budget: card 48, "How to verify", against every choice there is."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence

import pytest

torch = pytest.importorskip("torch")

from test.compression.quantization.tiny import pictures, tiny_vit  # noqa: E402
from vit_perception.compression.quantization.methods.bit_allocation import (  # noqa: E402
    Budget,
    allocate,
)
from vit_perception.compression.quantization.methods.layer_costs import (  # noqa: E402
    Costs,
    costs_of,
)
from vit_perception.compression.quantization.simulation.wrapped import wrap  # noqa: E402
from vit_perception.models.macs import multiply_adds  # noqa: E402

pytestmark = pytest.mark.torch

BITS = (3, 4, 5)
BUDGETS = [Budget(4), Budget(4, operations=False), Budget(4, size=False), Budget(3.7)]


def problem(seed: int, layers: int = 8) -> tuple[list[float], list[Costs]]:
    """Returns scores and costs; some layers are products, some cost the same."""
    generator = random.Random(seed)
    scores = [generator.random() ** 4 for _ in range(layers)]
    costs = [
        Costs(generator.choice([0, 10, 100, generator.randint(1, 999)]), generator.randint(1, 999))
        for _ in range(layers)
    ]
    return scores, costs


def worth(scores: Sequence[float], bits: Sequence[int], utility: str) -> float:
    gains = (each if utility == "linear" else -(4.0**-each) for each in bits)
    return sum(score * gain for score, gain in zip(scores, gains, strict=True))


def met(bits: Sequence[int], costs: Sequence[Costs], budget: Budget) -> bool:
    pairs = list(zip(bits, costs, strict=True))
    size = sum(b * each.parameters for b, each in pairs)
    operations = sum(b**2 * each.operations for b, each in pairs)
    small = size <= budget.mean * sum(each.parameters for each in costs)
    fast = operations <= budget.mean**2 * sum(each.operations for each in costs)
    return (small or not budget.size) and (fast or not budget.operations)


@pytest.mark.parametrize("utility", ["noise", "linear"])
@pytest.mark.parametrize("budget", BUDGETS)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_no_choice_within_the_budget_is_better(utility: str, budget: Budget, seed: int) -> None:
    scores, costs = problem(seed)
    found = allocate(scores, costs, BITS, budget, utility=utility)
    choices = itertools.product(BITS, repeat=8)
    wanted = max(worth(scores, each, utility) for each in choices if met(each, costs, budget))
    assert met(found, costs, budget)
    assert worth(scores, found, utility) == pytest.approx(wanted, rel=1e-12)
    greedy = allocate(scores, costs, BITS, budget, utility=utility, solver="greedy")
    assert met(greedy, costs, budget)
    least = worth(scores, (3,) * 8, utility)
    assert worth(scores, greedy, utility) - least >= 0.85 * (wanted - least)
    assert worth(scores, greedy, utility) <= wanted + 1e-12


@pytest.mark.parametrize("solver", ["exact", "greedy"])
@pytest.mark.parametrize("utility", ["noise", "linear"])
def test_equal_layers_get_equal_bits(utility: str, solver: str) -> None:
    scores, costs = [1 / 74] * 74, [Costs(1000, 5000)] * 74
    for bits, mean in (((3, 4, 5), 4), ((5, 6, 7), 6), ((4, 8), 8)):
        found = allocate(scores, costs, bits, Budget(mean), utility=utility, solver=solver)
        if solver == "exact" or utility == "noise":
            assert found == (mean,) * 74
        assert met(found, costs, Budget(mean))


@pytest.mark.parametrize("utility", ["noise", "linear"])
@pytest.mark.parametrize("budget", BUDGETS[:3])
def test_more_relevance_never_means_fewer_bits(utility: str, budget: Budget) -> None:
    raised = 0
    for seed in range(4):
        scores, costs = problem(seed)
        before = allocate(scores, costs, BITS, budget, utility=utility)
        for layer in range(8):
            for factor in (1.01, 2, 30):
                more = [*scores]
                more[layer] *= factor
                after = allocate(more, costs, BITS, budget, utility=utility)
                assert after[layer] >= before[layer]
                raised += after[layer] > before[layer]
    assert raised > 0


def test_a_large_network_is_solved_exactly_within_bounds() -> None:
    generator = random.Random(0)
    scores = [generator.lognormvariate(0, 1.5) for _ in range(90)]
    costs = [Costs(generator.randint(100, 500000), generator.randint(1, 10**8)) for _ in scores]
    exact = allocate(scores, costs, BITS, Budget(4))
    greedy = allocate(scores, costs, BITS, Budget(4), solver="greedy")
    assert met(exact, costs, Budget(4))
    assert worth(scores, exact, "noise") > worth(scores, greedy, "noise")
    # No two layers that exchange a bit, or one that gains one, make it better.
    for one, other in itertools.permutations(range(90), 2):
        moved = [*exact]
        moved[one], moved[other] = moved[one] + 1, moved[other] - 1
        if moved[one] <= 5 and moved[other] >= 3 and met(moved, costs, Budget(4)):
            assert worth(scores, moved, "noise") <= worth(scores, exact, "noise")


def test_what_cannot_be_allocated_is_told() -> None:
    with pytest.raises(ValueError, match="a budget of at least 3 in the mean, found 2.5"):
        allocate([1.0], [Costs(10, 10)], BITS, Budget(2.5))
    with pytest.raises(ValueError, match="candidates of 1 to 32, found \\(0, 4\\)"):
        allocate([1.0], [Costs(10, 10)], (4, 0), Budget(4))
    for score in (-1.0, float("nan")):
        with pytest.raises(ValueError, match="scores of at least 0"):
            allocate([score], [Costs(10, 10)], BITS, Budget(4))


def test_costs_are_those_of_the_network() -> None:
    model = tiny_vit()
    found = costs_of(wrap(model, pictures(1)), pictures(1))
    assert found["blocks.0.attn.qkv"] == Costs(48 * 144, 17 * 48 * 144)
    assert found["blocks.0.attn.scores"] == Costs(0, 3 * 17 * 17 * 16)
    assert found["patch_embed.proj"] == Costs(48 * 192, 16 * 48 * 192)
    assert sum(each.operations for each in found.values()) == multiply_adds(model, pictures(1))
