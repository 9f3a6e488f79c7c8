# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""iLLaMA: a plain ViT of LLaMA's parts (arXiv 2404.06773, card 53).

RMSNorm, SwiGLU, rotary positions and a causal mask; the class token stands at the end, where it
sees every patch. The mask comes behind the softmax and rows are not divided again: a token still
depends on later ones, by the sum in the softmax. `strict=True` masks before it, which is another
network.

`soft_mask` is the paper's lambda, from 1 (no mask, as training begins) to 0. Dense maps see more
with 1; their first rows see little with 0. The paper trains with stochastic depth of 0 to 0.4; it
is 0 here unless it is asked for.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any

import numpy as np
import torch
from timm.layers import to_2tuple
from timm.models import register_model
from torch import Tensor, nn
from torch.nn import functional as F

from vit_perception.models.plain import SteppedBackbone, resized_positions
from vit_perception.models.prenorm import PreNormBlock, initialise_linears
from vit_perception.models.shelf import Variant, img_size
from vit_perception.models.staged import build, stagewise_rates

PATCH = 16
THETA = 10_000.0
"""Of rotary positions."""


@lru_cache(maxsize=8)
def _rotations(count: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns cosines and sines [count, width] of positions; pairs of channels turn together."""
    turns = np.outer(np.arange(count), THETA ** (-np.arange(0, width, 2) / width))
    turns = np.repeat(turns, 2, 1)
    return np.cos(turns).astype(np.float32), np.sin(turns).astype(np.float32)


@lru_cache(maxsize=8)
def _lower(count: int) -> np.ndarray:
    """Returns what each token may see of those up to itself, float32 [count, count]."""
    return np.tril(np.ones((count, count), np.float32))


def rotated(x: Tensor) -> Tensor:
    """Returns queries or keys [B, heads, N, width], turned by their positions."""
    cosines, sines = (
        torch.from_numpy(part).to(x) for part in _rotations(int(x.shape[2]), int(x.shape[3]))
    )
    pairs = x.unflatten(3, (-1, 2))
    other = torch.stack((-pairs[..., 1], pairs[..., 0]), 4).flatten(3)
    return x * cosines + other * sines


class RMSNorm(nn.Module):
    """torch's norm of that name in plain operators: ONNX has it from operator set 23 on."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-6) * self.weight


class Attention(nn.Module):
    """Attention of tokens [B, N, C] to those before them.

    Args:
        width, heads: of the tokens.
        strict: see the module.

    Attributes:
        soft_mask: see the module.
    """

    def __init__(self, width: int, heads: int, *, strict: bool) -> None:
        super().__init__()
        self.heads, self.strict = heads, strict
        self.soft_mask = 0.0
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        parts = self.qkv(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        query, key, value = parts.unbind(0)
        seen = self.weights(query, key) @ value
        out: Tensor = self.proj(seen.transpose(1, 2).flatten(2))
        return out

    def weights(self, query: Tensor, key: Tensor) -> Tensor:
        """Returns how much tokens see of each other [B, heads, N, N]."""
        scale = int(query.shape[3]) ** -0.5
        logits: Tensor = (rotated(query) * scale) @ rotated(key).transpose(2, 3)
        seen = torch.from_numpy(_lower(int(query.shape[2]))).to(logits)
        if self.strict:
            logits = logits.masked_fill(seen == 0, float("-inf"))
        weights: Tensor = logits.softmax(3)
        if self.strict or self.soft_mask == 1:
            return weights
        return weights * (self.soft_mask + (1 - self.soft_mask) * seen)


class SwiGLU(nn.Module):
    """A gated perceptron without biases; [B, N, C] to the same shape."""

    def __init__(self, width: int) -> None:
        super().__init__()
        # Two thirds of four times the width, in steps of 256.
        hidden = -(-(8 * width // 3) // 256) * 256
        self.gate = nn.Linear(width, hidden, bias=False)
        self.value = nn.Linear(width, hidden, bias=False)
        self.out = nn.Linear(hidden, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.out(F.silu(self.gate(x)) * self.value(x))
        return out


class ILLaMA(SteppedBackbone):
    """The network; its map has stride 16.

    Args:
        width, depth, heads: of the tokens.
        strict: see the module.
        img_size: height and width for which there are positions.
        drop_path_rate: of the last block, in training.
        in_chans, num_classes: see timm.
    """

    def __init__(
        self,
        width: int,
        depth: int,
        heads: int,
        strict: bool = False,
        img_size: int | tuple[int, int] = 224,
        drop_path_rate: float = 0.0,
        in_chans: int = 3,
        num_classes: int = 1000,
    ) -> None:
        super().__init__()
        rates = stagewise_rates(drop_path_rate, [depth])[0]
        self.patches = nn.Conv2d(in_chans, width, PATCH, PATCH)
        self.class_token = nn.Parameter(torch.empty(1, 1, width))
        grid = (side // PATCH for side in to_2tuple(img_size))
        self.positions = nn.Parameter(torch.empty(1, width, *grid))
        self.class_position = nn.Parameter(torch.empty(1, 1, width))
        self.blocks = nn.Sequential(
            *(
                PreNormBlock(
                    partial(RMSNorm, width),
                    Attention(width, heads, strict=strict),
                    SwiGLU(width),
                    rate,
                )
                for rate in rates
            )
        )
        self.norm = RMSNorm(width)
        for each in (self.class_token, self.positions, self.class_position):
            nn.init.trunc_normal_(each, std=0.02)
        self.apply(initialise_linears)
        self.assemble(width=width, patch=PATCH, num_classes=num_classes)
        initialise_linears(self.head)

    def first_tokens(self, x: Tensor) -> Tensor:
        """Returns tokens of the patches, and the class token behind them."""
        patches = self.patches(x)
        grid = (int(patches.shape[2]), int(patches.shape[3]))
        patches = patches + resized_positions(self.positions, grid)
        # In this way each picture of a batch gets the token, of whatever number there are.
        last = torch.zeros_like(patches[:, :, :1, 0]).transpose(1, 2)
        last = last + self.class_token + self.class_position
        return torch.cat((patches.flatten(2).transpose(1, 2), last), 1)

    def with_patches(self, tokens: Tensor, patches: Tensor) -> Tensor:
        """Returns patches with the last of the tokens."""
        return torch.cat((patches, tokens[:, -1:]), 1)

    def patches_of(self, tokens: Tensor) -> Tensor:
        """Returns all tokens but the last."""
        return tokens[:, :-1]

    def pooled(self, tokens: Tensor) -> Tensor:
        """Returns the last token."""
        return tokens[:, -1]

    def set_soft_mask(self, value: float) -> None:
        """Sets lambda of all blocks; the paper lowers it from 1 to 0 in the first epochs.

        Raises:
            ValueError: it is not from 0 to 1.
        """
        if not 0 <= value <= 1:
            raise ValueError(f"soft mask: expected 0 to 1, found {value}")
        for module in self.modules():
            if isinstance(module, Attention):
                module.soft_mask = value


@register_model
def illama_tiny(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns the network of DeiT-T's size."""
    return build(ILLaMA, "illama_tiny", pretrained, width=192, depth=12, heads=3, **options)


@register_model
def illama_small(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns the network of DeiT-S's size."""
    return build(ILLaMA, "illama_small", pretrained, width=384, depth=12, heads=6, **options)


@register_model
def illama_base(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns the network of DeiT-B's size."""
    return build(ILLaMA, "illama_base", pretrained, width=768, depth=12, heads=12, **options)


@register_model
def illama_large(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns the largest network."""
    return build(ILLaMA, "illama_large", pretrained, width=1024, depth=24, heads=16, **options)


def _variant(name: str, parameters: int, gmacs: float, width: int, **more: Any) -> Variant:
    return Variant(
        name,
        card=53,
        parameters=parameters,
        macs=gmacs * 1e9,
        channels=(width,),
        reductions=(PATCH,),
        sized=img_size,
        **more,
    )


VARIANTS: tuple[Variant, ...] = (
    _variant("illama_tiny", 5_701_096, 1.254, 192, representative=True, top1=75.0),
    _variant("illama_small", 22_018_024, 4.599, 384, top1=79.9),
    _variant("illama_base", 86_502_376, 17.564, 768, top1=81.6),
    # The card has no count of these multiply-adds at 224 px but the paper's.
    _variant("illama_large", 310_445_032, 62.8, 1024),
)
