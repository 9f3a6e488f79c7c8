# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Counts multiply-adds of a torch module, in convolutions and matrix products."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode


@torch.no_grad()
def multiply_adds(module: nn.Module, *arguments: Tensor) -> int:
    """Counts the multiply-adds of one pass, without norms, activations and additions."""
    counter = FlopCounterMode(display=False)
    # torch's operator table lacks the CPU's fused attention; it has its two products.
    with sdpa_kernel(SDPBackend.MATH), counter:
        module(*arguments)
    return counter.get_total_flops() // 2
