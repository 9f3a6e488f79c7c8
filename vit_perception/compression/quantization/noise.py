# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Eight-bit graphs for timing alone: their ranges come from pictures of noise."""

from __future__ import annotations

import numpy as np

from vit_perception.compression.quantization.qdq import quantize_graph
from vit_perception.compression.quantization.selection import PRODUCTS

_PICTURES = 2


def quantized_with_noise(model: bytes, size: tuple[int, int]) -> bytes:
    """Quantize a graph with random weights; what it computes means nothing, its speed does.

    Args:
        model: from `image` uint8 [1, H, W, 3], in float.
        size: H and W.

    Raises:
        QuantizationError: as `quantize_graph`.
    """
    generator = np.random.default_rng(0)
    images = (generator.integers(0, 256, (1, *size, 3), np.uint8) for _ in range(_PICTURES))
    return quantize_graph(model, images, "minmax", ends=PRODUCTS).model
