# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Blocks that run several times, with attention in slices of tokens (SReT, card 21)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from timm.layers import DropPath
from torch import Tensor, nn

from vit_perception.models.fusing import scale_rows
from vit_perception.models.prenorm import TokenAttention, perceptron


class ScaledSum(nn.Module):
    """A sum of a stream and a branch, with a learned scalar for each."""

    def __init__(self) -> None:
        super().__init__()
        self.kept = nn.Parameter(torch.ones(1))
        self.added: nn.Parameter | None = nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor, branch: Tensor) -> Tensor:
        if self.added is not None:
            branch = self.added * branch
        return self.kept * x + branch

    def fold_into(self, layer: nn.Module) -> None:
        """Moves the branch's scalar into its last layer, a linear one with bias."""
        if self.added is not None:
            assert isinstance(layer, nn.Linear)
            scale_rows(layer, self.added)
            self.added = None


@lru_cache(maxsize=32)
def _order(tokens: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Returns an order of tokens, always the same, and the order that undoes it."""
    order = np.random.default_rng(tokens).permutation(tokens)
    return order, np.argsort(order)


class Shuffle(nn.Module):
    """Brings tokens into a random order and back; maps of another size take another order.

    Args:
        tokens: for which the order is drawn.
        resample: whether each pass in training draws a new order, as the paper does.
    """

    order: Tensor
    inverse: Tensor

    def __init__(self, tokens: int, *, resample: bool = False) -> None:
        super().__init__()
        self.resample = resample
        order = torch.randperm(tokens)
        self.register_buffer("order", order)
        self.register_buffer("inverse", order.argsort())

    def orders(self, tokens: int) -> tuple[Tensor, Tensor]:
        """Returns the order for this pass [tokens], and the one that undoes it; int64."""
        if self.training and self.resample:
            order = torch.randperm(tokens, device=self.order.device)
            return order, order.argsort()
        if tokens == len(self.order):
            return self.order, self.inverse
        there, back = _order(tokens)
        return torch.from_numpy(there).to(self.order), torch.from_numpy(back).to(self.order)


def in_slices(mixer: nn.Module, x: Tensor, count: int) -> Tensor:
    """Applies a mixer to each of some slices of consecutive tokens.

    Slices differ by one token where the number of tokens is no multiple of theirs.

    Args:
        mixer: keeps the shape of tokens [B, n, C].
        x: [B, N, C].
        count: of slices; N at most are made.

    Returns:
        [B, N, C].
    """
    tokens = int(x.shape[1])
    count = min(count, tokens)
    if count == 1:
        whole: Tensor = mixer(x)
        return whole
    size, longer = divmod(tokens, count)
    if longer:
        cut = longer * (size + 1)
        first, second = x.split((cut, tokens - cut), 1)
        parts = (
            _in_equal_slices(mixer, first, longer),
            _in_equal_slices(mixer, second, count - longer),
        )
        return torch.cat(parts, 1)
    return _in_equal_slices(mixer, x, count)


def _in_equal_slices(mixer: nn.Module, x: Tensor, count: int) -> Tensor:
    """Applies a mixer to equal slices; [B, N, C] to the same shape, N a multiple of `count`."""
    mixed = mixer(x.unflatten(1, (count, -1)).flatten(0, 1))
    out: Tensor = mixed.unflatten(0, (-1, count)).flatten(1, 2)
    return out


class Block(nn.Module):
    """Attention in slices and a perceptron, each added with learned scalars.

    Args:
        width, heads: of the tokens.
        hidden: width inside the perceptron.
        drop_path: rate of stochastic depth, in training.
    """

    def __init__(self, width: int, heads: int, hidden: int, drop_path: float) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, 1e-6)
        self.attention = TokenAttention(width, heads, bias=True)
        self.sum1 = ScaledSum()
        self.norm2 = nn.LayerNorm(width, 1e-6)
        self.perceptron = perceptron(width, hidden)
        self.sum2 = ScaledSum()
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor, slices: int = 1, shuffle: Shuffle | None = None) -> Tensor:
        """Maps tokens [B, N, C] to the same shape; `shuffle` says which share a slice."""
        tokens = self.norm1(x)
        if shuffle is None:
            seen = in_slices(self.attention, tokens, slices)
        else:
            order, inverse = shuffle.orders(int(x.shape[1]))
            shuffled = in_slices(self.attention, tokens.index_select(1, order), slices)
            seen = shuffled.index_select(1, inverse)
        x = self.sum1(x, self.drop_path(seen))
        out: Tensor = self.sum2(x, self.drop_path(self.perceptron(self.norm2(x))))
        return out

    def reparameterize(self) -> None:
        """Folds the scalars of both branches."""
        self.sum1.fold_into(self.attention.proj)
        self.sum2.fold_into(self.perceptron[2])


class Link(nn.Module):
    """A perceptron between two runs; tokens [B, N, width] to the same shape."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, 1e-6)
        self.perceptron = perceptron(width, hidden)
        self.sum = ScaledSum()

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.sum(x, self.perceptron(self.norm(x)))
        return out

    def reparameterize(self) -> None:
        """Folds the scalar of the branch."""
        self.sum.fold_into(self.perceptron[2])


class Recursion(nn.Module):
    """Blocks that run several times each, with a link of its own behind each run.

    Args:
        blocks: in order.
        links: as many as runs of all blocks.
        slices: of attention in each run of a block.
        tokens: for which orders are drawn.
        resample: see `Shuffle`.
    """

    def __init__(
        self,
        blocks: Sequence[Block],
        links: Sequence[Link],
        slices: Sequence[int],
        tokens: int,
        *,
        resample: bool = False,
    ) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.links = nn.ModuleList(links)
        self.slices = tuple(slices)
        # The first run keeps neighbours together.
        self.shuffles = nn.ModuleList(
            Shuffle(tokens, resample=resample) for _ in blocks if max(slices[1:], default=1) > 1
        )

    def runs(self) -> list[tuple[Block, int, Shuffle | None, Link]]:
        """Returns, in order, what runs: a block, its slices and shuffle, and the link behind."""
        found: list[Any] = []
        for index, block in enumerate(self.blocks):
            for loop, count in enumerate(self.slices):
                shuffle = self.shuffles[index] if loop and count > 1 else None
                found.append((block, count, shuffle, self.links[len(found)]))
        return found

    def forward(self, x: Tensor) -> Tensor:
        """Maps [B, C, H, W] to the same shape."""
        size = (int(x.shape[2]), int(x.shape[3]))
        tokens = x.flatten(2).transpose(1, 2)
        for block, count, shuffle, link in self.runs():
            tokens = link(block(tokens, count, shuffle))
        out: Tensor = tokens.transpose(1, 2).unflatten(2, size)
        return out
