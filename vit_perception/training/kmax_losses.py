# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Matching and losses of kMaX-DeepLab (card 56).

The final prediction is matched with the segments; all layers learn that matching.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from torch.nn import functional as F

from vit_perception.models.segmenters.kmax_deeplab import Output, Prediction

CLASS, DICE, MASK, PIXELS = 3.0, 3.0, 0.3, 1.0
"""Weights of the losses."""
REAL, VOID = 0.75, 0.25
"""Weights of classes of matched queries, and of the others."""
SAMPLES = 4096
"""Pixels of a picture that are told apart."""
TEMPERATURE = 0.3
"""Of their products."""
_TINY = 1e-6


class Segments(NamedTuple):
    """What one picture shows.

    Attributes:
        labels: int64 [M], classes.
        masks: bool [M, H, W], which do not overlap; pixels of none are void.
    """

    labels: Tensor
    masks: Tensor


class Matched(NamedTuple):
    """Queries and segments that belong together.

    Attributes:
        queries, segments: int64 [P], indices.
    """

    queries: Tensor
    segments: Tensor


def kmax_loss(
    output: Output, targets: Sequence[Segments], generator: torch.Generator | None = None
) -> Tensor:
    """Returns the mean over pictures of the losses of all predictions.

    Args:
        output: of a batch.
        targets: one for each picture.
        generator: draws the pixels that are told apart.
    """
    losses = []
    for index, target in enumerate(targets):
        final = _of(output.final, index)
        masks = _shrunk(target.masks, final.masks.shape[1:])
        matched = match(final, Segments(target.labels, masks))
        for prediction in (output.final, *output.layers):
            each = _of(prediction, index)
            segments = Segments(target.labels, _shrunk(target.masks, each.masks.shape[1:]))
            losses.append(prediction_loss(each, segments, matched))
            losses.append(PIXELS * pixel_loss(each.pixels, segments.masks, generator))
    return torch.stack(losses).sum() / len(targets)


@torch.no_grad()
def match(prediction: Prediction, segments: Segments) -> Matched:
    """Returns the assignment with the greatest sum of class probability times dice overlap.

    Args:
        prediction: of one picture, without the axis of the batch.
        segments: at the size of its masks.
    """
    probabilities = prediction.classes.softmax(1)[:, segments.labels]
    score = probabilities * dice(prediction.masks, segments.masks)
    queries, found = linear_sum_assignment(score.cpu().numpy(), maximize=True)
    device = prediction.classes.device
    return Matched(torch.from_numpy(queries).to(device), torch.from_numpy(found).to(device))


def dice(masks: Tensor, segments: Tensor) -> Tensor:
    """Returns the overlap [N, M] of each query with each segment, void pixels left out.

    Args:
        masks: logits [N, h, w].
        segments: bool [M, h, w].
    """
    known = segments.any(0).flatten()
    found = masks.float().flatten(1).softmax(0)[:, known]
    wanted = segments.flatten(1)[:, known].to(found)
    both = 2 * found @ wanted.T
    return both / (found.sum(1)[:, None] + wanted.sum(1)[None] + _TINY)


def prediction_loss(prediction: Prediction, segments: Segments, matched: Matched) -> Tensor:
    """Returns the loss of classes and masks of one picture; see `match`.

    A class counts as much as its mask overlaps, and a mask as much as its class is sure: what
    panoptic quality multiplies.
    """
    queries, found = matched
    labels = segments.labels[found]
    logits = prediction.classes.float()
    overlap = dice(prediction.masks, segments.masks)[queries, found]
    void = torch.ones(len(logits), dtype=torch.bool, device=logits.device)
    void[queries] = False
    loss = logits.sum() * 0
    if void.any():
        none = torch.full((int(void.sum()),), logits.shape[1] - 1, device=logits.device)
        loss = loss + CLASS * VOID * F.cross_entropy(logits[void], none)
    if not len(queries):
        return loss
    entropy = F.cross_entropy(logits[queries], labels, reduction="none")
    loss = loss + CLASS * REAL * (overlap.detach() * entropy).mean()
    sure = logits[queries].softmax(1).gather(1, labels[:, None])[:, 0].detach()
    loss = loss + DICE * (sure * (1 - overlap)).mean()
    kept = segments.masks[found]
    known = kept.any(0)
    owners = queries[kept.float().argmax(0)][known]
    return loss + MASK * F.cross_entropy(prediction.masks.float()[:, known].T, owners)


def pixel_loss(features: Tensor, masks: Tensor, generator: torch.Generator | None) -> Tensor:
    """Returns how badly features of pixels tell segments apart (instance discrimination).

    Args:
        features: [C, h, w] of unit length.
        masks: bool [M, h, w].
        generator: draws SAMPLES pixels.
    """
    known = masks.any(0).flatten().nonzero()[:, 0]
    if not len(known):
        return features.sum() * 0
    order = torch.randperm(len(known), generator=generator)[:SAMPLES].to(known.device)
    chosen = known[order]
    owners = masks.flatten(1).float().argmax(0)[chosen]
    pixels = features.float().flatten(1)[:, chosen]
    logs = (pixels.T @ pixels / TEMPERATURE).log_softmax(1)
    same = (owners[:, None] == owners[None]).to(logs)
    return -(logs * same).sum(1).div(same.sum(1)).mean()


def _of(prediction: Prediction, index: int) -> Prediction:
    return Prediction(*(each[index] for each in prediction))


def _shrunk(masks: Tensor, size: Sequence[int]) -> Tensor:
    """Returns masks at another size, by the nearest pixel: they must not overlap."""
    if not len(masks):
        return masks.new_zeros((0, *size))
    found = F.interpolate(masks[None].float(), size=tuple(size), mode="nearest-exact")[0]
    return found > 0.5
