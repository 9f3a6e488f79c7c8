# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Removes the mean error of a quantized layer (bias correction, card 69)."""

from __future__ import annotations

import torch
from torch import Tensor

from vit_perception.compression.quantization.simulation.capture import Record
from vit_perception.compression.quantization.simulation.layers import (
    QuantizedConv2d,
    WeightedLayer,
    computing,
)


@torch.no_grad()
def correct_bias(layer: WeightedLayer, record: Record, rows: int = 64) -> Tensor:
    """Adds the mean error of each output channel to the layer's `correction`.

    Args:
        layer: with its quantizers, but none of the output; its state stays.
        record: of it in float.
        rows: of the first axis that are computed at once, which bounds memory.

    Returns:
        What was added, float [out].
    """
    axis = 1 if isinstance(layer, QuantizedConv2d) else -1
    total = torch.zeros(len(layer.weight), dtype=torch.float64, device=layer.weight.device)
    count = 0
    with computing(layer, True):
        for start in range(0, len(record), rows):
            part = record.part(start, start + rows)
            error = (part.output - layer(*part.inputs)).movedim(axis, 0).flatten(1)
            total += error.double().sum(1)
            count += error.shape[1]
    mean = (total / count).to(layer.weight.dtype)
    layer.correction = mean if layer.correction is None else layer.correction + mean
    return mean
