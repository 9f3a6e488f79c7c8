# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Attention in near and in far windows at once (EMOv2, arXiv 2412.06674; card 32)."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from vit_perception.models.windows import head_places, head_rows, lay_far_windows, lay_windows

EPS = 1e-6


class TokenExpansion(nn.Module):
    """LayerNorm, a 1x1 convolution and GELU; [B, H, W, C_in] to [B, H, W, C_out]."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(c_in, eps=EPS)
        self.value = nn.Linear(c_in, c_out)

    def forward(self, x: Tensor) -> Tensor:
        return functional.gelu(self.value(self.norm(x)))


class WindowAttention(TokenExpansion):
    """Attention in near windows plus attention in far ones, with the same q, k and v.

    Channels come last, so that splitting into windows and joining them are gathers of rows by
    constant tables.

    Args:
        c_in, c_out: channels of the map, and of the values and the output.
        heads: of both attentions.
        window: side of the windows; maps are padded to multiples of it, without a mask.
    """

    def __init__(self, c_in: int, c_out: int, heads: int, window: int) -> None:
        super().__init__(c_in, c_out)
        self.heads = heads
        self.window = window
        self.query_key = nn.Linear(c_in, 2 * c_in)

    def forward(self, x: Tensor) -> Tensor:
        """Maps [B, H, W, C_in] to [B, H, W, C_out]."""
        height, width, c_in = (int(side) for side in x.shape[1:])
        # One row per token, as a single matrix product needs them.
        tokens = self.norm(x).reshape(-1, c_in)
        query_key = self.query_key(tokens)
        value = functional.gelu(self.value(tokens))
        count = height * width
        if height % self.window or width % self.window:
            # The result for a token of zeros; tables refer to it as the last one.
            query_key = _with_row(query_key, self.query_key.bias, count)
            value = _with_row(value, functional.gelu(self.value.bias), count)
            count += 1
        queries, keys, values, *back = (
            torch.from_numpy(table).to(x.device)
            for table in _tables(height, width, self.window, self.heads)
        )
        query_key = query_key.reshape(-1, count * 2 * self.heads, self.key_dim)
        value = value.reshape(-1, count * self.heads, self.value_dim)
        query, key = _rows(query_key, queries), _rows(query_key, keys)
        scores = (query @ key.transpose(-2, -1)) * self.key_dim**-0.5
        mixed = scores.softmax(dim=-1) @ _rows(value, values)
        mixed = mixed.reshape(-1, values.numel(), self.value_dim)
        parts = [mixed.index_select(1, table) for table in back]
        summed: Tensor = parts[0] + parts[1] if len(parts) == 2 else 2 * parts[0]
        return summed.reshape(-1, height, width, self.value.out_features)

    @property
    def key_dim(self) -> int:
        """Channels of a head's queries and keys."""
        return self.query_key.in_features // self.heads

    @property
    def value_dim(self) -> int:
        """Channels of a head's values."""
        return self.value.out_features // self.heads


def _rows(x: Tensor, table: Tensor) -> Tensor:
    """Gathers rows of [B, N, D] by a table [P, heads, w * w] into [B, P, heads, w * w, D]."""
    return x.index_select(1, table.flatten()).reshape(-1, *table.shape, x.shape[2])


def _with_row(tokens: Tensor, row: Tensor, count: int) -> Tensor:
    """Appends one more token per picture to tokens [B * N, C]: [B, N + 1, C]."""
    tokens = tokens.reshape(-1, count, tokens.shape[1])
    return torch.cat((tokens, row.expand(tokens.shape[0], 1, -1)), dim=1)


@lru_cache(maxsize=16)
def _tables(height: int, width: int, window: int, heads: int) -> tuple[np.ndarray, ...]:
    """Returns the rows of queries, keys and values, and the places of the tokens afterwards.

    The first three are [P, heads, w * w] for all P windows, near and far; then one [N * heads] for
    each kind of window. If there is only one window, both kinds are the same, with one table.
    """
    area = window * window
    kinds = [lay((height, width), (window, window)) for lay in (lay_windows, lay_far_windows)]
    count = len(kinds[0].cells) // area
    if count == 1:
        kinds = kinds[:1]
    windows = np.concatenate([kind.cells.numpy().reshape(-1, area) for kind in kinds])
    rows = [head_rows(windows, heads, *part) for part in ((0, 2), (1, 2), (0, 1))]
    back = [
        head_places(kind.places.numpy() + index * count * area, area, heads)
        for index, kind in enumerate(kinds)
    ]
    return *rows, *back
