# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""DependencyViT: tokens send, and those that stop fade out (arXiv 2304.03282, card 03).

What a token sends in the end is a map of what matters, and who sends to whom a tree of parts
(`models.dependency_tree`), both without labels. Lite drops the tokens that send least, four
times, and learns so. The authors published no code: the place of the last product with what a
token sends, and the conditional positions, are those of the reimplementation that the card names.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from timm.layers import DropPath, LayerScale, to_2tuple
from timm.models import register_model
from torch import Tensor, nn

from vit_perception.models.fusing import scale_rows
from vit_perception.models.plain import PlainBackbone, resized_positions
from vit_perception.models.prenorm import initialise_linears, perceptron
from vit_perception.models.reversed_attention import Messages, ReversedAttention
from vit_perception.models.shelf import Variant, img_size
from vit_perception.models.staged import build, stagewise_rates
from vit_perception.models.token_stream import TokenStream, kept_of

PATCH, DEPTH, HEADS = 16, 12, 12
DROPPING = (2, 5, 8, 11)
"""Layers of Lite that drop tokens, from 1."""
RATIO = 0.16
"""Of the tokens of a picture, dropped at once."""
Size = int | tuple[int, int]
Score = Literal["sent", "received"]


class Block(nn.Module):
    """Reversed attention and a perceptron, each behind a norm, scaled and added.

    Args:
        width, heads: of the tokens.
        layer_scale: the first scale of both.
        drop_path: rate of stochastic depth, in training.
        dropping: ratio, and how often tokens were dropped with this time, see `kept_of`; None if
            all stay.
        score: what those have that stay: they send, or receive, most.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        layer_scale: float,
        drop_path: float,
        dropping: tuple[float, int] | None,
        score: Score,
    ) -> None:
        super().__init__()
        self.dropping, self.score = dropping, score
        self.norm1 = nn.LayerNorm(width, 1e-6)
        self.attention = ReversedAttention(width, heads)
        self.scale1 = LayerScale(width, layer_scale)
        self.norm2 = nn.LayerNorm(width, 1e-6)
        self.perceptron = perceptron(width, 4 * width)
        self.scale2 = LayerScale(width, layer_scale)
        self.drop_path = DropPath(drop_path)

    def forward(self, stream: TokenStream) -> tuple[TokenStream, Messages]:
        """Returns the tokens that stay, and what all of them sent."""
        taken, messages = self.attention(self.norm1(stream.tokens), stream.sent)
        tokens = stream.tokens + self.drop_path(self.scale1(taken))
        stream = stream._replace(tokens=tokens, sent=messages.sent)
        if self.dropping is not None:
            score = messages.sent if self.score == "sent" else messages.received()
            stream = stream.keep(kept_of(int(tokens.shape[1]), *self.dropping), score)
        more = self.drop_path(self.scale2(self.perceptron(self.norm2(stream.tokens))))
        return stream._replace(tokens=stream.tokens + more), messages

    @torch.no_grad()
    def reparameterize(self) -> None:
        """Folds the scales into the layers before them, in place."""
        last = self.perceptron[2]
        assert isinstance(last, nn.Linear)
        for layer, name in ((self.attention.proj, "scale1"), (last, "scale2")):
            scale = getattr(self, name)
            if isinstance(scale, LayerScale):
                scale_rows(layer, scale.gamma)
                setattr(self, name, nn.Identity())


class DependencyViT(PlainBackbone):
    """The network; its map has the stride of its patches.

    A dropped token stays in the map as it was last.

    Args:
        width, depth, heads: of the tokens.
        dropping: layers behind whose attention tokens are dropped, from 1; none by default.
        ratio: share of a picture's tokens that each of them drops; with 0 nothing is dropped.
        score: see `Block`.
        conditional: a convolution behind the first layer says where a token lies, in place of
            learned positions.
        patch: side, px.
        img_size: height and width for which there are positions; resized for others.
        layer_scale: first scale of what a layer adds.
        drop_path_rate: of the last block, in training.
        in_chans, num_classes: see timm.

    Raises:
        ValueError: there would be no tokens left, or none where they lie.
    """

    def __init__(
        self,
        width: int,
        depth: int = DEPTH,
        heads: int = HEADS,
        dropping: Sequence[int] = (),
        ratio: float = RATIO,
        score: Score = "sent",
        conditional: bool = False,
        patch: int = PATCH,
        img_size: Size = 224,
        layer_scale: float = 1e-6,
        drop_path_rate: float = 0.0,
        in_chans: int = 3,
        num_classes: int = 1000,
    ) -> None:
        super().__init__()
        if not 0 <= ratio * len(dropping) < 1:
            raise ValueError(f"ratio: expected 0 to 1 / {len(dropping)}, found {ratio}")
        if conditional and 1 in dropping:
            raise ValueError(
                "dropping: expected layers from 2 with conditional positions, found 1"
            )
        height, breadth = (side // patch for side in to_2tuple(img_size))
        self.patches = nn.Conv2d(in_chans, width, patch, patch)
        self.positions: nn.Parameter | None = None
        self.place: nn.Conv2d | None = None
        if conditional:
            self.place = nn.Conv2d(width, width, 3, padding=1, groups=width)
        else:
            self.positions = nn.Parameter(torch.empty(1, width, height, breadth))
            nn.init.trunc_normal_(self.positions, std=0.02)
        times = {layer: index for index, layer in enumerate(sorted(dropping), 1)}
        rates = stagewise_rates(drop_path_rate, [depth])[0]
        self.blocks = nn.ModuleList(
            Block(
                width,
                heads,
                layer_scale,
                rate,
                (ratio, times[layer]) if layer in times else None,
                score,
            )
            for layer, rate in enumerate(rates, 1)
        )
        self.norm = nn.LayerNorm(width, 1e-6)
        self.assemble(width=width, patch=patch, num_classes=num_classes)
        self.apply(initialise_linears)
        for block in self.blocks:
            assert isinstance(block, Block)
            block.attention.reset_gate()

    def begin(self, x: Tensor) -> TokenStream:
        """Returns the tokens of images [B, 3, H, W], of which each sends 1."""
        patches = self.patches(x)
        if self.positions is not None:
            grid = (int(patches.shape[2]), int(patches.shape[3]))
            patches = patches + resized_positions(self.positions, grid)
        tokens = patches.flatten(2).transpose(1, 2)
        sent = torch.ones_like(tokens[:, :, 0])
        places = torch.arange(int(tokens.shape[1]), device=tokens.device)
        return TokenStream(tokens, sent, places.expand(tokens.shape[0], -1))

    def step(
        self, layer: int, stream: TokenStream, grid: tuple[int, int]
    ) -> tuple[TokenStream, Messages]:
        """Returns the tokens behind a layer, from 0, and what those before it sent."""
        found: tuple[TokenStream, Messages] = self.blocks[layer](stream)
        stream, messages = found
        if layer == 0 and self.place is not None:
            square = stream.tokens.transpose(1, 2).unflatten(2, grid)
            where = self.place(square).flatten(2).transpose(1, 2)
            stream = stream._replace(tokens=stream.tokens + where)
        return stream, messages

    def run(self, x: Tensor) -> TokenStream:
        """Returns the tokens of images [B, 3, H, W] behind all layers, before the norm."""
        grid = self.grid_of(int(x.shape[2]), int(x.shape[3]))
        stream = self.begin(x)
        for layer in range(len(self.blocks)):
            stream, _ = self.step(layer, stream, grid)
        return stream

    def forward_features(self, x: Tensor) -> Tensor:
        """Returns the tokens that are left, each by what it sends; their mean is the picture's."""
        return self._voting(self.run(x))

    def tokens_and_patches(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the tokens of `forward_features`, and all, normalised, as they are."""
        stream = self.run(x)
        patches, _ = stream.whole()
        return self._voting(stream), self.norm(patches)

    def _voting(self, stream: TokenStream) -> Tensor:
        found: Tensor = self.norm(stream.tokens) * stream.sent.unsqueeze(2)
        return found

    @torch.no_grad()
    def saliency(self, x: Tensor) -> Tensor:
        """Returns what each patch of images sends in the end, or did last, 0 to 1, [B, h, w]."""
        _, sent = self.run(x).whole()
        return sent.reshape(-1, *self.grid_of(int(x.shape[2]), int(x.shape[3])))

    @torch.no_grad()
    def dependencies(self, x: Tensor, layers: Sequence[int] | None = None) -> Tensor:
        """Returns what parents take of children in some layers, [B, N parents, N children].

        Args:
            x: images [B, 3, H, W].
            layers: from 0; all by default. What was dropped sends nothing in those behind.
        """
        taken = range(len(self.blocks)) if layers is None else layers
        grid = self.grid_of(int(x.shape[2]), int(x.shape[3]))
        stream = self.begin(x)
        batch, count = stream.sent.shape
        total = stream.sent.new_zeros(batch, count * count)
        for layer in range(len(self.blocks)):
            places = stream.places
            stream, messages = self.step(layer, stream, grid)
            if layer in taken:
                pairs = places.unsqueeze(2) * count + places.unsqueeze(1)
                total.scatter_add_(1, pairs.flatten(1), messages.dependencies().flatten(1))
        return total.reshape(-1, count, count)


def _made(name: str, pretrained: bool, width: int, **options: Any) -> nn.Module:
    return build(DependencyViT, name, pretrained, width=width, **options)


@register_model
def dependencyvit_tiny(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns the small network that keeps all tokens."""
    return _made("dependencyvit_tiny", pretrained, 192, **options)


@register_model
def dependencyvit_small(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns the larger network that keeps all tokens."""
    return _made("dependencyvit_small", pretrained, 384, **options)


@register_model
def dependencyvit_lite_tiny(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns the small network that drops tokens."""
    options.setdefault("dropping", DROPPING)
    return _made("dependencyvit_lite_tiny", pretrained, 192, **options)


@register_model
def dependencyvit_lite_small(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns the larger network that drops tokens."""
    options.setdefault("dropping", DROPPING)
    return _made("dependencyvit_lite_small", pretrained, 384, **options)


def _variant(name: str, parameters: int, gmacs: float, width: int, **more: Any) -> Variant:
    return Variant(
        name,
        card=3,
        parameters=parameters,
        macs=gmacs * 1e9,
        channels=(width,),
        reductions=(PATCH,),
        sized=img_size,
        **more,
    )


VARIANTS: tuple[Variant, ...] = (
    # The card remembers the accuracies and has not verified them.
    _variant("dependencyvit_tiny", 5_964_712, 1.2956, 192),
    _variant("dependencyvit_small", 22_987_624, 4.7587, 384),
    _variant("dependencyvit_lite_tiny", 5_964_712, 0.8494, 192, representative=True),
    _variant("dependencyvit_lite_small", 22_987_624, 3.1435, 384),
)
