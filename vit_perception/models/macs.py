# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Multiply-adds of a torch module, of convolutions and matrix products."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode


@torch.no_grad()
def multiply_adds(module: nn.Module, *arguments: Tensor) -> int:
    """Multiply-adds of one pass; norms, activations and additions are not counted."""
    counter = FlopCounterMode(display=False)
    # The fused attention of a CPU is not in torch's table of operators; its two products are.
    with sdpa_kernel(SDPBackend.MATH), counter:
        module(*arguments)
    return counter.get_total_flops() // 2
