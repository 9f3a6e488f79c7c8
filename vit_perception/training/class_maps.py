# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures with the class of each pixel: reading, windows, and batches of a step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from vit_perception.evaluation.coco_entries import read_picture as read_entry
from vit_perception.evaluation.coco_file import ANNOTATIONS, entries, read_document
from vit_perception.evaluation.errors import EvaluationError
from vit_perception.images.media import MediaError, read_picture
from vit_perception.input.file import InputError, read_file
from vit_perception.training.augment import recolour
from vit_perception.training.pictures import Array, DataError
from vit_perception.training.segmentation_losses import IGNORED
from vit_perception.training.segmenter_recipe import SegmenterRecipe
from vit_perception.wording import shown, shown_path

FOLDER = "class_maps"
"""Of the maps, beside images/."""
_GREY = 114
_MAX_MAP_BYTES = 2**28


@dataclass(frozen=True)
class Mapped:
    """A picture and its class map, PNG of 8 bits."""

    picture: Path
    map: Path


def load_class_maps(folders: Sequence[str]) -> tuple[tuple[str, ...], list[Mapped]]:
    """Returns the classes of data sets, and their pictures.

    Args:
        folders: with annotations.json, in which `info.classes` names the classes and each image
            its `class_map`.

    Raises:
        DataError: a file is unreadable or absent, an image has no map, or two folders have other
            classes.
    """
    classes: tuple[str, ...] = ()
    found: list[Mapped] = []
    for folder in map(Path, folders):
        file = folder / ANNOTATIONS
        try:
            document = read_document(file)
            listed = entries(document, "images")
            info = document.get("info")
            named = info.get("classes") if isinstance(info, dict) else None
            if not isinstance(named, list) or not all(isinstance(name, str) for name in named):
                raise EvaluationError(f"info.classes: expected names, found {shown(named)}")
            if not 2 <= len(named) <= IGNORED:
                raise EvaluationError(f"info.classes: expected 2 to {IGNORED} names")
            if classes and tuple(named) != classes:
                raise EvaluationError(
                    f"info.classes: expected {', '.join(classes)} as in the folders before, "
                    f"found {shown(', '.join(named))}"
                )
            classes = tuple(named)
            for entry in listed:
                picture = read_entry(entry, folder)
                name = entry.get("class_map")
                if not isinstance(name, str) or Path(name).name != name:
                    raise EvaluationError(
                        f"image {picture.id}: class_map: expected a file name, found {shown(name)}"
                    )
                found.append(Mapped(picture.path, folder / FOLDER / name))
        except EvaluationError as error:
            place = "" if str(error).startswith(shown_path(file)) else f"{shown_path(file)}: "
            raise DataError(f"{place}{error}") from None
    if not found:
        raise DataError(f"{shown_path(folders[0])}: expected at least one picture, found none")
    return classes, found


def read_mapped(mapped: Mapped, classes: int) -> tuple[Array, Array]:
    """Returns pixels uint8 [H, W, 3] RGB, and classes uint8 [H, W], IGNORED where unknown.

    Raises:
        DataError: a file is unreadable, the map is of another size, or has other classes.
    """
    try:
        image = read_picture(mapped.picture).image
        data = read_file(mapped.map, _MAX_MAP_BYTES)
    except (MediaError, InputError) as error:
        raise DataError(str(error)) from None
    found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    where = shown_path(mapped.map)
    if found is None or found.dtype != np.uint8 or found.shape != image.shape[:2]:
        size = "another file" if found is None else f"{found.dtype} {list(found.shape)}"
        raise DataError(f"{where}: expected uint8 {list(image.shape[:2])}, found {size}")
    wrong = found[(found >= classes) & (found != IGNORED)]
    if len(wrong):
        raise DataError(f"{where}: expected classes below {classes}, found {wrong[0]}")
    return image, found


@dataclass(frozen=True)
class MapBatch:
    """The data of one step.

    Attributes:
        images: uint8 [B, 3, H, W] RGB.
        labels: int64 [B, H, W], classes, or IGNORED.
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
        except DataError as error:
            return error
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

    The picture is filled with grey, the labels with IGNORED.

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
    classes = np.full((recipe.height, recipe.width), IGNORED, np.uint8)
    here, there = [], []
    for length, room in ((size[1], recipe.height), (size[0], recipe.width)):
        start = int(rng.integers(0, abs(length - room) + 1))
        taken = min(length, room)
        here.append(slice(start, start + taken) if length > room else slice(0, taken))
        there.append(slice(start, start + taken) if length < room else slice(0, taken))
    canvas[tuple(there)] = image[tuple(here)]
    classes[tuple(there)] = labels[tuple(here)]
    return canvas, classes
