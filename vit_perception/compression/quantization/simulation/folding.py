# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Folds batch norms into the convolutions before them."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from vit_perception.compression.quantization.simulation.provenance import calls_of


def fold_norms(model: nn.Module, images: Tensor) -> None:
    """Folds each BatchNorm that alone reads a convolution into it, in place (card 08).

    W·γ/σ, (b − μ)·γ/σ + β. What a norm of timm does behind (its activation) stays.

    Args:
        model: in eval mode.
        images: an example, float [B, 3, H, W].
    """
    norms = (nn.BatchNorm1d, nn.BatchNorm2d)
    calls = calls_of(model, (nn.Conv2d, *norms), images)
    counts: dict[str, int] = {}
    for call in calls:
        counts[call.name] = counts.get(call.name, 0) + 1
    made_by = {
        id(call.output): call.name
        for call in calls
        if isinstance(model.get_submodule(call.name), nn.Conv2d)
    }
    for call in calls:
        norm = model.get_submodule(call.name)
        source = made_by.get(id(call.inputs[0])) if call.inputs else None
        if not isinstance(norm, norms) or source is None:
            continue
        if call.inputs[0].readers != [call.name] or counts[source] > 1 or counts[call.name] > 1:
            continue
        convolution = model.get_submodule(source)
        assert isinstance(convolution, nn.Conv2d)
        if norm.running_mean is not None:
            _fold(convolution, norm)
            _replace(model, call.name, _rest_of(norm))


def _fold(convolution: nn.Conv2d, norm: nn.BatchNorm1d | nn.BatchNorm2d) -> None:
    mean, variance = norm.running_mean, norm.running_var
    assert mean is not None and variance is not None
    with torch.no_grad():
        # In double: σ may be far from 1, and what is folded is compared with float.
        factor = (variance.double() + norm.eps).rsqrt()
        if norm.weight is not None:
            factor = factor * norm.weight.double()
        bias = torch.zeros_like(mean) if convolution.bias is None else convolution.bias
        shifted = (bias.double() - mean.double()) * factor
        if norm.bias is not None:
            shifted = shifted + norm.bias.double()
        kernel = convolution.weight.double() * factor.reshape(-1, 1, 1, 1)
        dtype = convolution.weight.dtype
        convolution.weight = nn.Parameter(kernel.to(dtype), requires_grad=False)
        convolution.bias = nn.Parameter(shifted.to(dtype), requires_grad=False)


def _rest_of(norm: nn.Module) -> nn.Module:
    """Returns what a norm of timm (`BatchNormAct2d`) computes behind the norm."""
    rest = [copy.deepcopy(part) for part in norm.children()]
    parts = [part for part in rest if not isinstance(part, nn.Identity)]
    return nn.Sequential(*parts) if parts else nn.Identity()


def _replace(model: nn.Module, name: str, module: nn.Module) -> None:
    parent, _, last = name.rpartition(".")
    setattr(model.get_submodule(parent), last, module)
