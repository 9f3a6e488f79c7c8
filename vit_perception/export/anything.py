# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Fits the class embedding that asks a trained detector for anything.

No word is assumed: among region embeddings, a logistic regression tells the anchors that lie on an
object from the others. Its weights are a class embedding like that of a name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from vit_perception.boxes import box_iou
from vit_perception.evaluation.coco_entries import corners
from vit_perception.evaluation.dataset import Dataset, Picture, read_frame
from vit_perception.export.graph import fuse
from vit_perception.letterbox import Canvas, boxes_to_source
from vit_perception.models import boxes as box_math
from vit_perception.models.detectors.dosod import DOSOD
from vit_perception.models.heads.dosod_head import STRIDES

ANCHORS_OF_AN_OBJECT = 8
"""Those that fit it best; others count as nothing, so that the best boxes come first."""
_ON_OBJECT = 0.5
_ON_HIDDEN = 0.3
_NEGATIVES = 250
"""Of a picture, drawn at random; each stands for as many as it was drawn from."""
_ITERATIONS = 80
_WEIGHT_DECAY = 1e-4


def fit_anything(
    model: DOSOD,
    data: Dataset,
    height: int,
    width: int,
    start: NDArray[np.float32],
    *,
    progress: Callable[[int], object] = lambda done: None,
) -> NDArray[np.float32]:
    """Returns a class embedding float32 [E] that asks for anything.

    Args:
        model: with a live vocabulary.
        data: pictures in which all objects are labelled.
        height, width: network input, multiples of 32.
        start: float32 [E], where the fit begins.
        progress: called with the number of pictures looked at.

    Raises:
        EvaluationError: a picture cannot be read.
    """
    with torch.no_grad():
        look = _Look(fuse(model), height, width, data)
        samples = []
        for number, picture in enumerate(data.pictures):
            samples.append(look(picture))
            progress(number + 1)
        regions, biases, targets, weights = map(torch.cat, zip(*samples, strict=True))
    total = targets.sum().clamp(min=1)
    # At unit scale the fit is as good for features of any size.
    scale = regions.square().mean().sqrt().clamp(min=1e-12)
    regions = regions / scale
    embedding = (torch.tensor(start) * scale).requires_grad_()
    optimizer = torch.optim.LBFGS(
        [embedding], max_iter=_ITERATIONS, history_size=20, line_search_fn="strong_wolfe"
    )

    def loss() -> Tensor:
        optimizer.zero_grad()
        logits = regions @ embedding + biases
        fit = F.binary_cross_entropy_with_logits(logits, targets, weights, reduction="sum")
        value = fit / total + _WEIGHT_DECAY * embedding.square().sum()
        value.backward()
        return value

    optimizer.step(loss)
    found: NDArray[np.float32] = (embedding.detach() / scale).numpy()
    return found


class _Look:
    """Looks at pictures, and chooses anchors of them.

    Args:
        model: fused.
        height, width: network input.
        data: what is in the pictures.
    """

    def __init__(self, model: DOSOD, height: int, width: int, data: Dataset) -> None:
        self.by_picture: dict[int, list[dict[str, Any]]] = {}
        for each in data.annotations:
            self.by_picture.setdefault(each["image_id"], []).append(each)
        self.model = model
        self.canvas = Canvas(height, width)
        sizes = [(height // stride, width // stride) for stride in STRIDES]
        self.centres, self.strides = box_math.priors(sizes, STRIDES)
        self.generator = np.random.default_rng(0)

    def __call__(self, picture: Picture) -> tuple[Tensor, ...]:
        """Returns scaled region embeddings [N, E], biases, targets and weights, each [N].

        The logit of a class embedding e is the row times e plus the bias.
        """
        letterbox = self.canvas.draw(read_frame(picture).image)
        pixels = torch.from_numpy(self.canvas.pixels).permute(0, 3, 1, 2).float()
        head = self.model.head
        regions, biases, bins = [], [], []
        for level, features in enumerate(self.model.features(pixels)):
            contrast = head.contrasts[level]
            rows = head.class_maps(level, features)[0].flatten(1).T
            regions.append(contrast.weight(rows))
            biases.append(contrast.bias.expand(len(rows)))
            found = head.box_branches[level].last(head.box_features(level, features))
            bins.append(found[0].flatten(1).T)
        distances = box_math.expected_distances(torch.cat(bins))
        boxes = box_math.decode(self.centres, self.strides, distances).numpy()
        chosen, targets, weights = self._chosen(boxes_to_source(boxes, letterbox), picture)
        at = torch.from_numpy(chosen)
        return (
            torch.cat(regions)[at],
            torch.cat(biases)[at],
            torch.from_numpy(targets),
            torch.from_numpy(weights),
        )

    def _chosen(
        self, boxes: NDArray[np.float32], picture: Picture
    ) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32]]:
        """Returns anchors [N], how well each fits an object (0: not at all), and weights."""
        here = self.by_picture.get(picture.id, [])
        objects = box_iou(boxes, corners(each["bbox"] for each in here if not each["iscrowd"]))
        hidden = box_iou(boxes, corners(each["bbox"] for each in here if each["iscrowd"]))
        fits = objects.max(axis=1, initial=0)
        # The place of an anchor among those of the object it fits best.
        places = np.argsort(np.argsort(-objects, axis=0, kind="stable"), axis=0)
        place = places[np.arange(len(boxes)), objects.argmax(axis=1)] if objects.size else fits
        on_object = (fits >= _ON_OBJECT) & (place < ANCHORS_OF_AN_OBJECT)
        on = np.flatnonzero(on_object)
        off = np.flatnonzero(~on_object & (hidden.max(axis=1, initial=0) < _ON_HIDDEN))
        drawn = self.generator.choice(off, min(len(off), _NEGATIVES), replace=False)
        targets = np.concatenate([fits[on], np.zeros(len(drawn), np.float32)])
        weights = np.concatenate(
            [fits[on], np.full(len(drawn), len(off) / max(1, len(drawn)), np.float32)]
        )
        chosen = np.concatenate([on, drawn])
        return chosen, targets.astype(np.float32), weights.astype(np.float32)
