# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Attention to tokens of the map itself and to summaries of earlier blocks (card 34)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from vit_perception.models.attention_bias import DistanceBias

HEAD_WIDTH = 32


class Projection(nn.Linear):
    """The layer of queries, keys and values, C to 3C; returns scaled queries."""

    def project(self, x: Tensor, sources: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Returns queries of tokens [B, N, C]; keys and values of `sources` [B, N + S, C]."""
        width = self.in_features
        query = functional.linear(x, self.weight[:width], self.bias[:width])
        both = functional.linear(sources, self.weight[width:], self.bias[width:])
        return query * HEAD_WIDTH**-0.5, both[..., :width], both[..., width:]

    @torch.no_grad()
    def fuse(self) -> SeparateProjections:
        """Returns the same as three layers, with the scale folded."""
        return SeparateProjections(self)


class SeparateProjections(nn.Module):
    """`Projection` for inference: separate layers, so nothing is split at run time."""

    def __init__(self, joint: Projection) -> None:
        super().__init__()
        width = joint.in_features
        device, dtype = joint.weight.device, joint.weight.dtype
        self.query, self.key, self.value = (
            nn.Linear(width, width, device=device, dtype=dtype) for _ in range(3)
        )
        for index, layer in enumerate((self.query, self.key, self.value)):
            part = slice(index * width, (index + 1) * width)
            layer.weight.copy_(joint.weight[part])
            layer.bias.copy_(joint.bias[part])
        self.query.weight.mul_(HEAD_WIDTH**-0.5)
        self.query.bias.mul_(HEAD_WIDTH**-0.5)

    def project(self, x: Tensor, sources: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Works as `Projection.project`."""
        return self.query(x), self.key(sources), self.value(sources)


class CrossAttention(nn.Module):
    """Self-attention of the tokens of a map, with summaries of earlier blocks as further keys.

    Args:
        width: channels, a multiple of 32.
        size: height and width of the map, N = H * W.
        summaries: tokens of earlier blocks, S; 0 for a stage's first block.

    Attributes:
        cross_scale [1, S, 1], cross_bias [1, heads, 1, S]: of the summaries; absent if S = 0.
    """

    def __init__(self, width: int, size: tuple[int, int], summaries: int) -> None:
        super().__init__()
        self.width, self.heads = width, width // HEAD_WIDTH
        self.tokens, self.summaries = size[0] * size[1], summaries
        self.qkv: Projection | SeparateProjections = Projection(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.bias = DistanceBias(self.heads, size)
        if summaries:
            self.cross_scale = nn.Parameter(torch.ones(1, summaries, 1))
            self.cross_norm = nn.LayerNorm(width)
            self.cross_bias = nn.Parameter(torch.zeros(1, self.heads, 1, summaries))

    def forward(self, x: Tensor, summaries: Tensor | None) -> Tensor:
        """Returns [B, N, C] from normed tokens [B, N, C] and summaries [B, S, C]."""
        sources, pair_bias = x, self.bias()
        if summaries is not None:
            sources = torch.cat([x, self.cross_norm(summaries * self.cross_scale)], dim=1)
            cross = self.cross_bias[0].repeat(1, self.tokens, 1)
            pair_bias = torch.cat([pair_bias, cross], dim=2)
        query, key, value = self.qkv.project(x, sources)
        split = (-1, self.tokens + self.summaries, self.heads, HEAD_WIDTH)
        query = query.reshape(-1, self.tokens, *split[2:]).transpose(1, 2)
        key, value = key.reshape(split), value.reshape(split).transpose(1, 2)
        if torch.onnx.is_in_onnx_export():
            # The exporter's form of torch's attention would scale queries and keys again.
            logits = query @ key.permute(0, 2, 3, 1) + pair_bias
            mixed = logits.softmax(dim=-1) @ value
        else:
            mixed = functional.scaled_dot_product_attention(
                query, key.transpose(1, 2), value, pair_bias[None], scale=1.0
            )
        out: Tensor = self.proj(mixed.transpose(1, 2).reshape(-1, self.tokens, self.width))
        return out
