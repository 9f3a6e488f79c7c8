# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""An encoder of many tokens in groups, which meet through few latents (FIT, card 43).

Layers between the tokens of a group and layers between the latents of all groups take turns. A
group's latents read its tokens and are read by them. At the best number of groups, the cost grows
with the number of tokens to the power of 4/3, not of 2. A group is a part of a picture, or a
camera, or a part of one; absent ones may be left out.
"""

from __future__ import annotations

import re
from functools import partial
from typing import Any, NamedTuple

import torch
from timm.models.vision_transformer import Block
from torch import Tensor, nn
from torch.nn import functional as F

from vit_perception.models.staged import stagewise_rates

_PAIR = re.compile(r"\((\d+)\)(\d*)")
_EPS = 1e-6


def parse_layers(text: str) -> tuple[tuple[int, int], ...]:
    """Returns pairs of local and global layers, such as ((2, 4), (2, 0)) of "(2)4(2)".

    Raises:
        ValueError: it is not such a text, or a pair but the last has no global layers.
    """
    if not re.fullmatch(rf"(?:{_PAIR.pattern})+", text):
        raise ValueError(f"layers: expected pairs such as (2)4(2), found {text!r}")
    pairs = tuple((int(local), int(apart or 0)) for local, apart in _PAIR.findall(text))
    if not all(apart for _, apart in pairs[:-1]):
        raise ValueError(f"layers: expected global layers in each pair but the last, found {text}")
    return pairs


class Exchange(nn.Module):
    """What one set of tokens learns from another: attention, without a perceptron.

    Args:
        width, source: channels of both; attention has those of the narrower.
        heads: of the attention.
    """

    def __init__(self, width: int, source: int, heads: int) -> None:
        super().__init__()
        self.heads, inner = heads, min(width, source)
        self.norm1 = nn.LayerNorm(width, _EPS)
        self.norm2 = nn.LayerNorm(source, _EPS)
        self.query = nn.Linear(width, inner)
        self.key = nn.Linear(source, inner)
        self.value = nn.Linear(source, inner)
        self.proj = nn.Linear(inner, width)

    def forward(self, x: Tensor, others: Tensor) -> Tensor:
        """Returns what to add to `x` [B, N, width] after a look at `others` [B, M, source]."""
        others = self.norm2(others)
        query, key, value = (
            each.unflatten(2, (self.heads, -1)).transpose(1, 2)
            for each in (self.query(self.norm1(x)), self.key(others), self.value(others))
        )
        seen = F.scaled_dot_product_attention(query, key, value)
        out: Tensor = self.proj(seen.transpose(1, 2).flatten(2))
        return out


class Pair(nn.Module):
    """Local layers, and global layers between a look at the tokens and one back.

    Args:
        width, latent_width: channels of tokens and latents.
        heads, latent_heads: of their attention.
        local, apart: rates of stochastic depth, one for each local or global layer.
        last: there is no look back.
    """

    def __init__(
        self,
        width: int,
        latent_width: int,
        heads: int,
        latent_heads: int,
        local: list[float],
        apart: list[float],
        last: bool,
    ) -> None:
        super().__init__()
        norm: Any = partial(nn.LayerNorm, eps=_EPS)
        make = partial(Block, qkv_bias=True, norm_layer=norm)
        self.local = nn.Sequential(*(make(width, heads, drop_path=rate) for rate in local))
        self.apart = nn.Sequential(
            *(make(latent_width, latent_heads, drop_path=rate) for rate in apart)
        )
        few = min(heads, latent_heads)
        self.read = Exchange(latent_width, width, few) if apart else None
        self.write = None if last else Exchange(width, latent_width, few)

    def forward(self, x: Tensor, latents: Tensor) -> tuple[Tensor, Tensor]:
        """Maps tokens [B, t, n, c] and latents [B, t, m, d] to the same shapes."""
        batch, groups = int(x.shape[0]), int(x.shape[1])
        x, latents = self.local(x.flatten(0, 1)), latents.flatten(0, 1)
        if self.read is not None:
            latents = latents + self.read(latents, x)
            together = latents.unflatten(0, (batch, groups)).flatten(1, 2)
            latents = self.apart(together).unflatten(1, (groups, -1)).flatten(0, 1)
        if self.write is not None:
            x = x + self.write(x, latents)
        return x.unflatten(0, (batch, groups)), latents.unflatten(0, (batch, groups))


class Encoded(NamedTuple):
    """What `InterleavedEncoder` gives, normalised.

    Attributes:
        tokens: [B, t, n, c].
        latents: [B, t, m, d].
    """

    tokens: Tensor
    latents: Tensor


class InterleavedEncoder(nn.Module):
    """Tokens in groups, behind their embedding.

    Args:
        layers: see `parse_layers`.
        groups: t, groups there are; each has latents of its own, which tell it apart.
        latents: m, of each group.
        width, latent_width: c and d, channels of tokens and latents.
        heads, latent_heads: of their attention.
        identity: channels of what a caller tells of each group; 0 for nothing.
        drop_path_rate: of the last layer, in training.

    Raises:
        ValueError: as `parse_layers`.
    """

    def __init__(
        self,
        layers: str,
        groups: int,
        latents: int,
        width: int,
        latent_width: int,
        heads: int,
        latent_heads: int,
        identity: int = 0,
        drop_path_rate: float = 0.0,
    ) -> None:
        super().__init__()
        pairs = parse_layers(layers)
        self.latents = nn.Parameter(torch.empty(groups, latents, latent_width))
        nn.init.trunc_normal_(self.latents, std=0.02)
        self.identity = (
            nn.Sequential(nn.Linear(identity, width), nn.LayerNorm(width, _EPS))
            if identity
            else None
        )
        rates = stagewise_rates(drop_path_rate, [sum(map(sum, pairs))])[0]
        self.pairs = nn.ModuleList()
        for index, (local, apart) in enumerate(pairs):
            pair = Pair(
                width,
                latent_width,
                heads,
                latent_heads,
                rates[:local],
                rates[local : local + apart],
                last=index == len(pairs) - 1,
            )
            rates = rates[local + apart :]
            self.pairs.append(pair)
        self.norm = nn.LayerNorm(width, _EPS)
        self.latent_norm = nn.LayerNorm(latent_width, _EPS)
        self.apply(_initialise)

    def forward(
        self, x: Tensor, present: Tensor | None = None, identities: Tensor | None = None
    ) -> Encoded:
        """Encodes tokens [B, t, n, c].

        Args:
            x: the tokens, with positions inside their group alone.
            present: int64 [t], which groups they are; None if all are there, in their order.
            identities: [B, t, k], what is told of each group, if the encoder has `identity`.
        """
        if (identities is None) != (self.identity is None):
            raise ValueError("identities: expected if and only if the encoder has them")
        own = self.latents if present is None else self.latents[present]
        latents = own.repeat(int(x.shape[0]), 1, 1, 1)
        if self.identity is not None:
            x = torch.cat((self.identity(identities).unsqueeze(2), x), 2)
        for pair in self.pairs:
            x, latents = pair(x, latents)
        if self.identity is not None:
            x = x[:, :, 1:]
        return Encoded(self.norm(x), self.latent_norm(latents))


def groups_of_map(x: Tensor, groups: tuple[int, int]) -> Tensor:
    """Cuts a map into rows and columns of equal parts.

    Args:
        x: [B, C, H, W].
        groups: rows and columns of groups, by which H and W can be divided.

    Returns:
        [B, groups, cells of one, C], both row by row.
    """
    batch, channels, height, width = (int(side) for side in x.shape)
    rows, columns = groups
    parts = x.reshape(batch, channels, rows, height // rows, columns, width // columns)
    return parts.permute(0, 2, 4, 3, 5, 1).flatten(3, 4).flatten(1, 2)


def map_of_groups(x: Tensor, groups: tuple[int, int], size: tuple[int, int]) -> Tensor:
    """Joins what `groups_of_map` has cut; [B, t, n, C] to [B, C, *size]."""
    height, width = size
    rows, columns = groups
    parts = x.reshape(int(x.shape[0]), rows, columns, height // rows, width // columns, -1)
    return parts.permute(0, 5, 1, 3, 2, 4).flatten(4, 5).flatten(2, 3)


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        nn.init.zeros_(module.bias)
