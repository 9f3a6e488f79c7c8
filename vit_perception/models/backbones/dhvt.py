# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""DHVT: a plain ViT for small data sets (arXiv 2210.05958, card 60).

Patches come from convolutions, the perceptron has a depthwise one, and each head of the attention
adds a token of its own, so that heads talk to each other. There are no positions: convolutions
with padding tell where a patch lies. The paper trains with stochastic depth of 0.1; it is 0 here
unless it is asked for.
"""

from __future__ import annotations

from typing import Any

import torch
from timm.layers import DropPath
from timm.models import register_model
from torch import Tensor, nn
from torch.nn import functional as F

from vit_perception.models.fusing import ConvNorm
from vit_perception.models.plain import SteppedBackbone
from vit_perception.models.prenorm import initialise_linears
from vit_perception.models.shelf import Variant
from vit_perception.models.staged import build, stagewise_rates

RATIO = 4
"""Hidden width of a perceptron, in terms of a token's."""


class Affine(nn.Module):
    """A learned scale and offset for each channel; [B, C, H, W] to the same shape."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1, channels, 1, 1))
        self.offset = nn.Parameter(torch.zeros(1, channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale + self.offset


class Patches(nn.Sequential):
    """Overlapping patches (SOPE): strided convolutions between two affine layers.

    Args:
        c_in: channels of the picture.
        width: of a token.
        patch: a power of two; one convolution for each factor of two.
    """

    def __init__(self, c_in: int, width: int, patch: int) -> None:
        steps = patch.bit_length() - 1
        layers: list[nn.Module] = [Affine(c_in)]
        for step in range(steps):
            c_out = width >> (steps - 1 - step)
            layers.append(ConvNorm(c_in, c_out, 3, 2))
            # A single convolution is followed by an activation, the last of several is not.
            if step + 1 < steps or steps == 1:
                layers.append(nn.GELU())
            c_in = c_out
        super().__init__(*layers, Affine(width))


class HeadAttention(nn.Module):
    """Attention of tokens [B, N, C], class token first, and a token for each head (HI-MHSA)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.tell = nn.Linear(width // heads, width)
        self.norm = nn.LayerNorm(width // heads)
        self.embedding = nn.Parameter(
            nn.init.trunc_normal_(torch.empty(1, heads, width), std=0.02)
        )
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def head_tokens(self, x: Tensor) -> Tensor:
        """Returns [B, heads, C]: what each head's channels are on average."""
        means = x.mean(1).unflatten(1, (self.heads, -1))
        told = self.tell(means).unflatten(2, (self.heads, -1))
        tokens: Tensor = F.gelu(self.norm(told)).flatten(2) + self.embedding
        return tokens

    def forward(self, x: Tensor) -> Tensor:
        both = torch.cat((x, self.head_tokens(x)), 1)
        parts = self.qkv(both).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(*parts.unbind(0))
        out = self.proj(seen.transpose(1, 2).flatten(2))
        first = out[:, :1] + out[:, -self.heads :].mean(1, keepdim=True)
        return torch.cat((first, out[:, 1 : -self.heads]), 1)


class DynamicPerceptron(nn.Module):
    """A perceptron with a convolution for patches; they scale the class token (DAFF)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        hidden = RATIO * width
        self.expand = ConvNorm(width, hidden, bias=True)
        self.mix = ConvNorm(hidden, hidden, 3, groups=hidden, bias=True)
        self.reduce = ConvNorm(hidden, width, bias=True)
        self.weigh = nn.Sequential(
            nn.Linear(width, width // 4), nn.GELU(), nn.Linear(width // 4, width)
        )

    def forward(self, x: Tensor, grid: tuple[int, int]) -> Tensor:
        """Maps tokens [B, 1 + h * w, C], the class token first, to the same shape."""
        first, patches = x[:, :1], x[:, 1:]
        square = patches.transpose(1, 2).unflatten(2, grid)
        hidden = F.gelu(self.expand(square))
        hidden = hidden + F.gelu(self.mix(hidden))
        patches = self.reduce(hidden).flatten(2).transpose(1, 2)
        weights = self.weigh(patches.mean(1, keepdim=True))
        return torch.cat((first * weights, patches), 1)


class Block(nn.Module):
    """Attention and a perceptron, each behind a norm and added."""

    def __init__(self, width: int, heads: int, drop_path: float) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, 1e-6)
        self.attention = HeadAttention(width, heads)
        self.norm2 = nn.LayerNorm(width, 1e-6)
        self.perceptron = DynamicPerceptron(width)
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor, grid: tuple[int, int]) -> Tensor:
        x = x + self.drop_path(self.attention(self.norm1(x)))
        out: Tensor = x + self.drop_path(self.perceptron(self.norm2(x), grid))
        return out


class DHVT(SteppedBackbone):
    """The network; its map has the stride of the patches.

    Args:
        width, heads, depth: of the tokens.
        patch: 2, 4 or 16 px.
        drop_path_rate: of the last block, in training.
        in_chans, num_classes: see timm.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        patch: int = 16,
        depth: int = 12,
        drop_path_rate: float = 0.0,
        in_chans: int = 3,
        num_classes: int = 1000,
    ) -> None:
        super().__init__()
        self.patches = Patches(in_chans, width, patch)
        self.class_token = nn.Parameter(nn.init.trunc_normal_(torch.empty(1, 1, width), std=0.02))
        rates = stagewise_rates(drop_path_rate, [depth])[0]
        self.blocks = nn.ModuleList(Block(width, heads, rate) for rate in rates)
        self.norm = nn.LayerNorm(width, 1e-6)
        self.assemble(width=width, patch=patch, num_classes=num_classes)
        self.apply(initialise_linears)

    def first_tokens(self, x: Tensor) -> Tensor:
        """Returns the class token and the tokens of the patches behind it."""
        patches = self.patches(x).flatten(2).transpose(1, 2)
        first = torch.zeros_like(patches[:, :1]) + self.class_token
        return torch.cat((first, patches), 1)

    def step(self, block: nn.Module, tokens: Tensor, grid: tuple[int, int]) -> Tensor:
        """Returns tokens behind a block."""
        out: Tensor = block(tokens, grid)
        return out

    def with_patches(self, tokens: Tensor, patches: Tensor) -> Tensor:
        """Returns patches with the first of the tokens."""
        return torch.cat((tokens[:, :1], patches), 1)

    def grid_of(self, height: int, width: int) -> tuple[int, int]:
        """Returns rows and columns of patches, which convolutions round up."""
        return -(-height // self.patch), -(-width // self.patch)

    def patches_of(self, tokens: Tensor) -> Tensor:
        """Returns all tokens but the first."""
        return tokens[:, 1:]

    def pooled(self, tokens: Tensor) -> Tensor:
        """Returns the first token."""
        return tokens[:, 0]


_NETWORKS = {
    "dhvt_tiny_cifar_patch4": (192, 4, 4),
    "dhvt_tiny_cifar_patch2": (192, 4, 2),
    "dhvt_small_cifar_patch4": (384, 8, 4),
    "dhvt_small_cifar_patch2": (384, 8, 2),
    "dhvt_tiny_domain_patch16": (192, 4, 16),
    "dhvt_small_domain_patch16": (384, 6, 16),
    "dhvt_tiny_imagenet_patch16": (192, 3, 16),
    "dhvt_small_imagenet_patch16": (384, 6, 16),
}
"""Width, heads and patch of each."""


def _entrypoint(name: str) -> None:
    """Registers a network with timm."""
    width, heads, patch = _NETWORKS[name]

    def create(pretrained: bool = False, **options: Any) -> nn.Module:
        return build(DHVT, name, pretrained, width=width, heads=heads, patch=patch, **options)

    create.__name__ = create.__qualname__ = name
    create.__module__ = __name__
    register_model(create)


for _name in _NETWORKS:
    _entrypoint(_name)


def _variant(name: str, parameters: int, gmacs: float, classes: int, **more: Any) -> Variant:
    """Returns a variant with 1000 classes, of a count with others."""
    width, _, patch = _NETWORKS[name]
    side = 32 if patch < 16 else 224
    return Variant(
        name,
        card=60,
        parameters=parameters + (width + 1) * (1000 - classes),
        macs=gmacs * 1e9,
        channels=(width,),
        reductions=(patch,),
        input=(side, side),
        **more,
    )


VARIANTS: tuple[Variant, ...] = (
    _variant("dhvt_tiny_cifar_patch4", 6_008_650, 0.392, 100),
    _variant("dhvt_small_cifar_patch4", 23_425_450, 1.538, 100),
    _variant("dhvt_tiny_cifar_patch2", 5_845_162, 1.723, 100),
    _variant("dhvt_small_cifar_patch2", 22_766_698, 6.230, 100),
    _variant("dhvt_tiny_imagenet_patch16", 6_267_334, 1.369, 1000, representative=True, top1=77.6),
    _variant("dhvt_small_imagenet_patch16", 24_040_606, 5.062, 1000, top1=82.3),
    _variant("dhvt_tiny_domain_patch16", 6_105_975, 1.373, 345),
    _variant("dhvt_small_domain_patch16", 23_788_431, 5.062, 345),
)
