# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Tokens of which some are dropped on the way, and where all of them lie (card 03)."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor


class TokenStream(NamedTuple):
    """Tokens that are still there, and those that were dropped.

    Attributes:
        tokens: [B, n, C].
        sent: what each sends, [B, n].
        places: of each in the picture, int64 [B, n], of 0 to N - 1.
        dropped: the others, as they were last; empty streams in the end.
    """

    tokens: Tensor
    sent: Tensor
    places: Tensor
    dropped: tuple[TokenStream, ...] = ()

    def keep(self, count: int, score: Tensor) -> TokenStream:
        """Returns the tokens of the highest scores, and the others as dropped.

        Args:
            count: how many; all of them keep their order.
            score: [B, n].
        """
        if count == self.tokens.shape[1]:
            return self
        order = score.topk(int(score.shape[1]), 1).indices
        tokens = self.tokens.gather(1, order.unsqueeze(2).expand_as(self.tokens))
        sent, places = self.sent.gather(1, order), self.places.gather(1, order)
        rest = TokenStream(tokens[:, count:], sent[:, count:], places[:, count:])
        return TokenStream(
            tokens[:, :count], sent[:, :count], places[:, :count], (*self.dropped, rest)
        )

    def whole(self) -> tuple[Tensor, Tensor]:
        """Returns all tokens [B, N, C] and what they send [B, N], row by row."""
        if not self.dropped:
            return self.tokens, self.sent
        parts = (self, *self.dropped)
        tokens, sent, places = (
            torch.cat(each, 1)
            for each in (
                [part.tokens for part in parts],
                [part.sent for part in parts],
                [part.places for part in parts],
            )
        )
        wide = places.unsqueeze(2).expand_as(tokens)
        return (
            torch.zeros_like(tokens).scatter(1, wide, tokens),
            torch.zeros_like(sent).scatter(1, places, sent),
        )


def kept_of(count: int, ratio: float, index: int) -> int:
    """Returns how many tokens stay.

    Args:
        count: tokens that are there.
        ratio: share of the tokens of the picture that is dropped at once.
        index: how often some were dropped, with this time; ratio * index is less than 1.
    """
    share = (1 - ratio * index) / (1 - ratio * (index - 1))
    # Rounding must not cost a token where the product is whole.
    return max(1, math.floor(count * share + 1e-9))
