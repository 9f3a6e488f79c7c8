# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""SVT: wavelet gates in the first stage, attention in the others (arXiv 2311.01310, card 14).

The low band is scaled place by place, the oriented high bands pass a small complex perceptron.
The first belongs to one size of map; for another its weights are resized. The paper trains with
stochastic depth of 0.1 to 0.3, and a head for labels of tokens that is not here.
"""

from __future__ import annotations

from typing import Any

import torch
from timm.layers import to_2tuple
from timm.models import register_model
from torch import Tensor, nn
from torch.nn import functional as F

from vit_perception.models.dual_tree import even, join_bands, split_bands
from vit_perception.models.shelf import Variant, img_size
from vit_perception.models.staged import build
from vit_perception.models.token_stages import SIZES, TokenStages

GROUPS = 4
"""Parts of the channels that the perceptron of the high bands keeps apart."""


class ComplexLinear(nn.Module):
    """Complex products of groups of channels, as one real product of twice the size.

    Args:
        channels: of all groups.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        width = channels // GROUPS
        self.weight = nn.Parameter(0.02 * torch.randn(2, GROUPS, width, width))
        self.bias = nn.Parameter(0.02 * torch.randn(2, GROUPS, width))

    def forward(self, x: Tensor) -> Tensor:
        """Maps [B, GROUPS, 2 width, N], real above imaginary parts, to the same shape."""
        real, imaginary = self.weight.transpose(2, 3)
        rows = (torch.cat((real, -imaginary), 2), torch.cat((imaginary, real), 2))
        bias = torch.cat((self.bias[0], self.bias[1]), 1)
        out: Tensor = torch.cat(rows, 1) @ x + bias.unsqueeze(2)
        return out


class ScatteringGate(nn.Module):
    """Changes the wavelet bands of a map by learned weights; [B, C, H, W] to the same shape.

    Args:
        channels: C, a multiple of GROUPS.
        grid: H and W for which there are weights.
    """

    def __init__(self, channels: int, grid: tuple[int, int]) -> None:
        super().__init__()
        height, width = (side + side % 2 for side in grid)
        self.low = nn.Parameter(0.02 * torch.randn(1, channels, height, width))
        self.first = ComplexLinear(channels)
        self.second = ComplexLinear(channels)

    def forward(self, x: Tensor) -> Tensor:
        rows, columns = int(x.shape[2]), int(x.shape[3])
        low, *high = split_bands(even(x))
        weights: Tensor = self.low
        if weights.shape[2:] != low.shape[2:]:
            size = (int(low.shape[2]), int(low.shape[3]))
            weights = F.interpolate(weights, size, mode="bicubic", align_corners=False)
        # [B, groups, 2 width, orientations and places]
        parts = torch.cat([part.flatten(2).unflatten(1, (GROUPS, -1)) for part in high], 2)
        real, imaginary = self.second(F.relu(self.first(parts))).chunk(2, 2)
        found = (part.reshape(high[0].shape) for part in (real, imaginary))
        return join_bands(low * weights, *found)[:, :, :rows, :columns]


def _made(
    size: str,
    pretrained: bool,
    img_size: int | tuple[int, int] = 224,
    scattering: int = 1,
    **options: Any,
) -> nn.Module:
    """Builds a network; `scattering` is the number of stages with gates, 1 in the paper."""
    mixers = (*[ScatteringGate] * scattering, *[None] * (4 - scattering))
    return build(
        TokenStages,
        f"svt_h_{size}",
        pretrained,
        mixers=mixers,
        img_size=to_2tuple(img_size),
        **SIZES[size],
        **options,
    )


@register_model
def svt_h_small(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns the smallest network."""
    return _made("small", pretrained, **options)


@register_model
def svt_h_base(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns a larger network."""
    return _made("base", pretrained, **options)


@register_model
def svt_h_large(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns the largest network."""
    return _made("large", pretrained, **options)


def _variant(
    name: str, parameters: int, gmacs: float, channels: tuple[int, ...], **more: Any
) -> Variant:
    return Variant(
        name,
        card=14,
        parameters=parameters,
        macs=gmacs * 1e9,
        channels=channels,
        sized=img_size,
        **more,
    )


VARIANTS: tuple[Variant, ...] = (
    # The paper leaves out the wavelets; the card counts them as convolutions, here they are
    # products. Trained with labels of tokens.
    _variant(
        "svt_h_small", 21_603_592, 5.399, (64, 128, 320, 448), representative=True, top1=84.2
    ),
    _variant("svt_h_base", 32_365_544, 7.941, (64, 128, 320, 512), top1=85.2),
    _variant("svt_h_large", 54_081_000, 16.156, (96, 192, 384, 512), top1=85.7),
)
