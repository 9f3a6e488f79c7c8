# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""DOSOD: open-set detection with decoupled feature alignment (arXiv 2412.14680, card 01)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from vit_perception.models import boxes as box_math
from vit_perception.models.backbones.csp_darknet import CSPDarknet, pyramid_channels
from vit_perception.models.backbones.mamba_yolo import MambaYOLOBackbone
from vit_perception.models.fusing import bias_of
from vit_perception.models.heads.closed_head import ClosedHead
from vit_perception.models.heads.dosod_head import (
    BINS,
    STRIDES,
    DOSODHead,
    FixedContrast,
    HeadOutput,
)
from vit_perception.models.heads.mask_head import MaskHead
from vit_perception.models.necks.pafpn import PAFPN
from vit_perception.models.necks.shelf_pyramid import ShelfPyramid
from vit_perception.models.shelf import Backbone

RELEASED_HEAD = "bbox_head.head_module."
"""Prefix of the head's entries in the released files; other entries have the same names there."""
RELEASED_TEXT_TOWER = "backbone_text."


class DOSOD(nn.Module):
    """Image branch, text adaptor and head; the text encoder is not part of it.

    Args:
        width, depth, last: scaling of the backbone and neck (card 01, Configurations).
        class_width: channels of the class branch; None for max(P3 channels, 80), as in the paper.
        embedding: dimension E of the joint space.
        text_dimension: dimension D of the text embeddings.
        adaptor_layers: linear layers of the text adaptor.
        activation: "silu" (the paper's) or "relu".
        prototypes: of the instance masks; 0 for boxes only, as in the paper.
        backbone: of the shelf or Mamba YOLO's, instead of CSPDarknet; the scaling then applies to
            the neck only.
        fusion: see `PAFPN`.
        classes: of a closed set, in place of a live vocabulary; 0 for the paper's head.

    Raises:
        ValueError: the backbone has no fine map.
    """

    def __init__(
        self,
        *,
        width: float,
        depth: float,
        last: int,
        class_width: int | None = None,
        embedding: int = 512,
        text_dimension: int = 512,
        adaptor_layers: int = 3,
        activation: str = "silu",
        prototypes: int = 0,
        backbone: Backbone | MambaYOLOBackbone | None = None,
        fusion: Callable[[int, int], nn.Module] | None = None,
        classes: int = 0,
    ) -> None:
        super().__init__()
        self.backbone: CSPDarknet | MambaYOLOBackbone | ShelfPyramid
        if backbone is None:
            self.backbone = CSPDarknet(width, depth, last, activation)
        elif isinstance(backbone, MambaYOLOBackbone):
            self.backbone = backbone
        else:
            self.backbone = ShelfPyramid(backbone, pyramid_channels(width, last), activation)
        channels = self.backbone.channels
        self.neck = PAFPN(channels, depth, activation, fusion)
        self.head: DOSODHead
        if classes:
            self.head = ClosedHead(channels, class_width, classes, activation)
        else:
            self.head = DOSODHead(
                channels,
                max(channels[0], 80) if class_width is None else class_width,
                embedding,
                text_dimension,
                adaptor_layers,
                activation,
            )
        self.mask_head = (
            MaskHead(
                self.backbone.detail,
                channels[0],
                4 * BINS,
                len(channels),
                prototypes,
                activation=activation,
            )
            if prototypes
            else None
        )
        self.text_dimension = text_dimension

    def features(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Returns the neck maps of float images [B, 3, H, W] RGB in [0, 1]."""
        maps: tuple[Tensor, Tensor, Tensor] = self.neck(self.backbone(image))
        return maps

    def embed(self, text: Tensor) -> Tensor:
        """Maps text embeddings [..., K, D] (unit length) to class embeddings [..., K, E]."""
        embeddings: Tensor = self.head.text_mlp(text)
        return embeddings

    def forward(self, image: Tensor, class_embeddings: Tensor | None = None) -> HeadOutput:
        """Returns the raw maps; see :meth:`DOSODHead.forward`."""
        output: HeadOutput
        if self.mask_head is None:
            output = self.head(self.features(image), class_embeddings)
            return output
        detail, *deeper = self.backbone.pyramid(image)
        features = self.neck(tuple(deeper))
        output = self.head(features, class_embeddings, self.mask_head)
        return replace(output, prototypes=self.mask_head.prototypes(detail, features[0]))

    def detect(
        self, image: Tensor, class_embeddings: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Returns boxes [B, A, 4] xyxy network px and scores [B, A, K] of all anchors."""
        output = self(image, class_embeddings)
        sizes = [(x.shape[2], x.shape[3]) for x in output.logits]
        centres, strides = box_math.priors(sizes, STRIDES, dtype=image.dtype, device=image.device)
        logits = torch.cat([x.flatten(2) for x in output.logits], dim=2).mT
        bins = torch.cat([x.flatten(2) for x in output.distances], dim=2).mT
        decoded = box_math.decode(centres, strides, box_math.expected_distances(bins))
        return decoded, logits.sigmoid()


def reparameterize(model: DOSOD, class_embeddings: Tensor) -> DOSOD:
    """Folds a vocabulary into the head, in place and exactly: the paper's closed-set form.

    Args:
        model: a model with a live vocabulary.
        class_embeddings: [K, E] outputs of :meth:`DOSOD.embed`.

    Returns:
        The same model, without text adaptor, scales and offsets.
    """
    if model.head.fixed:
        raise ValueError("this model already has a fixed vocabulary")
    classes = class_embeddings.shape[0]
    for level, contrast in enumerate(model.head.contrasts):
        fixed = FixedContrast(model.head.embedding, classes).to(class_embeddings)
        with torch.no_grad():
            fixed.conv.weight.copy_(contrast.weight(class_embeddings)[:, :, None, None])
            bias_of(fixed.conv).copy_(contrast.bias.expand(classes))
        model.head.cls_contrasts[level] = fixed
    model.head.text_mlp = nn.Sequential()
    return model


def released_key(key: str) -> str:
    """Returns the name of one of our state-dict entries in the released files."""
    return RELEASED_HEAD + key.removeprefix("head.") if key.startswith("head.") else key


def _counted(keys: list[str], what: str) -> str:
    more = " …" if len(keys) > 3 else ""
    return f"{len(keys)} {what}" + (f" ({', '.join(keys[:3])}{more})" if keys else "")


def load_released(model: DOSOD, state: Mapping[str, Tensor]) -> None:
    """Loads a released state dict (without text tower) strictly.

    Raises:
        ValueError: entries are missing or unexpected, or one has another shape; names them.
    """
    ours = {released_key(key): key for key in model.state_dict()}
    theirs = {key for key in state if not key.startswith(RELEASED_TEXT_TOWER)}
    missing, unexpected = sorted(set(ours) - theirs), sorted(theirs - set(ours))
    if missing or unexpected:
        raise ValueError(
            f"expected the {len(ours)} entries of this model, "
            f"found {_counted(missing, 'missing')} and {_counted(unexpected, 'unexpected')}"
        )
    for key, value in model.state_dict().items():
        found = state[released_key(key)].shape
        if found != value.shape:
            raise ValueError(
                f"{released_key(key)}: expected {list(value.shape)}, found {list(found)}"
            )
    model.load_state_dict({ours[key]: state[key] for key in theirs}, strict=True)


def dosod_s(**options: Any) -> DOSOD:
    """Returns DOSOD-S: 11,456,848 parameters when reparameterized for 80 classes."""
    return _built(options, width=0.5, depth=0.33, last=1024)


def dosod_m(**options: Any) -> DOSOD:
    """Returns DOSOD-M: 26,275,872 parameters when reparameterized for 80 classes."""
    return _built(options, width=0.75, depth=0.67, last=768)


def dosod_l(**options: Any) -> DOSOD:
    """Returns DOSOD-L: 44,147,696 parameters when reparameterized for 80 classes."""
    return _built(options, width=1.0, depth=1.0, last=512)


def dosod_nano(**options: Any) -> DOSOD:
    """Returns a quarter of full width with a 64-wide class branch, for small computers (ours).

    The joint space has 256 dimensions: the class branch in front of it has 64, so more would only
    add cost of folding per frame.
    """
    joint = {"class_width": 64, "embedding": 256, "text_dimension": 384}
    return _built(options, width=0.25, depth=0.33, last=1024, **joint)


def dosod_small(**options: Any) -> DOSOD:
    """Returns nano with a class branch twice as wide, for a backbone that knows more (ours)."""
    return dosod_nano(**{"class_width": 128, **options})


def _built(options: Mapping[str, Any], **defaults: Any) -> DOSOD:
    return DOSOD(**{**defaults, **options})
