# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Windows of pictures with the class of each pixel, and batches of a step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from vit_perception.evaluation.class_map_data import UNKNOWN, Mapped, read_mapped
from vit_perception.evaluation.errors import EvaluationError
from vit_perception.training.augment import recolour
from vit_perception.training.pictures import Array, DataError
from vit_perception.training.segmenter_recipe import SegmenterRecipe

_GREY = 114


@dataclass(frozen=True)
class MapBatch:
    """The data of one step.

    Attributes:
        images: uint8 [B, 3, H, W] RGB.
        labels: int64 [B, H, W], classes, or UNKNOWN.
    """

    images: Tensor
    labels: Tensor

    def tensors(self) -> list[Tensor]:
        """Returns all that is in it, for loader processes."""
        return [self.images, self.labels]

    @classmethod
    def of(cls, tensors: Sequence[Tensor]) -> MapBatch:
        """Returns the batch of what `tensors` returned."""
        return cls(*tensors)


class MapSource(Dataset["MapBatch | DataError"]):
    """Item `step` is the batch of that step, or the error of its pictures."""

    def __init__(self, recipe: SegmenterRecipe, pictures: list[Mapped], classes: int) -> None:
        self.recipe, self.pictures, self.classes = recipe, pictures, classes

    def __len__(self) -> int:
        return self.recipe.steps

    def __getitem__(self, step: int) -> MapBatch | DataError:
        # Workers must not start more threads: the network needs the cores.
        cv2.setNumThreads(0)
        rng = np.random.default_rng((self.recipe.seed, step))
        drawn = rng.integers(0, len(self.pictures), self.recipe.batch)
        try:
            views = [self._view(self.pictures[each], rng) for each in drawn]
        except EvaluationError as error:
            return DataError(str(error))
        images, labels = (np.stack(each) for each in zip(*views, strict=True))
        return MapBatch(
            torch.from_numpy(images).permute(0, 3, 1, 2),
            torch.from_numpy(labels.astype(np.int64)),
        )

    def _view(self, mapped: Mapped, rng: np.random.Generator) -> tuple[Array, Array]:
        image, labels = read_mapped(mapped, self.classes)
        image, labels = window(image, labels, self.recipe, rng)
        if rng.random() < 0.5:
            image, labels = image[:, ::-1], labels[:, ::-1]
        return recolour(np.ascontiguousarray(image), rng), np.ascontiguousarray(labels)


def window(
    image: Array, labels: Array, recipe: SegmenterRecipe, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Returns a scaled picture and its labels, cut or filled up to the recipe's size.

    The picture is filled with grey, the labels with UNKNOWN.

    Args:
        image: uint8 [h, w, 3].
        labels: uint8 [h, w].
        recipe: with the scales and the size.
        rng: draws scale and place.
    """
    height, width = image.shape[:2]
    scale = min(recipe.height / height, recipe.width / width) * float(
        np.exp(rng.uniform(np.log(recipe.smallest), np.log(recipe.largest)))
    )
    size = max(1, round(width * scale)), max(1, round(height * scale))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    image = cv2.resize(image, size, interpolation=way)
    # The centre of each cell decides its class.
    labels = cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST_EXACT)
    canvas = np.full((recipe.height, recipe.width, 3), _GREY, np.uint8)
    classes = np.full((recipe.height, recipe.width), UNKNOWN, np.uint8)
    here, there = [], []
    for length, room in ((size[1], recipe.height), (size[0], recipe.width)):
        start = int(rng.integers(0, abs(length - room) + 1))
        taken = min(length, room)
        here.append(slice(start, start + taken) if length > room else slice(0, taken))
        there.append(slice(start, start + taken) if length < room else slice(0, taken))
    canvas[tuple(there)] = image[tuple(here)]
    classes[tuple(there)] = labels[tuple(here)]
    return canvas, classes
