# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""CSWin Transformer: attention in stripes across the picture (arXiv 2107.00652, card 10).

Half of the heads look along columns, half along rows; together they see a cross. A depthwise
convolution of the values, stripe by stripe, tells where a cell lies. The last stage looks at all
cells. Any size works: stripes that do not divide a map are padded behind the projection, with
zeros that are seen, as in the published detectors. The paper trains with stochastic depth of 0.2
to 0.5; it is 0 here unless it is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from timm.layers import LayerNorm2d
from timm.models import register_model
from torch import Tensor, nn
from torch.nn import functional as F

from vit_perception.models.dense_forms import NormedMaps
from vit_perception.models.prenorm import PreNormBlock, initialise_products
from vit_perception.models.shelf import Variant
from vit_perception.models.staged import StagedBackbone, build, stagewise_rates

RATIO = 4
"""Hidden width of perceptrons, in terms of a cell's."""


class Stripes(nn.Module):
    """Attention inside the stripes of a map.

    Args:
        width: channels of queries, keys and values each.
        heads: of them.
        stripe: rows of a stripe that is as wide as the map; 0 for the whole map.
        upright: whether stripes are columns; the map is then turned, attended and turned back.
    """

    def __init__(self, width: int, heads: int, stripe: int, *, upright: bool = False) -> None:
        super().__init__()
        self.heads, self.stripe, self.upright = heads, stripe, upright
        self.scale = (width // heads) ** -0.5
        self.positions = nn.Conv2d(width, width, 3, padding=1, groups=width)

    def forward(self, x: Tensor) -> Tensor:
        """Maps queries, keys and values [B, 3 width, H, W] to [B, width, H, W]."""
        if self.upright:
            x = x.transpose(2, 3)
        rows, columns = int(x.shape[2]), int(x.shape[3])
        stripe = self.stripe or rows
        more = -rows % stripe
        if more:
            x = F.pad(x, (0, 0, more // 2, more - more // 2))
        # [B, stripes, channels, rows of one, columns]
        cut = x.unflatten(2, (-1, stripe)).transpose(1, 2)
        query, key, value = (
            each.flatten(3).unflatten(2, (self.heads, -1)) for each in cut.chunk(3, 2)
        )
        weights = ((query * self.scale).transpose(3, 4) @ key).softmax(4)
        seen = (value @ weights.transpose(3, 4)).flatten(2, 3).unflatten(3, (stripe, columns))
        values = cut.chunk(3, 2)[2]
        kernel = self.positions.weight
        if self.upright:
            kernel = kernel.transpose(2, 3)
        # Borders of a stripe are padded with zeros, and not with the next one.
        placed = F.conv2d(
            values.flatten(0, 1), kernel, self.positions.bias, padding=1, groups=len(kernel)
        )
        seen = seen + placed.unflatten(0, (-1, int(cut.shape[1])))
        whole: Tensor = seen.transpose(1, 2).flatten(2, 3)[:, :, more // 2 : more // 2 + rows]
        return whole.transpose(2, 3) if self.upright else whole


class CrossAttention(nn.Module):
    """Stripes of both directions; [B, width, H, W] to the same shape.

    Args:
        width, heads: of the map.
        stripe: rows or columns of one; 0: all heads see the whole map.
    """

    def __init__(self, width: int, heads: int, stripe: int) -> None:
        super().__init__()
        self.qkv = nn.Conv2d(width, 3 * width, 1)
        self.branches = nn.ModuleList(
            (
                Stripes(width // 2, heads // 2, stripe, upright=True),
                Stripes(width // 2, heads // 2, stripe),
            )
            if stripe
            else (Stripes(width, heads, 0),)
        )
        self.proj = nn.Conv2d(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        parts = [each.chunk(len(self.branches), 1) for each in self.qkv(x).chunk(3, 1)]
        seen = [
            branch(torch.cat([part[index] for part in parts], 1))
            for index, branch in enumerate(self.branches)
        ]
        out: Tensor = self.proj(torch.cat(seen, 1))
        return out


def _block(width: int, heads: int, stripe: int, drop_path: float) -> PreNormBlock:
    hidden = RATIO * width
    return PreNormBlock(
        partial(LayerNorm2d, width, 1e-5),
        CrossAttention(width, heads, stripe),
        nn.Sequential(nn.Conv2d(width, hidden, 1), nn.GELU(), nn.Conv2d(hidden, width, 1)),
        drop_path,
    )


class Pooled(nn.Sequential):
    """A norm and the mean over a map; [B, width, H, W] to [B, width]."""

    def __init__(self, width: int) -> None:
        super().__init__(LayerNorm2d(width, 1e-5), nn.AdaptiveAvgPool2d(1), nn.Flatten())


class CSWin(StagedBackbone):
    """Maps of strides 4 to 32.

    Args:
        width: channels of the first map; each stage doubles them.
        depths, heads, stripes: of the four stages; a stripe of 0 is the whole map.
        drop_path_rate: of the last block, in training.
        in_chans, num_classes: see timm.
    """

    def __init__(
        self,
        width: int,
        depths: Sequence[int],
        heads: Sequence[int],
        stripes: Sequence[int],
        drop_path_rate: float = 0.0,
        in_chans: int = 3,
        num_classes: int = 1000,
    ) -> None:
        super().__init__()
        rates = stagewise_rates(drop_path_rate, depths)
        widths = [width * 2**stage for stage in range(4)]
        stages = []
        for stage, channels in enumerate(widths):
            layers: list[nn.Module] = []
            if stage:
                layers += [
                    nn.Conv2d(channels // 2, channels, 3, 2, 1),
                    LayerNorm2d(channels, 1e-5),
                ]
            layers += [
                _block(channels, heads[stage], stripes[stage], rate) for rate in rates[stage]
            ]
            stages.append(nn.Sequential(*layers))
        self.assemble(
            nn.Sequential(nn.Conv2d(in_chans, width, 7, 4, 2), LayerNorm2d(width, 1e-5)),
            stages,
            Pooled(widths[-1]),
            channels=widths,
            reductions=[4, 8, 16, 32],
            num_classes=num_classes,
        )
        self.apply(initialise_products)


_NETWORKS = {
    "cswin_tiny": (64, (1, 2, 21, 1), (2, 4, 8, 16), 7),
    "cswin_small": (64, (2, 4, 32, 2), (2, 4, 8, 16), 7),
    "cswin_base": (96, (2, 4, 32, 2), (4, 8, 16, 32), 7),
    "cswin_large": (144, (2, 4, 32, 2), (6, 12, 24, 24), 7),
    "cswin_base_384": (96, (2, 4, 32, 2), (4, 8, 16, 32), 12),
    "cswin_large_384": (144, (2, 4, 32, 2), (6, 12, 24, 24), 12),
}
"""Width, depths, heads and the stripe of the third stage."""


def _made(name: str, pretrained: bool, **options: Any) -> nn.Module:
    width, depths, heads, stripe = _NETWORKS[name]
    if options.get("features_only"):
        options.setdefault("feature_cls", NormedMaps)
    return build(
        CSWin,
        name,
        pretrained,
        width=width,
        depths=depths,
        heads=heads,
        stripes=(1, 2, stripe, 0),
        **options,
    )


@register_model
def cswin_tiny(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns the smallest network."""
    return _made("cswin_tiny", pretrained, **options)


@register_model
def cswin_small(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns a deeper network."""
    return _made("cswin_small", pretrained, **options)


@register_model
def cswin_base(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns a wider network."""
    return _made("cswin_base", pretrained, **options)


@register_model
def cswin_large(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns the widest network."""
    return _made("cswin_large", pretrained, **options)


@register_model
def cswin_base_384(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns `cswin_base` with stripes for pictures of 384 px."""
    return _made("cswin_base_384", pretrained, **options)


@register_model
def cswin_large_384(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns `cswin_large` with stripes for pictures of 384 px."""
    return _made("cswin_large_384", pretrained, **options)


def _variant(name: str, parameters: int, gmacs: float, side: int = 224, **more: Any) -> Variant:
    width = _NETWORKS[name][0]
    return Variant(
        name,
        card=10,
        parameters=parameters,
        macs=gmacs * 1e9,
        channels=(width, 2 * width, 4 * width, 8 * width),
        input=(side, side),
        **more,
    )


VARIANTS: tuple[Variant, ...] = (
    _variant("cswin_tiny", 22_320_552, 4.324, representative=True, top1=82.8),
    _variant("cswin_small", 34_643_304, 6.801, top1=83.6),
    _variant("cswin_base", 77_382_184, 14.955, top1=84.2),
    _variant("cswin_large", 173_262_664, 33.130),
    _variant("cswin_base_384", 77_382_184, 46.964, 384, top1=85.5),
    # The paper has 96.8, and less than the card counts at 224 px too.
    _variant("cswin_large_384", 173_262_664, 101.88, 384),
)
