# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""T2T-ViT: patches from two attention layers over overlapping windows (2101.11986, card 16).

The layers of the default networks have linear attention with random features (performers), those
of `t2t_vit_t_*` softmax attention. Positions are sines, not learned. The paper trains with
stochastic depth of 0.1; it is 0 here unless it is asked for.
"""

from __future__ import annotations

import math
from functools import lru_cache, partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from timm.models import register_model
from torch import Tensor, nn
from torch.nn import functional as F

from vit_perception.models.plain import SteppedBackbone
from vit_perception.models.prenorm import (
    PreNormBlock,
    TokenAttention,
    initialise_products,
    perceptron,
)
from vit_perception.models.shelf import Variant
from vit_perception.models.staged import build, stagewise_rates

TOKEN = 64
"""Channels of the tokens between windows."""
FEATURES = TOKEN // 2
"""Random features of linear attention."""
STRIDE = 16
_TINY = 1e-8


class Unfold(nn.Module):
    """Windows of a map as channels, as torch's `Unfold`, in slices: ONNX has no unfolding.

    Args:
        channels: of the map.
        kernel, stride, padding: of the windows.

    Attributes:
        width: channels * kernel**2.
    """

    def __init__(self, channels: int, kernel: int, stride: int, padding: int) -> None:
        super().__init__()
        self.kernel, self.stride, self.padding = kernel, stride, padding
        self.width = channels * kernel**2

    def forward(self, x: Tensor) -> Tensor:
        """Maps [B, channels, H, W] to [B, width, h, w]."""
        x = F.pad(x, [self.padding] * 4)
        rows, columns = ((int(side) - self.kernel) // self.stride + 1 for side in x.shape[2:])
        parts = [
            x[
                :,
                :,
                row : row + self.stride * (rows - 1) + 1 : self.stride,
                column : column + self.stride * (columns - 1) + 1 : self.stride,
            ]
            for row in range(self.kernel)
            for column in range(self.kernel)
        ]
        return torch.stack(parts, 2).flatten(1, 2)


class SoftmaxLayer(nn.Module):
    """Attention with one head, whose values take the place of its input; [B, N, C] to TOKEN."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.scale = width**-0.5
        self.norm1 = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * TOKEN, bias=False)
        self.proj = nn.Linear(TOKEN, TOKEN)
        self.norm2 = nn.LayerNorm(TOKEN)
        self.perceptron = perceptron(TOKEN, TOKEN)

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = self.qkv(self.norm1(x)).chunk(3, 2)
        seen = F.scaled_dot_product_attention(query, key, value, scale=self.scale)
        x = value + self.proj(seen)
        out: Tensor = x + self.perceptron(self.norm2(x))
        return out


class PerformerLayer(nn.Module):
    """The same with linear attention: products of random features in place of a softmax.

    Attributes:
        projection: float32 [FEATURES, TOKEN], drawn once and kept with the weights.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.kqv = nn.Linear(width, 3 * TOKEN)
        self.proj = nn.Linear(TOKEN, TOKEN)
        self.norm2 = nn.LayerNorm(TOKEN)
        self.perceptron = perceptron(TOKEN, TOKEN)
        rows = nn.init.orthogonal_(torch.empty(FEATURES, TOKEN)) * math.sqrt(FEATURES)
        self.register_buffer("projection", rows)

    def forward(self, x: Tensor) -> Tensor:
        key, query, value = self.kqv(self.norm1(x)).chunk(3, 2)
        seen = linear_attention(self.features(query), self.features(key), value)
        x = value + self.proj(seen)
        out: Tensor = x + self.perceptron(self.norm2(x))
        return out

    def features(self, x: Tensor) -> Tensor:
        """Returns positive features [B, N, FEATURES] of queries or keys [B, N, TOKEN]."""
        projection = self.projection
        assert isinstance(projection, Tensor)
        return random_features(x.float(), projection)


def random_features(x: Tensor, projection: Tensor) -> Tensor:
    """Returns exp(W x - |x|^2 / 2) / sqrt(m), whose products estimate exp(x y).

    Args:
        x: [..., D].
        projection: W [m, D].
    """
    half = x.square().sum(-1, keepdim=True) / 2
    found: Tensor = torch.exp(x @ projection.T - half) / len(projection) ** 0.5
    return found


def linear_attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Returns values, weighted by products of features; linear in the number of tokens.

    Args:
        query, key: positive features [B, N, m].
        value: [B, N, C].
    """
    sums = key.transpose(1, 2) @ value.float()
    weights = query @ key.sum(1).unsqueeze(2)
    found: Tensor = query @ sums / (weights + _TINY)
    return found.to(value.dtype)


