# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The head of RT-DETR: query selection and a deformable decoder (card 06, Mechanism).

Each layer refines the boxes of the one before, with class and box heads of its own, so that the
decoder may stop after any layer without being trained again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from vit_perception.models.centred_boxes import logit
from vit_perception.models.deformable_attention import DeformableAttention, Sizes
from vit_perception.models.fusing import ConvNorm
from vit_perception.models.heads.detr_classes import Classes
from vit_perception.models.nearest_attention import NearestAttention
from vit_perception.models.placed_attention import PlacedAttention, multilayer

HEADS, LEVELS, POINTS = 8, 3, 4
"""Of attention; levels are maps of strides 8, 16 and 32."""
_SIDE = 0.05
"""Side of an anchor of the finest map, in shares of the picture."""
_MARGIN = 0.01
"""Cells whose anchor has a coordinate this near to 0 or 1 are no queries."""
_NOWHERE, _NEVER = 30.0, -100.0
"""Logits of their boxes and scores: infinities would break the ranges of eight-bit graphs."""


class Anchors(NamedTuple):
    """Where cells look for boxes.

    Attributes:
        boxes: [1, N, 4] logits of (cx, cy, w, h).
        valid: [1, N, 1], 1 or 0.
    """

    boxes: Tensor
    valid: Tensor


class Prediction(NamedTuple):
    """What one layer found.

    Attributes:
        logits: [B, Q, K].
        boxes: [B, Q, 4] (cx, cy, w, h) in shares of the picture.
    """

    logits: Tensor
    boxes: Tensor


class NoisyQueries(NamedTuple):
    """Queries with known objects, in training; see `training.denoising`.

    Attributes:
        labels: int64 [B, N]; K for padding.
        boxes: [B, N, 4] logits of (cx, cy, w, h).
        mask: bool [N + Q, N + Q], which queries (columns) one (row) may see; noisy ones first.
    """

    labels: Tensor
    boxes: Tensor
    mask: Tensor


class Output(NamedTuple):
    """What RT-DETR found.

    Attributes:
        layers: of each layer that ran; the last is the result.
        selected: of the cells that became queries.
        noisy: as `layers`, of noisy queries; empty without.
        hidden: [B, Q, C] tokens after the last layer.
        cells: int64 [B, Q] that became queries, finest level first, row by row.
    """

    layers: tuple[Prediction, ...]
    selected: Prediction
    noisy: tuple[Prediction, ...]
    hidden: Tensor
    cells: Tensor


def make_anchors(sizes: Sizes) -> Anchors:
    """Returns the anchors of levels of these heights and widths."""
    parts = []
    for level, (height, width) in enumerate(sizes):
        y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
        centres = torch.stack([(x + 0.5) / width, (y + 0.5) / height], dim=2).flatten(0, 1)
        side = torch.full_like(centres, _SIDE * 2**level)
        parts.append(torch.cat([centres, side], dim=1))
    shares = torch.cat(parts)[None]
    valid = ((shares > _MARGIN) & (shares < 1 - _MARGIN)).all(2, keepdim=True)
    return Anchors(torch.where(valid, shares.logit(), _NOWHERE), valid.to(shares))


class DecoderLayer(nn.Module):
    """Attention between queries, to the picture, and a perceptron, with norms behind them.

    Args:
        width: of tokens.
        hidden: of the perceptron.
        discrete: whether attention reads nearest cells.
    """

    def __init__(self, width: int, hidden: int, discrete: bool) -> None:
        super().__init__()
        self.attention = PlacedAttention(width, HEADS)
        self.norm1 = nn.LayerNorm(width)
        kind = NearestAttention if discrete else DeformableAttention
        self.cross = kind(width, HEADS, LEVELS, POINTS)
        self.norm2 = nn.LayerNorm(width)
        self.perceptron = multilayer(width, hidden, width)
        self.norm3 = nn.LayerNorm(width)

    def forward(
        self,
        x: Tensor,
        places: Tensor,
        memory: Tensor,
        sizes: Sizes,
        boxes: Tensor,
        mask: Tensor | None,
    ) -> Tensor:
        """Returns tokens [B, Q, C].

        Args:
            x, places: [B, Q, C].
            memory: [B, N, C], cells of all levels.
            sizes: of the levels.
            boxes: [B, Q, 4] (cx, cy, w, h) in shares of the picture.
            mask: see `PlacedAttention`.
        """
        x = self.norm1(x + self.attention(x, places, mask))
        x = self.norm2(x + self.cross(x + places, boxes[:, :, None], memory, sizes))
        out: Tensor = self.norm3(x + self.perceptron(x))
        return out


