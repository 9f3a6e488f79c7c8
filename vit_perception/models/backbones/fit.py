# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""FIT: far-reaching interleaved transformers, for large pictures (arXiv 2305.12689, card 43).

A picture is cut into groups of patches; see `models.interleaved`. The networks are the card's own,
as the paper's tables were not at hand. The decoders for diffusion and for sequences are left out.
"""

from __future__ import annotations

from typing import Any

import torch
from timm.layers import to_2tuple
from timm.models import register_model
from torch import Tensor, nn
from torch.nn import functional as F

from vit_perception.models.interleaved import (
    Encoded,
    InterleavedEncoder,
    groups_of_map,
    map_of_groups,
)
from vit_perception.models.plain import PlainBackbone, resized_positions
from vit_perception.models.shelf import Variant, img_size
from vit_perception.models.staged import build

GROUP = 128
"""Side of a group, px, as near as the picture's size allows, unless groups are given."""
Size = int | tuple[int, int]


class FIT(PlainBackbone):
    """The network; its map has the stride of a patch.

    Args:
        layers, latents, width, latent_width, heads, latent_heads, drop_path_rate: see
            `InterleavedEncoder`.
        patch: side of a patch, px.
        img_size: height and width for which there are positions and, without `groups`, groups.
        groups: rows and columns of groups.
        overview: whether there is a further group, the whole picture at the size of one.
        in_chans, num_classes: see timm.

    Attributes:
        groups: rows and columns of groups; their number is part of the weights.
    """

    def __init__(
        self,
        layers: str,
        patch: int,
        width: int,
        latent_width: int,
        heads: int,
        latent_heads: int,
        latents: int = 16,
        img_size: Size = 512,
        groups: tuple[int, int] | None = None,
        overview: bool = False,
        drop_path_rate: float = 0.0,
        in_chans: int = 3,
        num_classes: int = 1000,
    ) -> None:
        super().__init__()
        height, breadth = to_2tuple(img_size)
        self.groups = groups or (max(1, round(height / GROUP)), max(1, round(breadth / GROUP)))
        self.overview = overview
        self.patches = nn.Conv2d(in_chans, width, patch, patch)
        self.patch_norm = nn.LayerNorm(width, 1e-6)
        cells = (
            -(-side // (patch * count))
            for side, count in zip((height, breadth), self.groups, strict=True)
        )
        self.positions = nn.Parameter(torch.empty(1, width, *cells))
        nn.init.trunc_normal_(self.positions, std=0.02)
        nn.init.xavier_uniform_(self.patches.weight.flatten(1))
        nn.init.zeros_(self.patches.bias)  # type: ignore[arg-type]
        self.encoder = InterleavedEncoder(
            layers,
            self.groups[0] * self.groups[1] + overview,
            latents,
            width,
            latent_width,
            heads,
            latent_heads,
            drop_path_rate=drop_path_rate,
        )
        self.assemble(
            width=width, patch=patch, num_classes=num_classes, pooled=width + latent_width
        )

    def grid_of(self, height: int, width: int) -> tuple[int, int]:
        """Returns rows and columns of patches of a picture; those that are begun."""
        return -(-height // self.patch), -(-width // self.patch)

    def encode(self, x: Tensor, present: Tensor | None = None) -> Encoded:
        """Encodes images [B, 3, H, W].

        Args:
            x: the images; they are padded with 0 right and below if groups do not divide them.
            present: int64 [t], those groups that are there, row by row (with an overview, it is
                0); the others are not looked at. None for all.

        Returns:
            Of the groups that are there.
        """
        steps = [count * self.patch for count in self.groups]
        below, right = (-int(side) % step for side, step in zip(x.shape[2:], steps, strict=True))
        if below or right:
            x = F.pad(x, (0, right, 0, below))
        tokens = groups_of_map(self.patches(x), self.groups)
        if self.overview:
            small = self.patches(F.avg_pool2d(x, self.groups))
            tokens = torch.cat((groups_of_map(small, (1, 1)), tokens), 1)
        if present is not None:
            tokens = tokens[:, present]
        cells = tuple(int(side) // step for side, step in zip(x.shape[2:], steps, strict=True))
        places = resized_positions(self.positions, (cells[0], cells[1]))
        tokens = self.patch_norm(tokens) + places.flatten(2).transpose(1, 2)
        found: Encoded = self.encoder(tokens, present)
        return found

    def forward_features(self, x: Tensor) -> Encoded:
        """Returns the tokens of the patches [B, N, c] and all latents [B, t * m, d]."""
        found = self.encode(x)
        grid = self.grid_of(int(x.shape[2]), int(x.shape[3]))
        size = [-(-side // count) * count for side, count in zip(grid, self.groups, strict=True)]
        whole = map_of_groups(found.tokens[:, self.overview :], self.groups, (size[0], size[1]))
        patches = whole[:, :, : grid[0], : grid[1]].flatten(2).transpose(1, 2)
        return Encoded(patches, found.latents.flatten(1, 2))

    def patches_of(self, tokens: Encoded) -> Tensor:
        """Returns the tokens of the patches."""
        return tokens.tokens

    def pooled(self, tokens: Encoded) -> Tensor:
        """Returns the means of patches and of latents."""
        return torch.cat((tokens.tokens.mean(1), tokens.latents.mean(1)), 1)


_NETWORKS: dict[str, dict[str, Any]] = {
    "fit_s_patch16_512": {
        "layers": "(2)4(2)4(2)", "patch": 16, "width": 384, "latent_width": 384,
        "heads": 6, "latent_heads": 6,
    },
    "fit_s_patch8_512": {
        "layers": "(2)4(2)4(2)", "patch": 8, "width": 192, "latent_width": 384,
        "heads": 3, "latent_heads": 6,
    },
    "fit_xs_patch8_512": {
        "layers": "(1)4(1)4(1)", "patch": 8, "width": 192, "latent_width": 384,
        "heads": 3, "latent_heads": 6,
    },
}  # fmt: skip
"""Arguments of each."""


def _made(name: str, pretrained: bool, **options: Any) -> nn.Module:
    return build(FIT, name, pretrained, **_NETWORKS[name], **options)


@register_model
def fit_s_patch16_512(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns the network of patches of 16 px."""
    return _made("fit_s_patch16_512", pretrained, **options)


@register_model
def fit_s_patch8_512(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns the network of patches of 8 px."""
    return _made("fit_s_patch8_512", pretrained, **options)


@register_model
def fit_xs_patch8_512(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns a network of fewer local layers."""
    return _made("fit_xs_patch8_512", pretrained, **options)


def _variant(name: str, parameters: int, gmacs: float, **more: Any) -> Variant:
    """Returns a variant; the card counts no head."""
    network = _NETWORKS[name]
    pooled = network["width"] + network["latent_width"]
    return Variant(
        name,
        card=43,
        parameters=parameters + 1000 * (pooled + 1),
        macs=gmacs * 1e9,
        channels=(network["width"],),
        reductions=(network["patch"],),
        input=(512, 512),
        sized=img_size,
        **more,
    )


VARIANTS: tuple[Variant, ...] = (
    _variant("fit_s_patch16_512", 27_634_560, 17.06),
    _variant("fit_s_patch8_512", 17_943_744, 18.93),
    _variant("fit_xs_patch8_512", 16_609_152, 12.28, representative=True),
)