@lru_cache(maxsize=8)
def _sines(count: int, width: int) -> NDArray[np.float32]:
    """Returns positions [1, count, width]: sines on even channels, cosines on odd ones."""
    channels = np.arange(width)
    angles = np.arange(count)[:, None] / 10_000 ** (2 * (channels // 2) / width)
    return np.where(channels % 2, np.cos(angles), np.sin(angles)).astype(np.float32)[None]


class T2TViT(SteppedBackbone):
    """The network; its map has stride 16.

    Args:
        width, depth, heads: of the tokens.
        ratio: hidden width of perceptrons, in terms of `width`.
        performer: whether the windows' attention is linear.
        drop_path_rate: of the last block, in training.
        in_chans, num_classes: see timm.
    """

    def __init__(
        self,
        width: int,
        depth: int,
        heads: int,
        ratio: int,
        performer: bool = True,
        drop_path_rate: float = 0.0,
        in_chans: int = 3,
        num_classes: int = 1000,
    ) -> None:
        super().__init__()
        layer = PerformerLayer if performer else SoftmaxLayer
        self.windows = nn.ModuleList(
            (Unfold(in_chans, 7, 4, 2), Unfold(TOKEN, 3, 2, 1), Unfold(TOKEN, 3, 2, 1))
        )
        widths = [each.width for each in self.windows if isinstance(each, Unfold)]
        self.layers = nn.ModuleList(layer(each) for each in widths[:2])
        self.embed = nn.Conv2d(widths[2], width, 1)
        self.class_token = nn.Parameter(nn.init.trunc_normal_(torch.empty(1, 1, width), std=0.02))
        rates = stagewise_rates(drop_path_rate, [depth])[0]
        self.blocks = nn.Sequential(
            *(
                PreNormBlock(
                    partial(nn.LayerNorm, width),
                    TokenAttention(width, heads),
                    perceptron(width, ratio * width),
                    rate,
                )
                for rate in rates
            )
        )
        self.norm = nn.LayerNorm(width)
        self.assemble(width=width, patch=STRIDE, num_classes=num_classes)
        self.apply(initialise_products)

    def first_tokens(self, x: Tensor) -> Tensor:
        """Returns the class token and the tokens of the patches behind it."""
        first, *others = self.windows
        x = first(x)
        for layer, unfold in zip(self.layers, others, strict=True):
            rows, columns = int(x.shape[2]), int(x.shape[3])
            tokens = layer(x.flatten(2).transpose(1, 2))
            x = unfold(tokens.transpose(1, 2).unflatten(2, (rows, columns)))
        patches = self.embed(x).flatten(2).transpose(1, 2)
        token = torch.zeros_like(patches[:, :1]) + self.class_token
        tokens = torch.cat((token, patches), 1)
        positions = _sines(int(tokens.shape[1]), int(tokens.shape[2]))
        return tokens + torch.from_numpy(positions).to(tokens)

    def with_patches(self, tokens: Tensor, patches: Tensor) -> Tensor:
        """Returns patches with the first of the tokens."""
        return torch.cat((tokens[:, :1], patches), 1)

    def grid_of(self, height: int, width: int) -> tuple[int, int]:
        """Returns rows and columns of patches: those of the windows."""
        sides = []
        for side in (height, width):
            side = (side + 4 - 7) // 4 + 1
            sides.append(-(-side // 4))  # halved twice, rounded up
        return sides[0], sides[1]

    def patches_of(self, tokens: Tensor) -> Tensor:
        """Returns all tokens but the first."""
        return tokens[:, 1:]

    def pooled(self, tokens: Tensor) -> Tensor:
        """Returns the first token."""
        return tokens[:, 0]


_NETWORKS = {
    "t2t_vit_7": (256, 7, 4, 2),
    "t2t_vit_10": (256, 10, 4, 2),
    "t2t_vit_12": (256, 12, 4, 2),
    "t2t_vit_14": (384, 14, 6, 3),
    "t2t_vit_19": (448, 19, 7, 3),
    "t2t_vit_24": (512, 24, 8, 3),
    "t2t_vit_t_14": (384, 14, 6, 3),
    "t2t_vit_t_19": (448, 19, 7, 3),
    "t2t_vit_t_24": (512, 24, 8, 3),
    "t2t_vit_14_resnext": (384, 14, 32, 3),
    "t2t_vit_14_wide": (768, 4, 12, 3),
}
"""Width, depth, heads and ratio of each."""


def _entrypoint(name: str) -> None:
    """Registers a network with timm."""
    arguments = dict(zip(("width", "depth", "heads", "ratio"), _NETWORKS[name], strict=True))
    performer = "_t_" not in name

    def create(pretrained: bool = False, **options: Any) -> nn.Module:
        return build(T2TViT, name, pretrained, performer=performer, **arguments, **options)

    create.__name__ = create.__qualname__ = name
    create.__module__ = __name__
    register_model(create)


for _name in _NETWORKS:
    _entrypoint(_name)


def _variant(name: str, parameters: int, gmacs: float, **more: Any) -> Variant:
    """Returns a variant; parameters are those that learn."""
    return Variant(
        name,
        card=16,
        parameters=parameters,
        macs=gmacs * 1e9,
        channels=(_NETWORKS[name][0],),
        reductions=(STRIDE,),
        **more,
    )


VARIANTS: tuple[Variant, ...] = (
    _variant("t2t_vit_7", 4_255_694, 1.156, representative=True, top1=71.7),
    _variant("t2t_vit_10", 5_834_702, 1.527, top1=75.2),
    _variant("t2t_vit_12", 6_887_374, 1.775, top1=76.5),
    _variant("t2t_vit_14", 21_465_806, 4.800, top1=81.5),
    _variant("t2t_vit_19", 39_085_070, 8.503, top1=81.9),
    _variant("t2t_vit_24", 64_000_974, 13.692, top1=82.3),
    _variant("t2t_vit_t_14", 21_465_422, 6.106, top1=81.7),
    _variant("t2t_vit_t_19", 39_084_686, 9.808, top1=82.4),
    _variant("t2t_vit_t_24", 64_000_590, 14.998, top1=82.6),
    # The card has no counts of these two.
    _variant("t2t_vit_14_resnext", 21_465_806, 4.800),
    _variant("t2t_vit_14_wide", 25_000_910, 5.246),
)
