# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""kMaX-DeepLab: masks as clusters of pixels (arXiv 2207.04044, card 56).

Cross-attention is one step of k-means: each pixel belongs to the query with the best mask logit,
and a query is moved by the sum of its pixels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple, cast

import timm
import torch
from timm.layers import DropPath
from timm.models._features import FeatureInfo
from torch import Tensor, nn
from torch.nn import functional as F

from vit_perception.models.segmenters.kmax_pixels import (
    HEADS,
    PixelDecoder,
    conv_norm,
    norm,
    resized,
)

WIDTH = 256
"""Channels of a query."""
MASK_WIDTH = 128
"""Channels of the product of queries and pixels."""
HIDDEN = 2048
"""Of a query's perceptron."""
LAYERS = (0, 0, 1, 1, 2, 2)
"""Map of the pixel decoder that each layer reads, the coarsest first."""
VOID = 0.9
"""Share of queries that are no object at the start of training."""
BACKBONES = ("resnet50", "convnext_tiny", "convnext_small", "convnext_base", "convnext_large")
"""Of the paper, by timm's names."""


class Prediction(NamedTuple):
    """What queries stand for.

    Attributes:
        classes: logits [B, N, K + 1]; the last is no object.
        masks: logits [B, N, h, w]; a softmax over N gives probabilities.
        pixels: features [B, MASK_WIDTH, h, w] of unit length.
    """

    classes: Tensor
    masks: Tensor
    pixels: Tensor


class Output(NamedTuple):
    """Predictions of a network.

    Attributes:
        final: at stride 4.
        layers: of the layers, in order, for training.
    """

    final: Prediction
    layers: tuple[Prediction, ...]


