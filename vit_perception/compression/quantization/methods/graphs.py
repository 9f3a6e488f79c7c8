# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What methods find in torch, for a graph that engines compute in eight bits.

A method runs on the network from which the graph is written. What it changes there without a
change of results, such as the scales of a norm, is written as float weights; ranges, rounded
weights and corrected biases go to the nodes that compute in eight bits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from vit_perception.compression.quantization.layer_codes import LayerCodes
from vit_perception.compression.quantization.methods.q_hyvit import QHyViT
from vit_perception.compression.quantization.methods.quantize import quantize
from vit_perception.compression.quantization.methods.repq import RepQ
from vit_perception.compression.quantization.methods.uniform import UniformPTQ
from vit_perception.compression.quantization.simulation.bits import Bits
from vit_perception.compression.quantization.simulation.layers import (
    WeightedLayer,
    layers_of,
    set_quantized,
)
from vit_perception.compression.quantization.simulation.quantizers import Uniform

PICTURES = 8
"""A search looks at so many of the pictures, spread evenly: it computes each layer often."""
_BITS = Bits(weight=7)  # as `qdq` has them
_FACTORS: dict[str, Any] = {"low": 0.4, "high": 1.1, "count": 14}
_COARSE: dict[str, Any] = {**_FACTORS, "rounds": 1}
CONFIGS: dict[str, Any] = {
    "mse": UniformPTQ(_BITS, "mse", **_FACTORS),
    "output-error": UniformPTQ(_BITS, "output_mse", bias_correction=True, **_COARSE),
    "repq": RepQ(_BITS, logarithm=0),
    "q-hyvit": QHyViT(_BITS, deployable=True, loss=None, bias_correction=True, **_COARSE),
}
"""By the names of `method_names.PAPERS`. Errors are not weighted: a detector has no logits."""


@dataclass(frozen=True)
class GraphSource:
    """What a graph is written from.

    Attributes:
        network: takes a picture as the graph does, uint8 [1, H, W, 3], and returns anything.
        write: returns the ONNX file of the network, or of a copy with other layers.
    """

    network: nn.Module
    write: Callable[[nn.Module], bytes]


def found_by(
    source: GraphSource, images: Sequence[NDArray[np.uint8]], method: str
) -> tuple[bytes, list[LayerCodes]]:
    """Returns the float graph of a method, and what it found for the layers.

    Args:
        source: of the graph.
        images: for calibration, uint8 [1, H, W, 3], at least one.
        method: a key of CONFIGS.
    """
    chosen = np.linspace(0, len(images) - 1, min(PICTURES, len(images))).round().astype(int)
    pictures = [torch.from_numpy(np.ascontiguousarray(images[number])) for number in chosen]
    made = quantize(source.network, CONFIGS[method], pictures)
    codes = [codes_of(layer) for layer in layers_of(made) if isinstance(layer, WeightedLayer)]
    set_quantized(made, False)
    return source.write(made), codes


@torch.no_grad()
def codes_of(layer: WeightedLayer) -> LayerCodes:
    """Returns what a method found for a layer.

    A weight with a zero point, or of other bits than seven, is left to the graph.
    """
    low = high = rounded = scale = None
    taken = layer.input_quantizer
    if isinstance(taken, Uniform) and taken.scale.numel() == 1:
        ends = torch.tensor([taken.lowest, taken.highest]) - taken.zero_point.reshape(())
        low, high = (ends * taken.scale.reshape(())).tolist()
    weight = layer.weight_quantizer
    if isinstance(weight, Uniform) and weight.signed and weight.bits == _BITS.weight:
        rounded = layer.quantized_weight().numpy().copy()
        spread = weight.scale.reshape(-1)
        scale = spread.repeat_interleave(len(rounded) // len(spread)).numpy().copy()
    correction = None if layer.correction is None else layer.correction.numpy().copy()
    return LayerCodes(
        layer.place.name, layer.weight.numpy().copy(), low, high, rounded, scale, correction
    )
