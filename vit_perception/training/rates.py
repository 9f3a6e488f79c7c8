# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Learning rates: over the steps, and of the parts of a detector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from torch import nn

from vit_perception.models.detectors.dosod import DOSOD
from vit_perception.models.necks.shelf_pyramid import ShelfPyramid
from vit_perception.training.recipe import Recipe


class RateRecipe(Protocol):
    """What the learning rate depends on; see `recipe.Recipe`."""

    @property
    def steps(self) -> int: ...
    @property
    def learning_rate(self) -> float: ...
    @property
    def final_learning_rate(self) -> float: ...
    @property
    def warmup(self) -> int: ...


def learning_rate(recipe: RateRecipe, step: int) -> float:
    """Returns the rate of linear warm-up, then of linear decay to the recipe's final share."""
    if step < recipe.warmup:
        return recipe.learning_rate * (step + 1) / recipe.warmup
    progress = (step - recipe.warmup) / max(1, recipe.steps - recipe.warmup)
    return recipe.learning_rate * (1 - (1 - recipe.final_learning_rate) * min(1.0, progress))


def parameter_groups(model: DOSOD, recipe: Recipe) -> list[dict[str, object]]:
    """Returns AdamW's groups, each with its `share` of the learning rate.

    Only matrices and kernels decay (card 01, Training). The layers between a backbone of the shelf
    and the neck learn at the full rate.
    """
    trained = [p for p in model.parameters() if p.requires_grad]
    slow = set[nn.Parameter]()
    if recipe.backbone_rate != 1 and isinstance(model.backbone, ShelfPyramid):
        slow = set(model.backbone.backbone.parameters())
    elif recipe.backbone_rate != 1:
        slow = set(model.backbone.parameters())
    shares = {1.0: [p for p in trained if p not in slow]}
    if slow:
        shares[recipe.backbone_rate] = [p for p in trained if p in slow]
    return decaying_groups(shares, recipe.weight_decay)


def decaying_groups(
    shares: Mapping[float, Sequence[nn.Parameter]], weight_decay: float
) -> list[dict[str, object]]:
    """Returns AdamW's groups; only matrices and kernels decay.

    Args:
        shares: of the learning rate, with their parameters.
        weight_decay: of matrices and kernels.
    """
    return [
        {"params": [p for p in group if (p.ndim > 1) == matrix], "weight_decay": decay, "share": x}
        for x, group in shares.items()
        for matrix, decay in ((True, weight_decay), (False, 0.0))
    ]
