# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Recipes of data sets: everything that decides their bytes, besides the asset folders."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any, Literal

import yaml

from vit_perception.scenes.settings import ARRANGEMENTS, CAMERAS, SceneSettings

Part = Literal["train", "test"]
Kind = Literal["composed", "table"]
Chooser = Literal["random", "covering", "pairs"]


class RecipeError(ValueError):
    """A setting that cannot be used; one line says where it stands, what it is and why."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides the bytes of a data set, besides the asset folders.

    Part `train`: training objects, recoloured where they may be, on training surfaces. Part
    `test`: every object of the folders as it is, on surfaces that training never uses.
    """

    count: int
    seed: int
    part: Part = "train"
    kind: Kind = "composed"
    """Cut-outs on backgrounds, or whole tables rendered in 3-D."""
    width: int = 416
    height: int = 416
    fewest: int = 1
    most: int = 25
    views: int = 120
    """Views kept of each object (composed), or pictures of each scene (table)."""
    sprite_seed: int = 0
    first: int = 0
    """Index of the first picture, so that a second folder can go on where the first ended."""
    parametric: int = 0
    """Objects made in code that join the training objects."""
    choose: Chooser = "random"
    """How scenes of kind table are filled: see scenes/choice.py."""
    arrangements: Mapping[str, float] = field(default_factory=lambda: SceneSettings().arrangements)
    cameras: Mapping[str, float] = field(default_factory=lambda: SceneSettings().cameras)
    distractors: float = 0.0
    hard_light: float = 0.2
    depth: bool = True
    """Whether pictures of kind table leave their depth in DIR/depth."""

    def scene_settings(self) -> SceneSettings:
        """The part that pictures of kind table are made by."""
        return SceneSettings(
            arrangements=self.arrangements,
            views=self.views,
            distractors=self.distractors,
            hard_light=self.hard_light,
            cameras=self.cameras,
            depth=self.depth,
        )


def load_recipe(path: Path) -> dict[str, object]:
    """The settings of a YAML file, known keys only; recipe_from checks their values.

    Raises RecipeError for an unreadable file and for unknown keys, naming the nearest known one.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise RecipeError(f"{path}: expected YAML, found {' '.join(str(error).split())}") from None
    if not isinstance(values, dict):
        raise RecipeError(f"{path}: expected a mapping of settings, found {type(values).__name__}")
    for key in values:
        if key not in KEYS:
            raise RecipeError(f"{path}: expected {_nearest(key, KEYS)}, found {key!r}")
    return values


def recipe_from(values: Mapping[str, object], where: Callable[[str], str]) -> Recipe:
    """A recipe of plain values by key (see KEYS); what is missing follows the part and the kind.

    `where(key)` is what the one line of the RecipeError begins with.
    """
    fields: dict[str, Any] = {"count": 1000, "seed": 1}
    for key, value in values.items():
        try:
            fields.update(KEYS[key](value))
        except ValueError as error:
            raise RecipeError(f"{where(key)}: {error}") from None
    test, table = fields.get("part") == "test", fields.get("kind") == "table"
    fields.setdefault("views", 20 if table else 16 if test else 120)
    if test:
        fields = {"fewest": 3, "most": 15, "choose": "covering", **fields}
    recipe = Recipe(**fields)
    if recipe.choose == "pairs" and not (test and table):
        raise RecipeError(
            f"{where('choose')}: expected part test and kind table for pairs, "
            f"found part {recipe.part} and kind {recipe.kind}"
        )
    return recipe


def _nearest(key: object, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(str(key), known, n=1)
    return repr(near[0]) if near else f"one of {', '.join(known)}"


Check = Callable[[object], dict[str, Any]]


def _whole(name: str, low: int, high: int) -> Check:
    def check(value: object) -> dict[str, Any]:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"expected a whole number of {low} to {high}, found {value!r}")
        return {name: value}

    return check


def _number(name: str, low: float, high: float) -> Check:
    def check(value: object) -> dict[str, Any]:
        if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
            raise ValueError(f"expected a number, found {value!r}")
        if not low <= value <= high:
            raise ValueError(f"expected {low:g} to {high:g}, found {value!r}")
        return {name: float(value)}

    return check


def _one_of(name: str, choices: tuple[str, ...]) -> Check:
    def check(value: object) -> dict[str, Any]:
        if value not in choices:
            raise ValueError(f"expected {_nearest(value, choices)}, found {value!r}")
        return {name: value}

    return check


def _yes_or_no(value: object) -> dict[str, Any]:
    if not isinstance(value, bool):
        raise ValueError(f"expected true or false, found {value!r}")
    return {"depth": value}


def _range(names: tuple[str, str], separator: str, low: int, high: int) -> Check:
    """Two whole numbers in one text, as in 640x480 and 3-15."""

    def check(value: object) -> dict[str, Any]:
        found = re.fullmatch(rf"(\d{{1,5}}){separator}(\d{{1,5}})", str(value), re.ASCII)
        numbers = [int(number) for number in found.groups()] if found else []
        if not numbers or not all(low <= number <= high for number in numbers):
            raise ValueError(f"expected A{separator}B of {low} to {high}, found {value!r}")
        if names == ("fewest", "most") and numbers[0] > numbers[1]:
            raise ValueError(f"expected A{separator}B with A <= B, found {value!r}")
        return dict(zip(names, numbers, strict=True))

    return check


def _weights(name: str, known: tuple[str, ...]) -> Check:
    def check(value: object) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise ValueError(f"expected weights by name, found {value!r}")
        weights = {}
        for key, weight in value.items():
            if key not in known:
                raise ValueError(f"expected {_nearest(key, known)}, found {key!r}")
            weights[key] = _number(name, 0, 1e6)(weight)[name]
        if sum(weights.values()) <= 0:
            raise ValueError("expected a weight above 0, found none")
        return {name: weights}

    return check


#: The keys of a recipe file, with what turns a value into fields of Recipe or raises ValueError.
KEYS: Mapping[str, Check] = {
    "count": _whole("count", 1, 10_000_000),
    "seed": _whole("seed", 0, 2**31 - 1),
    "part": _one_of("part", ("train", "test")),
    "kind": _one_of("kind", ("composed", "table")),
    "size": _range(("width", "height"), "x", 64, 4096),
    "objects": _range(("fewest", "most"), "-", 1, 100),
    "views": _whole("views", 1, 10_000),
    "sprite_seed": _whole("sprite_seed", 0, 2**31 - 1),
    "first": _whole("first", 0, 10_000_000),
    "parametric": _whole("parametric", 0, 100_000),
    "choose": _one_of("choose", ("random", "covering", "pairs")),
    "arrangements": _weights("arrangements", ARRANGEMENTS),
    "cameras": _weights("cameras", CAMERAS),
    "distractors": _number("distractors", 0, 50),
    "hard_light": _number("hard_light", 0, 1),
    "depth": _yes_or_no,
}
