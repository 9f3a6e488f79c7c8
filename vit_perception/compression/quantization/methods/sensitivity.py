# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""How much a network suffers if one of its layers is quantized."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from vit_perception.compression.quantization.simulation.capture import divergence
from vit_perception.compression.quantization.simulation.layers import (
    computing,
    layers_of,
    set_quantized,
)


@torch.no_grad()
def sensitivities(
    model: nn.Module,
    images: Sequence[Tensor],
    logits: Callable[[Any], Tensor] | None = None,
) -> dict[str, float]:
    """Returns the divergence of the result when each layer alone is quantized, in order.

    The mean over images of KL(softmax(float) ‖ softmax(quantized)), at least 0.

    Args:
        model: wrapped, with quantizers; all its layers compute in float afterwards.
        images: batches, float [B, 3, H, W].
        logits: of the network's result, float [B, …, classes]. None: the result.
    """
    set_quantized(model, False)
    found: dict[str, float] = dict.fromkeys((x.place.name for x in layers_of(model)), 0.0)
    count = sum(len(batch) for batch in images)
    for batch in images:
        wanted = _logits(model(batch), logits)
        for layer in layers_of(model):
            with computing(layer, True):
                result = _logits(model(batch), logits)
            loss = float(divergence(result, wanted))
            # Round-off may bring it below 0.
            found[layer.place.name] += max(loss, 0.0) * len(batch) / count
    return found


def _logits(result: Any, logits: Callable[[Any], Tensor] | None) -> Tensor:
    made: Tensor = result if logits is None else logits(result)
    return made.double()
