# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""RT-DETR: a detector in real time without suppression (arXiv 2304.08069, card 06).

Three hundred queries tell one object each, so that nothing is suppressed behind it. Beside the
paper's fixed classes it takes names of DOSOD's joint space (card 01), which may change any time.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from torch import Tensor, nn

from vit_perception.models.backbones.resnet_vd import ResNetVD, resnet_vd
from vit_perception.models.centred_boxes import corners
from vit_perception.models.heads.detr_classes import Classes
from vit_perception.models.heads.rt_detr_head import (
    Anchors,
    NoisyQueries,
    Output,
    RTDETRHead,
    make_anchors,
)
from vit_perception.models.necks.hybrid_encoder import HybridEncoder, sine_places
from vit_perception.models.necks.shelf_pyramid import ShelfPyramid
from vit_perception.models.shelf import Backbone

STRIDES = (8, 16, 32)
QUERIES = 300
_DECODER_HIDDEN = 1024


class Tables(NamedTuple):
    """What depends on the size of the picture alone.

    Attributes:
        places: of the coarsest map, see `sine_places`.
        anchors: see `Anchors`.
    """

    places: Tensor
    anchors: Anchors


class RTDETR(nn.Module):
    """Backbone, hybrid encoder and decoder; a text encoder is not part of it.

    Args:
        backbone: of the paper, or any of the shelf.
        neck_width, neck_hidden, expansion: see `HybridEncoder`.
        layers: of the decoder.
        used: of them, that run in inference; None for all.
        classes: number of fixed classes; 0 for a live vocabulary.
        embedding: dimension E of the joint space of a live vocabulary.
        text_dimension: dimension D of its text embeddings.
        adaptor_layers: linear layers from one to the other.
        width: of tokens, a multiple of 8.
        queries: Q.
        discrete: whether attention reads the nearest cell, see `NearestAttention`.

    Attributes:
        used: as given; may be changed at any time, without training.

    Raises:
        BackboneError: the backbone has no fine map.
        ValueError: there are fewer layers than are used.
    """

    def __init__(
        self,
        backbone: ResNetVD | Backbone,
        *,
        neck_width: int = 256,
        neck_hidden: int = 1024,
        expansion: float = 1.0,
        layers: int = 6,
        used: int | None = None,
        classes: int = 80,
        embedding: int = 512,
        text_dimension: int = 512,
        adaptor_layers: int = 3,
        width: int = 256,
        queries: int = QUERIES,
        discrete: bool = False,
    ) -> None:
        super().__init__()
        self.backbone: ResNetVD | ShelfPyramid
        channels: tuple[int, int, int] | None = None
        if isinstance(backbone, Backbone):
            self.backbone = ShelfPyramid(backbone, (neck_width,) * 3)
        else:
            self.backbone, channels = backbone, backbone.channels
        self.neck = HybridEncoder(channels, neck_width, neck_hidden, expansion)
        self.head = RTDETRHead(
            neck_width,
            width,
            _DECODER_HIDDEN,
            layers,
            queries,
            Classes(width, layers, classes, embedding, text_dimension, adaptor_layers),
            discrete,
        )
        self.text_dimension = text_dimension
        self.used = self._checked(layers if used is None else used)

    def embed(self, text: Tensor) -> Tensor:
        """Maps text embeddings [..., K, D] (unit length) to class embeddings [..., K, E]."""
        embeddings: Tensor = self.head.text_mlp(text)
        return embeddings

    def forward(
        self,
        image: Tensor,
        class_embeddings: Tensor | None = None,
        *,
        noise: NoisyQueries | None = None,
        layers: int | None = None,
        tables: Tables | None = None,
    ) -> Output:
        """Runs the network.

        Args:
            image: float [B, 3, H, W] RGB in [0, 1]; H and W are multiples of 32.
            class_embeddings: [K, E] or, with one vocabulary per image, [B, K, E]; None with fixed
                classes.
            noise: further queries, in training.
            layers: of the decoder that run; None for `used` in inference, for all in training.
            tables: of the size of the image; None makes them.

        Raises:
            ValueError: there are not so many layers, or names are missing.
        """
        if layers is None:
            layers = self.head.depth if self.training else self.used
        places, anchors = (None, None) if tables is None else tables
        maps = self.neck(self.backbone(image), places)
        output: Output = self.head(maps, class_embeddings, noise, self._checked(layers), anchors)
        return output

    def detect(
        self, image: Tensor, class_embeddings: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Returns boxes [B, Q, 4] xyxy network px and scores [B, Q, K] of all queries."""
        final = self(image, class_embeddings).layers[-1]
        size = image.new_tensor([image.shape[3], image.shape[2]] * 2)
        return corners(final.boxes) * size, final.logits.sigmoid()

    def tables(self, height: int, width: int) -> Tables:
        """Returns the tables of one size of pictures."""
        sizes = [(height // stride, width // stride) for stride in STRIDES]
        return Tables(sine_places(*sizes[-1], self.neck.width), make_anchors(sizes))

    def _checked(self, layers: int) -> int:
        if not 1 <= layers <= self.head.depth:
            raise ValueError(f"layers: expected 1..{self.head.depth}, found {layers}")
        return layers


def rt_detr_r18(**options: Any) -> RTDETR:
    """Returns RT-DETR-R18: 20,184,464 parameters with 80 classes, its norms' among them."""
    return _built(18, options, expansion=0.5, layers=3)


def rt_detr_r34(**options: Any) -> RTDETR:
    """Returns RT-DETR-R34: 31,441,668 parameters with 80 classes, its norms' among them."""
    return _built(34, options, expansion=0.5, layers=4)


def rt_detr_r50_m(**options: Any) -> RTDETR:
    """Returns RT-DETR-R50-m: 36,593,772 parameters with 80 classes; it uses half its layers."""
    return _built(50, options, expansion=0.5, used=3)


def rt_detr_r50(**options: Any) -> RTDETR:
    """Returns RT-DETR-R50: 42,891,372 parameters with 80 classes."""
    return _built(50, options)


def rt_detr_r101(**options: Any) -> RTDETR:
    """Returns RT-DETR-R101: 76,556,268 parameters with 80 classes."""
    return _built(101, options, neck_width=384, neck_hidden=2048)


def _built(depth: int, options: dict[str, Any], **defaults: Any) -> RTDETR:
    backbone = options.pop("backbone", None)
    return RTDETR(backbone or resnet_vd(depth), **{**defaults, **options})
