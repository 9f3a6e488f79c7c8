# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What an encoder learns to read with, and what holds its features (UNIT, card 63).

Training alone needs them, unless a robot reads what was found.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vit_perception.models.text.characters import BEGIN, END


class QueryCompressor(nn.Module):
    """Learned queries that look at all tokens of a picture once.

    Args:
        source: channels of the tokens.
        width: channels of what is returned.
        queries: K, their number.
        heads: of the attention.
    """

    def __init__(self, source: int, width: int = 384, queries: int = 32, heads: int = 6) -> None:
        super().__init__()
        self.queries = nn.Parameter(torch.empty(1, queries, width))
        nn.init.trunc_normal_(self.queries, std=0.02)
        self.norm = nn.LayerNorm(source)
        self.attention = nn.MultiheadAttention(
            width, heads, kdim=source, vdim=source, batch_first=True
        )
        self.last = nn.LayerNorm(width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Maps [B, N, source] to [B, K, width]."""
        queries = self.queries.expand(len(tokens), -1, -1)
        tokens = self.norm(tokens)
        seen, _ = self.attention(queries, tokens, tokens, need_weights=False)
        out: Tensor = self.last(queries + seen)
        return out


class TextDecoder(nn.Module):
    """A causal transformer that writes what the queries of a picture know.

    Args:
        characters: size of the alphabet, special ones included.
        width, depth, heads, hidden: of its layers.
        longest: characters of the longest text.
    """

    def __init__(
        self,
        characters: int,
        width: int = 384,
        depth: int = 2,
        heads: int = 6,
        hidden: int = 1536,
        longest: int = 128,
    ) -> None:
        super().__init__()
        self.longest = longest
        self.embedding = nn.Embedding(characters, width)
        self.positions = nn.Parameter(torch.empty(1, longest + 1, width))
        for table in (self.embedding.weight, self.positions):
            nn.init.trunc_normal_(table, std=0.02)
        self.layers = nn.ModuleList(
            nn.TransformerDecoderLayer(
                width, heads, hidden, 0.0, "gelu", batch_first=True, norm_first=True
            )
            for _ in range(depth)
        )
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, characters)

    def forward(self, text: Tensor, queries: Tensor) -> Tensor:
        """Returns logits [B, T, characters] of the characters that follow each of a text.

        Args:
            text: int64 [B, T], at most `longest` + 1 of them.
            queries: of the pictures, [B, K, width].
        """
        length = int(text.shape[1])
        x = self.embedding(text) + self.positions[:, :length]
        later = torch.full((length, length), float("-inf"), device=x.device).triu(1)
        for layer in self.layers:
            x = layer(x, queries, tgt_mask=later, tgt_is_causal=True)
        out: Tensor = self.head(self.norm(x))
        return out

    @torch.no_grad()
    def write(self, queries: Tensor) -> Tensor:
        """Returns the likeliest next character, one after the other; int64 [B, T] with END."""
        text = torch.full((len(queries), 1), BEGIN, device=queries.device)
        ended = torch.zeros(len(queries), dtype=torch.bool, device=queries.device)
        for _ in range(self.longest + 1):
            following = self(text, queries)[:, -1].argmax(1)
            text = torch.cat((text, following[:, None]), 1)
            ended |= following == END
            if ended.all():
                break
        return text[:, 1:]


class FeatureDecoder(nn.Sequential):
    """A perceptron from features to those of a teacher; [..., width] to the same shape.

    It begins as the identity: a student that begins as its teacher has nothing to correct. Far
    from 0, GELU is the identity, and there the features are moved to.
    """

    REACH = 32.0
    """How far; more than any value behind a LayerNorm of 1024 channels, but for its scale."""

    def __init__(self, width: int) -> None:
        first, second = nn.Linear(width, width), nn.Linear(width, width)
        super().__init__(first, nn.GELU(), second)
        with torch.no_grad():
            for layer, shift in ((first, self.REACH), (second, -self.REACH)):
                layer.weight.copy_(torch.eye(width))
                layer.bias.fill_(shift)
