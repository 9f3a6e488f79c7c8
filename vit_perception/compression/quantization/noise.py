# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Eight-bit graphs for timing only, calibrated on random pictures."""

from __future__ import annotations

import numpy as np

from vit_perception.compression.quantization.qdq import quantize_graph
from vit_perception.compression.quantization.selection import PRODUCTS

_PICTURES = 2


def quantized_with_noise(model: bytes, size: tuple[int, int]) -> bytes:
    """Quantizes a graph with random weights, whose speed is valid but whose outputs are not.

    Args:
        model: float ONNX file with the input `image` uint8 [1, H, W, 3].
        size: H and W.

    Raises:
        QuantizationError: as `quantize_graph`.
    """
    generator = np.random.default_rng(0)
    images = (generator.integers(0, 256, (1, *size, 3), np.uint8) for _ in range(_PICTURES))
    return quantize_graph(model, images, "minmax", ends=PRODUCTS).model
