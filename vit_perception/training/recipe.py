# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Training recipes: YAML to a frozen dataclass, refused with the key's name when wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import yaml

from vit_perception.perceiver.contract import MAX_PROTOTYPES


class RecipeError(ValueError):
    """A recipe that cannot be used: one line naming the file, the key and what was found."""


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the outcome of a training run.

    Attributes:
        data: data set folders (images/ + annotations.json), sampled in proportion to size.
        architecture: name in `models.detectors.factory.ARCHITECTURES`.
        backbone: name on the shelf (`models.shelf`); empty for the architecture's own.
        activation: "silu" or "relu".
        prototypes: of the instance masks, at most 32; 0 for boxes only.
        size: square network input px; a multiple of 32.
        steps, batch: optimiser steps and pictures a step.
        texts: phrases a picture is asked for (80 in the paper).
        learning_rate, final_learning_rate: AdamW peak, and its share at the end (linear decay).
        warmup: steps of linear warm-up.
        weight_decay: on matrices only; none on biases, norms and scales.
        clip: gradient norm limit.
        ema: decay of the averaged weights that are exported.
        category, name, colour, material, caption: odds of the kind of phrase an object gets:
            its category, any of its names, a name with its colour or material, its caption; their
            sum is 1. An object that has none of a kind is called by its category.
        second: probability that an object is asked for in two ways at once: by its category too,
            or, where that is the first phrase, by any of its names too.
        hard: share of the negatives taken from rivals of the picture's own objects.
        text_noise: norm of the Gaussian noise added to text embeddings.
        repaint: probability of a picture in false colours, asked for by names without colour.
        class_weight: weight of the class loss (0.5 in the paper).
        mosaic: probability of a picture joined from four.
        close_mosaic: share of the steps, at the end, without mosaic.
        seed: of everything.
        checkpoint_minutes: time between checkpoints.
    """

    data: tuple[str, ...]
    architecture: str = "dosod_nano"
    backbone: str = ""
    activation: str = "silu"
    prototypes: int = 0
    size: int = 320
    steps: int = 5000
    batch: int = 32
    texts: int = 80
    learning_rate: float = 2e-3
    final_learning_rate: float = 0.01
    warmup: int = 200
    weight_decay: float = 0.025
    clip: float = 10.0
    ema: float = 0.999
    category: float = 0.5
    name: float = 0.2
    colour: float = 0.2
    material: float = 0.04
    caption: float = 0.06
    second: float = 0.0
    hard: float = 0.3
    text_noise: float = 0.3
    repaint: float = 0.0
    class_weight: float = 0.5
    mosaic: float = 0.25
    close_mosaic: float = 0.15
    seed: int = 0
    checkpoint_minutes: float = 10.0

    def __post_init__(self) -> None:
        for key in ("steps", "batch", "texts", "size"):
            if getattr(self, key) < 1:
                raise RecipeError(f"recipe: {key} must be at least 1, found {getattr(self, key)}")
        if self.size % 32:
            raise RecipeError(f"recipe: size must be a multiple of 32, found {self.size}")
        for key, (low, high) in _RANGES.items():
            # A NaN is in no range.
            if not low <= getattr(self, key) <= high:
                raise RecipeError(
                    f"recipe: {key} must be {low:g} to {high:g}, found {getattr(self, key)}"
                )
        odds = self.category + self.name + self.colour + self.material + self.caption
        if abs(odds - 1) > 1e-6:
            raise RecipeError(
                "recipe: category, name, colour, material and caption must add up to 1, "
                f"found {odds:g}"
            )
        if not self.data:
            raise RecipeError("recipe: data must name at least one data set folder")

    @property
    def network(self) -> str:
        """What a bundle calls the architecture: with the backbone, where it is not its own."""
        return f"{self.architecture}-{self.backbone}" if self.backbone else self.architecture

    def as_dict(self) -> dict[str, object]:
        """Plain values, for checkpoints and reports."""
        return {**asdict(self), "data": list(self.data)}


_RANGES = {
    "prototypes": (0, MAX_PROTOTYPES),
    "learning_rate": (0, 1),
    "final_learning_rate": (0, 1),
    "warmup": (0, 2**31),
    "weight_decay": (0, 1),
    "clip": (0, 1e9),
    "text_noise": (0, 10),
    "class_weight": (0, 1e3),
    "seed": (0, 2**31),
    "checkpoint_minutes": (0, 1440),
    **dict.fromkeys(("category", "name", "colour", "material", "caption"), (0, 1)),
    **dict.fromkeys(("ema", "second", "hard", "repaint", "mosaic", "close_mosaic"), (0, 1)),
}


def recipe_from(values: Mapping[str, object], where: str) -> Recipe:
    """Check plain values and make a recipe of them.

    Raises:
        RecipeError: unknown key (with the known ones), or a value of another type or range.
    """
    known = {f.name: f for f in fields(Recipe)}
    for key in values:
        if key not in known:
            raise RecipeError(f"{where}: unknown key '{key}', expected one of {', '.join(known)}")
    if "data" not in values:
        raise RecipeError(f"{where}: missing key 'data'")
    checked: dict[str, object] = {}
    for key, value in values.items():
        kind = str(known[key].type)
        if kind == "float" and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if kind.startswith("tuple") and isinstance(value, list | tuple):
            value = tuple(str(item) for item in value)
        types: dict[str, type] = {"int": int, "float": float, "str": str}
        expected = types.get(kind, tuple)
        if not isinstance(value, expected) or isinstance(value, bool):
            raise RecipeError(f"{where}: {key} must be {kind}, found {value!r}")
        checked[key] = value
    try:
        return Recipe(**checked)  # type: ignore[arg-type]
    except RecipeError as error:
        raise RecipeError(str(error).replace("recipe", where, 1)) from None


def load_recipe(path: Path) -> Recipe:
    """Read a recipe; data folders are relative to the file."""
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise RecipeError(f"{path}: expected a YAML recipe, found {reason}") from None
    if not isinstance(values, dict):
        kind = type(values).__name__
        raise RecipeError(f"{path}: expected a mapping of recipe keys, found {kind}")
    recipe = recipe_from(values, str(path))
    folders = tuple(str((path.parent / folder).resolve()) for folder in recipe.data)
    return replace(recipe, data=folders)
