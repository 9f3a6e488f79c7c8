# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Augmentation of training pictures: windows, mosaics, colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import cv2
import numpy as np

from vit_perception.models.heads.mask_head import PROTOTYPE_STRIDE
from vit_perception.training.pictures import Array, Labelled, Picture, read, read_owner

KEEP = 0.35
"""Share of an object's box that must stay in view; objects with less are ignored."""
SMALLEST = 4.0
"""Smallest side of an object in network px; smaller objects are ignored."""
_LABELS = tuple(field.name for field in fields(Labelled))


@dataclass(frozen=True, eq=False)
class View:
    """An augmented picture, ready for the network.

    Attributes:
        image: uint8 [S, S, 3] RGB.
        labels: the objects in the picture.
        owner: int16 [S / 4, S / 4] row of the visible object, -1 for none.
    """

    image: Array
    labels: Labelled
    owner: Array


def _moved(
    labels: Labelled, owner: Array, scale: Array, shift: Array, width: float, height: float
) -> tuple[Labelled, Array]:
    """Scales, shifts and clips labels to a picture; objects outside are dropped or hidden.

    `owner` is already cropped; its rows are renumbered.
    """
    full = labels.boxes * np.tile(scale, 2) + np.tile(shift, 2)
    limit = np.array([width, height, width, height], np.float32)
    boxes = np.clip(full, 0, limit).astype(np.float32)
    area = np.prod(full[:, 2:] - full[:, :2], axis=1)
    size = boxes[:, 2:] - boxes[:, :2]
    seen = np.prod(size, axis=1) / np.maximum(area, 1e-6)
    inside = (size > 1).all(axis=1)
    hidden = labels.hidden | (seen < KEEP) | (size.min(axis=1, initial=np.inf) < SMALLEST)
    numbers = np.full(len(inside) + 1, -1, np.int16)
    numbers[:-1][inside] = np.arange(np.count_nonzero(inside))
    regions = labels.regions * np.tile(scale, 2) + np.tile(shift, 2)
    kept = Labelled(
        boxes[inside],
        labels.objects[inside],
        hidden[inside],
        labels.things[inside],
        np.clip(regions, 0, limit).astype(np.float32),
        labels.sources,
    )
    return kept, numbers[owner]


def fit(picture: Picture, size: int, rng: np.random.Generator) -> View:
    """Returns a random window of the picture at size x size, aspect changed by up to 20 %."""
    image = read(picture)
    height, width = image.shape[:2]
    share = 1.0 if rng.random() < 0.4 else rng.uniform(0.35, 1.0)
    stretch = rng.uniform(0.85, 1.18)
    w = min(width, max(8, round(width * share * min(1.0, stretch))))
    h = min(height, max(8, round(height * share * min(1.0, 1 / stretch))))
    x, y = rng.integers(0, width - w + 1), rng.integers(0, height - h + 1)
    window = image[y : y + h, x : x + w]
    shrink = size < w
    image = cv2.resize(
        window, (size, size), interpolation=cv2.INTER_AREA if shrink else cv2.INTER_LINEAR
    )
    # The centre of each cell decides its owner; cv2's nearest takes the corner.
    cells = (np.arange(size // PROTOTYPE_STRIDE) + 0.5) / (size // PROTOTYPE_STRIDE)
    at = np.ix_((y + cells * h).astype(np.int64), (x + cells * w).astype(np.int64))
    owner = read_owner(picture)[at]
    scale = np.array([size / w, size / h], np.float32)
    shift = -np.array([x, y], np.float32) * scale
    return View(image, *_moved(picture.labels, owner, scale, shift, size, size))


def mosaic(pictures: Sequence[Picture], size: int, rng: np.random.Generator) -> View:
    """Joins four pictures at a random point, for small and cut objects."""
    step = PROTOTYPE_STRIDE
    canvas = np.full((size, size, 3), 114, np.uint8)
    owners = np.full((size // step, size // step), -1, np.int16)
    cx, cy = (int(size * v) // step * step for v in rng.uniform(0.35, 0.65, 2))
    corners = [(0, 0, cx, cy), (cx, 0, size, cy), (0, cy, cx, size), (cx, cy, size, size)]
    parts: list[Labelled] = []
    count = 0
    one, none = np.ones(2, np.float32), np.zeros(2, np.float32)
    for picture, (x1, y1, x2, y2) in zip(pictures, corners, strict=True):
        view = fit(picture, max(x2 - x1, y2 - y1), rng)
        canvas[y1:y2, x1:x2] = view.image[: y2 - y1, : x2 - x1]
        owner = view.owner[: (y2 - y1) // step, : (x2 - x1) // step]
        labels, owner = _moved(view.labels, owner, one, none, x2 - x1, y2 - y1)
        corner = np.array([x1, y1], np.float32)
        labels, owner = _moved(labels, owner, one, corner, size, size)
        owners[y1 // step : y2 // step, x1 // step : x2 // step] = np.where(
            owner >= 0, owner + count, -1
        )
        parts.append(labels)
        count += len(labels.objects)
    return View(
        canvas,
        Labelled(
            *(np.concatenate([getattr(part, name) for part in parts]) for name in _LABELS),
        ),
        owners,
    )


def mirror(view: View) -> View:
    """Flips left and right."""
    width = view.image.shape[1]

    def flipped(boxes: Array) -> Array:
        turned: Array = boxes[:, [2, 1, 0, 3]] * np.array([-1, 1, -1, 1], np.float32)
        turned[:, [0, 2]] += width
        return turned

    boxes, regions = flipped(view.labels.boxes), flipped(view.labels.regions)
    labels = replace(view.labels, boxes=boxes, regions=regions)
    return View(view.image[:, ::-1], labels, view.owner[:, ::-1])


def repaint(image: Array, rng: np.random.Generator) -> Array:
    """Changes to false colours: random hue, saturation from none to strong, channels swapped.

    Objects are then recognised by shape and shading only; colour words are no longer true.
    """
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
    steps = np.arange(256, dtype=np.float32)
    hue = ((steps + rng.uniform(0, 180)) % 180).astype(np.uint8)
    saturation = np.clip(steps * rng.choice([0.0, rng.uniform(0.2, 1.7)], p=[0.2, 0.8]), 0, 255)
    value = 255 * (steps / 255) ** rng.uniform(0.6, 1.6)
    table = np.stack([hue, saturation.astype(np.uint8), value.astype(np.uint8)], axis=1)[None]
    painted = cv2.cvtColor(cv2.LUT(hsv, table), cv2.COLOR_HSV2RGB)
    return np.ascontiguousarray(painted[:, :, rng.permutation(3)])


def recolour(image: Array, rng: np.random.Generator) -> Array:
    """Changes saturation, brightness and contrast; hue so little that colour words stay true."""
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
    steps = np.arange(256, dtype=np.float32)
    hue = ((steps + rng.uniform(-3, 3)) % 180).astype(np.uint8)
    saturation = np.clip(steps * rng.uniform(0.75, 1.3), 0, 255).astype(np.uint8)
    gamma = rng.uniform(0.75, 1.3)
    value = np.clip(255 * (steps / 255) ** gamma * rng.uniform(0.8, 1.15), 0, 255).astype(np.uint8)
    table = np.stack([hue, saturation, value], axis=1)[None]
    return cv2.cvtColor(cv2.LUT(hsv, table), cv2.COLOR_HSV2RGB)
