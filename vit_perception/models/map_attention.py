# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Multi-head attention over maps whose projections are 1x1 convolutions.

Heads are channels and positions come last, so that a graph needs no extra transposes: those of the
two products are options of the matrix product.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional


def _heads(x: Tensor, count: int) -> Tensor:
    """Maps [B, C, H, W] to [B, heads, C / heads, H * W]."""
    # A plain number: a traced one would add a division to every graph of free size.
    width = int(x.shape[1]) // count
    return x.reshape(x.shape[0], count, width, -1)


def attend(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
    """Returns scaled dot-product attention of every position of `q` to all of `k`.

    Args:
        q: [B, C, H, W]; scaled by (C / heads)**-0.5 here.
        k, v: [B, C, h, w].
        heads: of contiguous channels.

    Returns:
        [B, C, H, W].
    """
    query, key, value = (_heads(x, heads).transpose(2, 3) for x in (q, k, v))
    mixed = functional.scaled_dot_product_attention(query, key, value)
    return mixed.transpose(2, 3).reshape(q.shape)


def attend_scaled(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
    """Works as :func:`attend`, for inference: two products, and `q` already scaled."""
    scores = _heads(q, heads).transpose(2, 3) @ _heads(k, heads)
    mixed = _heads(v, heads) @ scores.softmax(dim=-1).transpose(2, 3)
    return mixed.reshape(q.shape)
