# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A trained detector as the graph that robots run: graph contract version 2.

Inputs: ``image`` uint8 [1, H, W, 3] RGB; ``class_thresholds`` float32 [C], scores;
``class_embeddings`` float32 [C, E], C free, and ``anything_embedding`` float32 [1, E] (a graph
with a fixed vocabulary has neither, and is one of version 1).
Outputs: ``boxes`` float32 [1, K, 4] xyxy network px, ``scores`` float32 [1, K], zero in rows
without a pair above its threshold, ``labels`` int64 [1, K], ``embeddings`` float32 [1, K, E];
with masks also ``mask_coefficients`` float32 [1, K, P] and ``prototypes`` float32
[1, P, H / 4, W / 4]. Rows of names come first, best first; then rows of anything, label -1.
"""

from __future__ import annotations

from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from vit_perception.models import boxes as box_math
from vit_perception.models.detectors.dosod import DOSOD
from vit_perception.models.detectors.rt_detr import RTDETR
from vit_perception.models.fusing import bias_of
from vit_perception.models.heads.dosod_head import BINS, STRIDES
from vit_perception.models.layers import ConvModule
from vit_perception.models.shelf import for_inference
from vit_perception.perceiver.settings import GRAPH_ROWS

ANYTHING_ROWS = 300
"""Rows of anything, of which taught names are looked for."""
REJECTED = -200.0
"""Logit of a pair below its class threshold; its sigmoid is 0 in float32."""

_Detector = TypeVar("_Detector", DOSOD, RTDETR)


def fuse(model: _Detector) -> _Detector:
    """Returns a copy for inference: BatchNorm folded into convolutions, images scaled by 1/255."""
    fused = for_inference(model).float()
    for module in fused.modules():
        if isinstance(module, ConvModule):
            assert isinstance(module.bn, nn.BatchNorm2d)
            module.conv = fuse_conv_bn_eval(module.conv, module.bn)
            module.bn = nn.Identity()
    fused.backbone.scale_input(1 / 255)
    return fused


class DetectorGraph(nn.Module):
    """The forward pass of the graph contract, traced once for one input size.

    Args:
        model: a live-vocabulary DOSOD.
        height, width: network input, multiples of 32.
        top_k: rows of the outputs; fewer if anchors times classes are fewer.
        class_embeddings: [C, E] folded in for a fixed vocabulary; None keeps it an input.
    """

    centres: Tensor
    strides: Tensor
    bins: Tensor
    # `projection` and `offset` for a live vocabulary, `folded` for a fixed one.
    projection: Tensor
    offset: Tensor
    folded: Tensor
    # The anchors' levels [A], and the last convolutions of all levels side by side.
    levels: Tensor
    box_weight: Tensor
    region_weight: Tensor

    def __init__(
        self,
        model: DOSOD,
        height: int,
        width: int,
        *,
        top_k: int = GRAPH_ROWS,
        class_embeddings: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.model = fuse(model)
        self.size = (height, width)
        centres, strides = box_math.priors([(height // s, width // s) for s in STRIDES], STRIDES)
        self.register_buffer("centres", centres)
        self.register_buffer("strides", strides)
        self.register_buffer("bins", torch.arange(BINS, dtype=torch.float32))
        self.top_k = top_k
        self.anchors = min(top_k, len(strides))
        self.fixed = class_embeddings is not None
        self.register_buffer("levels", _levels(strides))
        self.register_buffer("box_weight", box_weight(self.model))
        projection, offset = projections(self.model)
        if class_embeddings is None:
            self.register_buffer("projection", projection)
            self.register_buffer("offset", offset)
            self.register_buffer("region_weight", region_weight(self.model))
        else:
            folded = class_embeddings @ projection + offset
            self.register_buffer("folded", folded.detach().clone())

    def forward(
        self,
        image: Tensor,
        class_thresholds: Tensor,
        class_embeddings: Tensor | None = None,
        anything_embedding: Tensor | None = None,
    ) -> tuple[Tensor, ...]:
        detail, *deeper = self.model.backbone.pyramid(image.permute(0, 3, 1, 2).float())
        pyramid = self.model.neck(tuple(deeper))
        # -log(1/t - 1) is the logit of t; t = 0 gives -inf, which every pair passes.
        minimum = -torch.log(1 / class_thresholds - 1)
        # One product computes the vocabulary's last convolutions of all levels.
        if self.fixed:
            folded = self.folded
        else:
            assert class_embeddings is not None and anything_embedding is not None
            asked = torch.cat([class_embeddings, anything_embedding])
            folded = asked @ self.projection + self.offset
        head, masks = self.model.head, self.model.mask_head
        logits, best, anything, features, box_features = [], [], [], [], []
        for level, (x, part) in enumerate(zip(pyramid, folded.chunk(3, dim=1), strict=True)):
            level_features = head.class_features(level, x)[0].flatten(1).T
            if not self.fixed:
                # A product of its own: cutting it off the logits would copy them.
                part, row = part[:-1], part[-1:]
                anything.append(torch.addmm(row[:, -1], level_features, row[:, :-1].T)[:, 0])
                features.append(level_features)
            level_logits = torch.addmm(part[:, -1], level_features, part[:, :-1].T)
            # A NaN is passed on, for whoever runs the graph to see.
            level_logits = torch.where(level_logits < minimum, REJECTED, level_logits)
            logits.append(level_logits)
            # The maximum is taken per level, so that the joined map is only read by `gather`.
            best.append(level_logits.amax(dim=1))
            box_features.append(head.box_features(level, x)[0].flatten(1).T)
        # The best pairs belong to the anchors with the best maxima, so two small top-k give the
        # same result as one over all pairs.
        rows = torch.cat(best).topk(self.anchors).indices
        pairs = torch.cat(logits)[rows].flatten()
        scores, index = pairs.topk(self._rows(pairs))
        classes = class_thresholds.shape[0]
        chosen, labels = rows[index // classes], index % classes
        if not self.fixed:
            found, places = torch.cat(anything).topk(min(ANYTHING_ROWS, self.anchors))
            chosen, scores = torch.cat([chosen, places]), torch.cat([scores, found])
            labels = torch.cat([labels, torch.full_like(places, -1)])
        # Each level has last convolutions of its own. Rows are put in order of their levels, so
        # that each meets those of one, and the levels' features are never joined.
        levels = self.levels[chosen]
        groups = [torch.eq(levels, number).nonzero()[:, 0] for number in range(len(STRIDES))]
        back = torch.cat(groups).argsort()
        anchors = [chosen[rows] for rows in groups]
        told = _last(box_features, anchors, self.box_weight)[back]
        boxes = self._boxes(told[:, : 4 * BINS], chosen)
        outputs = [boxes[None], scores.sigmoid()[None], labels[None]]
        if not self.fixed:
            outputs.append(_last(features, anchors, self.region_weight)[back][None])
        if masks is not None:
            outputs.append(told[:, 4 * BINS :].tanh()[None])
            outputs.append(masks.prototypes(detail, pyramid[0]))
        return tuple(outputs)

    def _rows(self, pairs: Tensor) -> Any:
        """Returns the number of output rows, as a tensor because the number of classes is free.

        `topk` accepts a tensor while it is traced, though its types do not say so.
        """
        available = torch._shape_as_tensor(pairs)[0]
        return torch.minimum(available, torch.tensor(self.top_k))

    def _boxes(self, bins: Tensor, chosen: Tensor) -> Tensor:
        """Returns boxes [K, 4] of the chosen anchors, from their bin logits [K, 64]."""
        sides = bins.reshape(-1, 4, BINS).softmax(dim=2)
        distances = (sides * self.bins).sum(dim=2)
        return box_math.decode(self.centres[chosen], self.strides[chosen], distances)


def projections(model: DOSOD) -> tuple[Tensor, Tensor]:
    """Returns the map from class embeddings [C, E] to weights and bias of all levels' logits.

    Returns:
        matrix [E, 3 (c + 1)] and offset [3 (c + 1)]: embeddings @ matrix + offset gives, for each
        level, c weights for the class features and one bias. See `DOSODHead.folded`.
    """
    head = model.head
    columns, offsets = [], []
    for branch, contrast in zip(head.class_branches, head.contrasts, strict=True):
        last = branch.last
        bias = bias_of(last)[:, None]
        scaled = contrast.weight(torch.cat([last.weight.flatten(1), bias], dim=1))
        columns.append(scaled)
        offsets.append(torch.cat([scaled.new_zeros(scaled.shape[1] - 1), contrast.bias[None]]))
    return torch.cat(columns, dim=1).detach(), torch.cat(offsets).detach()


def region_weight(model: DOSOD) -> Tensor:
    """Returns the last class convolutions of all levels, [3 (c + 1), E], bias last in each."""
    return torch.cat([_matrix(branch.last) for branch in model.head.class_branches])


def box_weight(model: DOSOD) -> Tensor:
    """Returns the last box convolutions and, with masks, those of the prototypes' weights.

    Returns:
        [3 (c + 1), 64 + P], bias last in each level: bins first, then P weights before tanh.
    """
    parts = []
    for level, branch in enumerate(model.head.box_branches):
        columns = [_matrix(branch.last)]
        if model.mask_head is not None:
            columns.append(_matrix(model.mask_head.last(level)))
        parts.append(torch.cat(columns, dim=1))
    return torch.cat(parts)


def _last(features: list[Tensor], anchors: list[Tensor], weights: Tensor) -> Tensor:
    """Returns last convolutions of some anchors, in order of their levels.

    Args:
        features: of each level, [a, c].
        anchors: of each level, places among those of all levels.
        weights: of all levels, [3 (c + 1), E], bias last in each.
    """
    parts, start = [], 0
    for own, rows, weight in zip(features, anchors, weights.chunk(len(STRIDES)), strict=True):
        parts.append(torch.addmm(weight[-1], own[rows - start], weight[:-1]))
        start += len(own)
    return torch.cat(parts)


def _matrix(last: nn.Conv2d) -> Tensor:
    """Returns a 1x1 convolution as [c + 1, E], bias last."""
    return torch.cat([last.weight.flatten(1), bias_of(last)[:, None]], dim=1).T.detach()


def _levels(strides: Tensor) -> Tensor:
    """Returns the level of each anchor, int64 [A]."""
    return (strides.reshape(-1, 1) == torch.tensor(STRIDES)).long().argmax(dim=1)
