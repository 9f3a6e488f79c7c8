# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Attention in which a token chooses whom it sends to (arXiv 2304.03282, card 03).

A child weighs its parents, as a query weighs keys, and its value goes to them. A gate says how
much it sends at all, and what it closes stays closed in later layers.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

TEMPERATURE = 0.1
"""Of the choice of a head; a child uses hardly more than one."""


class Messages(NamedTuple):
    """Who sends how much to whom.

    Attributes:
        sent: what each child sends in all, 0 to 1, [B, N].
        shares: the same by heads, [B, H, N, 1].
        choices: of children among parents, [B, H, N children, N parents]; rows sum to 1.
    """

    sent: Tensor
    shares: Tensor
    choices: Tensor

    def dependencies(self) -> Tensor:
        """Returns what each parent takes of each child, [B, N parents, N children]."""
        return (self.choices * self.shares).sum(1).transpose(1, 2)

    def received(self) -> Tensor:
        """Returns what each parent takes in all, [B, N]."""
        return (self.choices.transpose(2, 3) @ self.shares).sum((1, 3))


class ReversedAttention(nn.Module):
    """Attention between tokens [B, N, C], from children to parents.

    What a parent takes is a sum that is not normalised. The card's form for the CPU: values are
    weighed before the product, so that there is one map of weights and not two.

    Args:
        width, heads: of the tokens.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.scale = (width // heads) ** -0.5
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.choose = nn.Linear(width, heads, bias=False)
        self.gate = nn.Sequential(
            nn.Linear(width, width // 2, bias=False),
            nn.GELU(),
            nn.Linear(width // 2, 1, bias=False),
        )
        self.proj = nn.Linear(width, width)

    def reset_gate(self) -> None:
        """Lets the gate begin with torch's first weights.

        With the small ones of ViTs all tokens would send alike, and rounding say which stay.
        """
        for layer in self.gate:
            if isinstance(layer, nn.Linear):
                layer.reset_parameters()

    def forward(self, x: Tensor, sent: Tensor) -> tuple[Tensor, Messages]:
        """Returns what parents make of what they take [B, N, C], and who sent it.

        Args:
            x: tokens [B, N, C].
            sent: what each token sent in the layer before, [B, N]; 1 before the first.
        """
        parts = self.qkv(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        query, key, value = parts.unbind(0)
        choices = (query * self.scale @ key.transpose(2, 3)).softmax(3)
        sent = sent * self.gate(x).sigmoid().squeeze(2)
        shares = (self.choose(x) / TEMPERATURE).softmax(2) * sent.unsqueeze(2)
        shares = shares.transpose(1, 2).unsqueeze(3)
        taken = choices.transpose(2, 3) @ (shares * value)
        out: Tensor = self.proj(taken.transpose(1, 2).flatten(2))
        return out, Messages(sent, shares, choices)
