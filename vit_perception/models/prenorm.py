# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The block of most transformers, plain attention for it, and how its products begin."""

from __future__ import annotations

from collections.abc import Callable

from timm.layers import DropPath
from torch import Tensor, nn
from torch.nn import functional as F


class PreNormBlock(nn.Module):
    """A mixer and a perceptron, each behind a norm and added to its input.

    Args:
        norm: makes one of both norms.
        mixer, perceptron: keep the shape of their input.
        drop_path: rate of stochastic depth, in training.
    """

    def __init__(
        self,
        norm: Callable[[], nn.Module],
        mixer: nn.Module,
        perceptron: nn.Module,
        drop_path: float,
    ) -> None:
        super().__init__()
        self.norm1 = norm()
        self.mixer = mixer
        self.norm2 = norm()
        self.perceptron = perceptron
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.drop_path(self.mixer(self.norm1(x)))
        out: Tensor = x + self.drop_path(self.perceptron(self.norm2(x)))
        return out


class TokenAttention(nn.Module):
    """Attention between tokens [B, N, C].

    Args:
        width, heads: of the tokens.
        dropout: of weights, in training.
        bias: whether queries, keys and values have biases.
    """

    def __init__(
        self, width: int, heads: int, dropout: float = 0.0, *, bias: bool = False
    ) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.qkv = nn.Linear(width, 3 * width, bias=bias)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        parts = self.qkv(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        dropout = self.dropout if self.training else 0.0
        query, key, value = parts.unbind(0)
        seen = F.scaled_dot_product_attention(query, key, value, dropout_p=dropout)
        out: Tensor = self.proj(seen.transpose(1, 2).flatten(2))
        return out


def perceptron(width: int, hidden: int) -> nn.Sequential:
    """Returns two linear layers with GELU between them; [..., width] to the same shape."""
    return nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width))


def initialise_linears(module: nn.Module) -> None:
    """Lets a linear layer begin as ViTs do; for `nn.Module.apply`."""
    if isinstance(module, nn.Linear):
        _initialise(module)


def initialise_products(module: nn.Module) -> None:
    """Lets a linear layer or a 1x1 convolution begin as ViTs do; for `nn.Module.apply`."""
    if isinstance(module, nn.Conv2d) and module.kernel_size == (1, 1):
        _initialise(module)
    initialise_linears(module)


def _initialise(layer: nn.Linear | nn.Conv2d) -> None:
    nn.init.trunc_normal_(layer.weight, std=0.02)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
