# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""How much each layer contributes to a network's decisions (LRP-QViT; card 48, parts 1 and 2)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any, Literal

from torch import Tensor, nn

from vit_perception.compression.quantization.methods.relevance import relevances
from vit_perception.compression.quantization.simulation.layers import (
    QuantizedProduct,
    layers_of,
)

Score = Literal["absolute", "signed", "mean_absolute"]

_log = logging.getLogger(__name__)


def contributions(
    model: nn.Module,
    images: Sequence[Tensor],
    *,
    score: Score = "absolute",
    top: int = 1,
    alpha: float = 1.0,
    logits: Callable[[Any], Tensor] | None = None,
) -> dict[str, float]:
    """Returns the contribution of each layer, in order, at least 0 and 1 in sum.

    The paper scores layers by the relevance that reaches them; its formula is not known to us.
    Here it is the mean over images of the relevance R at a layer's input, of both operands of a
    product before they are halved. Logs for each block with attention how much of the output's
    relevance reaches it, which is about 1.

    Args:
        model: of `wrap`, in float.
        images: batches, float [B, 3, H, W].
        score: "absolute" is Σ|R|, "signed" |ΣR|, "mean_absolute" Σ|R| over the number of values.
        top, alpha, logits: see `relevance.relevances`.

    Raises:
        ValueError: an operator has no rule, or no relevance reaches any layer.
    """
    layers = layers_of(model)
    names = [layer.place.name for layer in layers]
    blocks = _blocks(model)
    totals = dict.fromkeys(names, 0.0)
    kept = dict.fromkeys(blocks, 0.0)
    for batch in images:
        found = relevances(
            model,
            batch,
            list(dict.fromkeys((*names, *blocks))),
            top=top,
            alpha=alpha,
            logits=logits,
        )
        for layer in layers:
            operands = found[layer.place.name]
            halves = 2 if isinstance(layer, QuantizedProduct) else 1
            totals[layer.place.name] += halves * _scored(operands, score, len(batch))
        for name in blocks:
            kept[name] += sum(float(x.double().sum()) for x in found[name])
    count = sum(len(batch) for batch in images) * top
    for name in blocks:
        _log.debug("relevance at %s: %.3f of the output's", name, kept[name] / count)
    # Of "signed", an image's sums may have either sign; what counts is how much of it there is.
    sizes = {name: abs(total) for name, total in totals.items()}
    whole = sum(sizes.values())
    if not whole > 0:
        raise ValueError("relevance: expected some to reach the layers, found none")
    return {name: size / whole for name, size in sizes.items()}


def _scored(operands: tuple[Tensor, ...], score: Score, images: int) -> float:
    values = [x.double() for x in operands]
    if score == "signed":
        return sum(float(x.sum()) for x in values)
    absolute = sum(float(x.abs().sum()) for x in values)
    if score == "absolute":
        return absolute
    return absolute * images / sum(x.numel() for x in values)


def _blocks(model: nn.Module) -> list[str]:
    """Returns the names of the modules that hold an attention."""
    products = (x for x in layers_of(model) if isinstance(x, QuantizedProduct))
    names = (layer.place.name.rsplit(".", 2) for layer in products)
    return list(dict.fromkeys(parts[0] for parts in names if len(parts) == 3))
