# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""How far activations of a transformer lie apart (arXiv 2306.12929, Section 5; card 55)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

BRANCHES = ("attn", "mlp")
"""Names of the modules whose outputs timm's transformer blocks add to their input."""
EPSILON = 1e-6


@dataclass(frozen=True, slots=True)
class Outliers:
    """Figures of the outputs of attention blocks and feed-forward networks.

    Attributes:
        infinity_norm: largest magnitude in a picture, averaged over pictures, of the layer where
            it is largest.
        kurtosis: of a token's channels, averaged over tokens, pictures and layers; 3 where they
            are normally distributed.
        infinity_norms: the former by the layer's name.
        kurtoses: the latter by the layer's name, averaged over tokens and pictures.
    """

    infinity_norm: float
    kurtosis: float
    infinity_norms: dict[str, float]
    kurtoses: dict[str, float]


def kurtosis(x: Tensor) -> Tensor:
    """Returns E[(x - mean)^4] / (variance^2 + 1e-6) over the last axis."""
    apart = x - x.mean(-1, keepdim=True)
    square = apart.square()
    return square.square().mean(-1) / (square.mean(-1).square() + EPSILON)


@torch.no_grad()
def measure_outliers(model: nn.Module, batches: Iterable[Tensor]) -> Outliers:
    """Runs a network in eval mode and returns the figures of its branches.

    Args:
        model: with modules of the names `BRANCHES` that return [B, ..., C]; its mode is restored.
        batches: at least one, each float [B, 3, H, W].

    Raises:
        ValueError: there is no such module or no picture.
    """
    layers = {
        name: module
        for name, module in model.named_modules()
        if name.rpartition(".")[2] in BRANCHES
    }
    sums = {name: torch.zeros(2, dtype=torch.float64) for name in layers}
    hooks = [
        module.register_forward_hook(partial(_add, sums[name])) for name, module in layers.items()
    ]
    training, pictures = model.training, 0
    model.eval()
    try:
        for batch in batches:
            model(batch)
            pictures += len(batch)
    finally:
        model.train(training)
        for hook in hooks:
            hook.remove()
    if not layers or not pictures:
        raise ValueError(
            f"expected modules named {' or '.join(BRANCHES)} and pictures, found {len(layers)} "
            f"and {pictures}"
        )
    means = {name: (total / pictures).tolist() for name, total in sums.items()}
    norms = {name: mean[0] for name, mean in means.items()}
    kurtoses = {name: mean[1] for name, mean in means.items()}
    return Outliers(max(norms.values()), sum(kurtoses.values()) / len(kurtoses), norms, kurtoses)


def _add(total: Tensor, module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
    """Adds a batch's infinity norms and kurtoses, as a forward hook."""
    rows = output.detach().flatten(1, -2).double()
    total[0] += rows.flatten(1).abs().amax(1).sum().cpu()
    total[1] += kurtosis(rows).mean(1).sum().cpu()