class Predictor(nn.Module):
    """Classes and masks of queries.

    Args:
        classes: K, without "no object".
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.pixels = nn.Sequential(
            conv_norm(WIDTH, WIDTH, 5, groups=WIDTH),
            nn.GELU(),
            conv_norm(WIDTH, WIDTH),
            nn.GELU(),
            nn.Conv2d(WIDTH, MASK_WIDTH, 1),
            norm(MASK_WIDTH),
        )
        self.kernel = conv_norm(WIDTH, MASK_WIDTH)
        self.mask_norm = norm(1, 0.1)
        self.classes = nn.Conv2d(WIDTH, classes + 1, 1)
        self.void = math.log(classes * VOID / (1 - VOID))

    def forward(self, pixels: Tensor, of_masks: Tensor, of_classes: Tensor) -> Prediction:
        """Returns classes and masks.

        Args:
            pixels: [B, WIDTH, h, w].
            of_masks, of_classes: queries [B, WIDTH, N, 1].
        """
        features = F.normalize(self.pixels(pixels), dim=1)
        kernel = self.kernel(of_masks).squeeze(3).transpose(1, 2)
        product = kernel @ features.flatten(2)
        masks = self.mask_norm(product.unsqueeze(1)).squeeze(1)
        logits = self.classes(of_classes).squeeze(3).transpose(1, 2)
        shift = F.pad(logits.new_zeros(logits.shape[2] - 1), (0, 1), value=self.void)
        return Prediction(logits + shift, masks.unflatten(2, features.shape[2:]), features)


class KMeansLayer(nn.Module):
    """Moves queries by their pixels, by each other, and by a perceptron.

    Args:
        c_in: channels of the map.
        classes: K.
        drop_path: rate.
    """

    def __init__(self, c_in: int, classes: int, drop_path: float) -> None:
        super().__init__()
        self.pixels = nn.Sequential(nn.GELU(), conv_norm(c_in, WIDTH), nn.GELU())
        self.queries = nn.Sequential(nn.GELU(), conv_norm(WIDTH, WIDTH), nn.GELU())
        self.values = conv_norm(WIDTH, WIDTH)
        self.predictor = Predictor(classes)
        self.update = nn.Sequential(norm(WIDTH), conv_norm(WIDTH, WIDTH, weight=0.0))
        self.project = conv_norm(WIDTH, 2 * WIDTH)
        self.logits_norm = norm(HEADS)
        self.seen_norm = norm(WIDTH)
        self.out = conv_norm(WIDTH, WIDTH, weight=0.0)
        self.perceptron = nn.Sequential(
            conv_norm(WIDTH, HIDDEN), nn.GELU(), conv_norm(HIDDEN, WIDTH, weight=0.0)
        )
        self.drop_path = DropPath(drop_path)

    def forward(self, pixels: Tensor, queries: Tensor) -> tuple[Tensor, Prediction]:
        """Returns the moved queries, and what they stood for before.

        Args:
            pixels: [B, c_in, h, w].
            queries: [B, WIDTH, N, 1].
        """
        pixels, seen = self.pixels(pixels), self.queries(queries)
        values = self.values(pixels)
        found = self.predictor(pixels, seen, seen)
        moved = self.update(cluster_sums(found.masks, values))
        queries = queries + self.drop_path(moved)
        queries = F.gelu(queries + self.drop_path(self._attend(seen)))
        return F.gelu(queries + self.drop_path(self.perceptron(queries))), found

    def _attend(self, queries: Tensor) -> Tensor:
        """Returns what queries see in each other; [B, WIDTH, N, 1] to the same shape."""
        parts = self.project(queries).squeeze(3).split((MASK_WIDTH, MASK_WIDTH, WIDTH), 1)
        query, key, value = (each.unflatten(1, (HEADS, -1)) for each in parts)
        weights = self.logits_norm(query.transpose(2, 3) @ key).float().softmax(3)
        seen = (value @ weights.to(value.dtype).transpose(2, 3)).flatten(1, 2)
        out: Tensor = self.out(F.gelu(self.seen_norm(seen.unsqueeze(3))))
        return out


def cluster_sums(masks: Tensor, values: Tensor) -> Tensor:
    """Returns the sum of the values of each query's own pixels; no gradient reaches the masks.

    Args:
        masks: logits [B, N, h, w]; a pixel belongs to the query with its best one.
        values: [B, C, h, w].

    Returns:
        [B, C, N, 1].
    """
    owners = masks.detach().argmax(1).flatten(1)
    chosen = F.one_hot(owners, masks.shape[1]).float()  # [B, pixels, N]
    return (values.flatten(2).float() @ chosen).to(values.dtype).unsqueeze(3)


class KMaxDeepLab(nn.Module):
    """Classes and masks of N queries.

    Args:
        backbone: returns maps of strides 4, 8, 16 and 32 of images in [-1, 1].
        channels: of these maps.
        classes: K, without "no object".
        queries: N.
        drop_path: rate of the decoder.

    Attributes:
        classes: as given.
    """

    def __init__(
        self,
        backbone: nn.Module,
        channels: Sequence[int],
        classes: int,
        queries: int = 128,
        drop_path: float = 0.2,
    ) -> None:
        super().__init__()
        self.classes = classes
        self.backbone = backbone
        self.decoder = PixelDecoder(channels, drop_path)
        self.layers = nn.ModuleList(
            KMeansLayer(self.decoder.channels[level], classes, drop_path) for level in LAYERS
        )
        self.queries = nn.Parameter(
            nn.init.trunc_normal_(torch.empty(WIDTH, queries, 1), a=-2, b=2)
        )
        self.of_classes = nn.Sequential(conv_norm(WIDTH, WIDTH), nn.GELU())
        self.of_masks = nn.Sequential(conv_norm(WIDTH, WIDTH), nn.GELU())
        self.predictor = Predictor(classes)

    def forward(self, image: Tensor) -> Output:
        """Returns predictions of float images [B, 3, H, W] in [0, 1]."""
        maps = self.decoder(self.backbone(2 * image - 1))
        queries = self.queries.expand(len(image), -1, -1, -1)
        found = []
        for layer, level in zip(self.layers, LAYERS, strict=True):
            queries, prediction = layer(maps[level], queries)
            found.append(prediction)
        final = self.predictor(maps[-1], self.of_masks(queries), self.of_classes(queries))
        return Output(final, tuple(found))


class SemanticHead(nn.Module):
    """Class maps from the backbone alone, which help it to learn; not part of the network.

    Args:
        channels: of the backbone's maps of strides 4 to 32.
        classes: K.
    """

    def __init__(self, channels: Sequence[int], classes: int) -> None:
        super().__init__()
        fine, middle, _, coarse = channels
        self.branches = nn.ModuleList([conv_norm(coarse, WIDTH)])
        for dilation in (6, 12, 18):
            branch = conv_norm(coarse, WIDTH, 3)
            branch.conv.dilation = branch.conv.padding = (dilation, dilation)
            self.branches.append(branch)
        self.pooled = conv_norm(coarse, WIDTH)
        self.project = nn.Sequential(conv_norm(5 * WIDTH, WIDTH), nn.GELU())
        self.reduce = nn.ModuleList(
            nn.Sequential(conv_norm(c_in, c_out), nn.GELU())
            for c_in, c_out in ((middle, 64), (fine, 32))
        )
        self.fuse = nn.ModuleList(_separable(WIDTH + more) for more in (64, 32))
        self.head = nn.Sequential(_separable(WIDTH), nn.Conv2d(WIDTH, classes, 1))

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Returns logits [B, K, h, w] at stride 4 of maps of strides 4 to 32."""
        fine, middle, _, coarse = maps
        seen = [F.gelu(branch(coarse)) for branch in self.branches]
        pooled = F.gelu(self.pooled(F.adaptive_avg_pool2d(coarse, 1)))
        x = self.project(torch.cat((*seen, pooled.expand_as(seen[0])), 1))
        for reduce, fuse, finer in zip(self.reduce, self.fuse, (middle, fine), strict=True):
            x = fuse(torch.cat((resized(x, finer.shape[2:]), reduce(finer)), 1))
        logits: Tensor = self.head(x)
        return logits


def _separable(c_in: int) -> nn.Sequential:
    """Returns 5x5 depthwise and 1x1 convolutions; [B, c_in, H, W] to [B, WIDTH, H, W]."""
    return nn.Sequential(
        conv_norm(c_in, c_in, 5, groups=c_in), nn.GELU(), conv_norm(c_in, WIDTH), nn.GELU()
    )


def kmax_deeplab(classes: int, backbone: str = "resnet50", queries: int = 128) -> KMaxDeepLab:
    """Returns the paper's network for COCO and ADE20K, with random weights.

    Args:
        classes: K.
        backbone: one of BACKBONES.
        queries: N; the paper's is 128.
    """
    body = timm.create_model(backbone, features_only=True, out_indices=_LEVELS[backbone])
    channels = cast("FeatureInfo", body.feature_info).channels()
    return KMaxDeepLab(body, channels, classes, queries)


_LEVELS = {name: (1, 2, 3, 4) if name == "resnet50" else (0, 1, 2, 3) for name in BACKBONES}