class RTDETRHead(nn.Module):
    """From three maps to boxes and logits.

    Args:
        channels: of the maps.
        width: of tokens.
        hidden: of perceptrons.
        layers: of the decoder.
        queries: Q, fewer where there are fewer cells.
        classes: heads and names.
        discrete: see `DecoderLayer`.

    Attributes:
        depth, queries, classes: as given.
    """

    def __init__(
        self,
        channels: int,
        width: int,
        hidden: int,
        layers: int,
        queries: int,
        classes: Classes,
        discrete: bool = False,
    ) -> None:
        super().__init__()
        self.depth, self.queries, self.classes = layers, queries, classes
        self.projections = nn.ModuleList(ConvNorm(channels, width) for _ in range(LEVELS))
        self.selection = nn.Sequential(nn.Linear(width, width), nn.LayerNorm(width))
        self.selection_boxes = multilayer(width, width, width, 4)
        self.places = multilayer(4, 2 * width, width)
        self.layers = nn.ModuleList(DecoderLayer(width, hidden, discrete) for _ in range(layers))
        self.boxes = nn.ModuleList(multilayer(width, width, width, 4) for _ in range(layers))
        for perceptron in (self.selection_boxes, *self.boxes):
            last = perceptron[-1]
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)

    @property
    def text_mlp(self) -> nn.Sequential:
        """From text embeddings to class embeddings; empty with fixed classes."""
        return self.classes.text_mlp

    def forward(
        self,
        maps: Sequence[Tensor],
        class_embeddings: Tensor | None = None,
        noise: NoisyQueries | None = None,
        layers: int | None = None,
        anchors: Anchors | None = None,
    ) -> Output:
        """Finds objects.

        Args:
            maps: [B, channels, h, w], finest first.
            class_embeddings: see `OpenClasses`; None with fixed classes.
            noise: further queries, in training.
            layers: number that run; None for all.
            anchors: of the maps; None makes them.
        """
        sizes = [(int(x.shape[2]), int(x.shape[3])) for x in maps]
        parts = [project(x).flatten(2) for project, x in zip(self.projections, maps, strict=True)]
        memory = torch.cat(parts, dim=2).transpose(1, 2)
        if anchors is None:
            made = make_anchors(sizes)
            anchors = Anchors(made.boxes.to(memory), made.valid.to(memory))
        tokens = self.selection(memory * anchors.valid)
        scores = self.classes.selection(tokens, class_embeddings)
        best = torch.where(anchors.valid[..., 0] > 0, scores.amax(2), _NEVER)
        cells = best.topk(min(self.queries, sum(h * w for h, w in sizes)), dim=1).indices
        # Boxes are made of the chosen cells alone, which saves 1.1 G multiply-adds at 640 x 640.
        content = _rows(tokens, cells)
        around = _rows(anchors.boxes.expand(len(memory), -1, -1), cells)
        starts = self.selection_boxes(content) + around
        selected = Prediction(_rows(scores, cells), starts.sigmoid())
        x, boxes, mask, noisy = content.detach(), starts.detach(), None, 0
        if noise is not None:
            known = self.classes.labels.contents(noise.labels, class_embeddings)
            x, boxes = torch.cat([known, x], dim=1), torch.cat([noise.boxes, boxes], dim=1)
            noisy = noise.labels.shape[1]
            # A small picture has fewer cells than there should be queries.
            mask = noise.mask[: x.shape[1], : x.shape[1]]
        found = []
        before = reference = boxes.sigmoid()
        for number in range(self.depth if layers is None else layers):
            places = self.places(reference)
            x = self.layers[number](x, places, memory, sizes, reference, mask)
            step = self.boxes[number](x)
            # A layer's loss reaches the boxes of the one before too, but not what made them.
            told = (step + logit(before)).sigmoid()
            before = (step + logit(reference)).sigmoid()
            reference = before.detach()
            found.append(Prediction(self.classes.layers[number](x, class_embeddings), told))
        if not noisy:
            return Output(tuple(found), selected, (), x, cells)
        return Output(
            tuple(Prediction(*(each[:, noisy:] for each in one)) for one in found),
            selected,
            tuple(Prediction(*(each[:, :noisy] for each in one)) for one in found),
            x[:, noisy:],
            cells,
        )


def _rows(x: Tensor, index: Tensor) -> Tensor:
    """Returns rows [B, Q, C] of [B, N, C] by int64 [B, Q]."""
    return x.gather(1, index[..., None].expand(-1, -1, x.shape[2]))
