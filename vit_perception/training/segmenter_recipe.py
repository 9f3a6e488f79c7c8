# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Recipes for segmenters: what decides the outcome of a run that learns class maps."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from vit_perception.document import Document, DocumentError, Range
from vit_perception.training.recipe import RecipeError
from vit_perception.wording import shown

_COUNT = Range(1, 2**31)
_SHARE = Range(0, 1)
_SIDE = Range(32, 8192)
STRIDE = 32
"""Sides of the input are multiples of it."""


@dataclass(frozen=True)
class SegmenterRecipe:
    """Everything that decides the outcome of a run of a segmenter.

    Attributes:
        segmenter: name in `models.segmenters.factory.SEGMENTERS`.
        data: data set folders with class maps (images/, class_maps/, annotations.json), sampled
            in proportion to size; all have the same classes.
        backbone: name on the shelf (`models.shelf`); empty for the segmenter's own.
        classes: their names, which the data have to have; empty for those of the data.
        width, height: network input px; multiples of 32.
        smallest, largest: scales of a picture, of the one at which it fits the input.
        steps, batch: optimiser steps, and pictures per step.
        learning_rate, final_learning_rate: AdamW peak, and its share at the end (linear decay).
        warmup: steps of linear warm-up.
        weight_decay: on matrices only; none on biases, norms and scales.
        clip: gradient norm limit.
        ema: decay of the averaged weights that are exported.
        overlap: weight of Lovász-softmax, the rest is that of cross-entropy.
        arithmetic: of the network, half (bfloat16) or full (float32).
        seed: of everything.
        checkpoint_minutes: time between checkpoints.
    """

    SAME: ClassVar[tuple[str, ...]] = (
        "segmenter",
        "backbone",
        "classes",
        "width",
        "height",
        "batch",
    )

    segmenter: str
    data: tuple[str, ...]
    backbone: str = ""
    classes: tuple[str, ...] = ()
    width: Annotated[int, _SIDE] = 416
    height: Annotated[int, _SIDE] = 320
    smallest: Annotated[float, Range(0.1, 10)] = 0.75
    largest: Annotated[float, Range(0.1, 10)] = 2.0
    steps: Annotated[int, _COUNT] = 2000
    batch: Annotated[int, _COUNT] = 16
    learning_rate: Annotated[float, Range(0, 1)] = 2e-3
    final_learning_rate: Annotated[float, _SHARE] = 0.01
    warmup: Annotated[int, Range(0, 2**31)] = 100
    weight_decay: Annotated[float, Range(0, 1)] = 0.01
    clip: Annotated[float, Range(0, 1e9)] = 5.0
    ema: Annotated[float, _SHARE] = 0.998
    overlap: Annotated[float, _SHARE] = 0.2
    arithmetic: Literal["half", "full"] = "full"
    seed: Annotated[int, Range(0, 2**31)] = 0
    checkpoint_minutes: Annotated[float, Range(0, 1440)] = 10.0

    def as_dict(self) -> dict[str, object]:
        """Returns plain values, for checkpoints and reports."""
        return {**asdict(self), "data": list(self.data), "classes": list(self.classes)}


def segmenter_recipe_from(values: object, where: str) -> SegmenterRecipe:
    """Makes a recipe of plain values, as `SegmenterRecipe.as_dict` returns them.

    Raises:
        RecipeError: not a mapping, an unknown key, or a value of another type or range.
    """
    try:
        return _checked(Document(values, where))
    except DocumentError as error:
        raise RecipeError(str(error)) from None


def is_of_segmenter(path: Path) -> bool:
    """Returns whether a recipe file names a segmenter.

    Raises:
        RecipeError: the file is unreadable or not YAML.
    """
    try:
        return Document.load(path).has("segmenter")
    except DocumentError as error:
        raise RecipeError(str(error)) from None


def load_segmenter_recipe(path: Path) -> SegmenterRecipe:
    """Reads a recipe file; folders in it are relative to the file.

    Raises:
        RecipeError: the file is unreadable or not YAML, has an unknown key, or a value of another
            type or range.
    """
    try:
        recipe = _checked(Document.load(path))
    except DocumentError as error:
        raise RecipeError(str(error)) from None
    return replace(recipe, data=tuple(str((path.parent / each).resolve()) for each in recipe.data))


def _checked(document: Document) -> SegmenterRecipe:
    recipe = SegmenterRecipe(**document.fields(SegmenterRecipe))
    for key in ("width", "height"):
        if getattr(recipe, key) % STRIDE:
            raise document.error(key, f"a multiple of {STRIDE}", shown(getattr(recipe, key)))
    if not recipe.data:
        raise document.error("data", "at least one data set folder", "none")
    if recipe.smallest > recipe.largest:
        raise document.error("smallest", "at most largest", f"{recipe.smallest:g}")
    return recipe
