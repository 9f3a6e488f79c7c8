# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Attention whose queries and keys know their places, as in DETR (arXiv 2005.12872)."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F


class PlacedAttention(nn.Module):
    """Attention between tokens [B, N, C]: places are added to queries and keys, not to values.

    Args:
        width, heads: of the tokens.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query_key = nn.Linear(width, 2 * width)
        self.value = nn.Linear(width, width)
        self.proj = nn.Linear(width, width)
        for part in (*self.query_key.weight.chunk(2), self.value.weight, self.proj.weight):
            nn.init.xavier_uniform_(part)
        for layer in (self.query_key, self.value, self.proj):
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor, places: Tensor, mask: Tensor | None = None) -> Tensor:
        """Returns [B, N, C].

        Args:
            x: [B, N, C].
            places: broadcasts to it.
            mask: bool [N, N], which keys a query may see; None for all.
        """
        query, key, value = (
            each.unflatten(2, (self.heads, -1)).transpose(1, 2)
            for each in (*self.query_key(x + places).chunk(2, 2), self.value(x))
        )
        seen = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        out: Tensor = self.proj(seen.transpose(1, 2).flatten(2))
        return out


def multilayer(*widths: int, activation: type[nn.Module] = nn.ReLU) -> nn.Sequential:
    """Returns linear layers between these widths, with an activation between two."""
    layers: list[nn.Module] = []
    for c_in, c_out in zip(widths, widths[1:], strict=False):
        layers += [nn.Linear(c_in, c_out), activation()]
    return nn.Sequential(*layers[:-1])
