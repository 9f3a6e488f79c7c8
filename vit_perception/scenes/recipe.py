# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Recipes of data sets: everything that determines their bytes, besides the asset folders."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any, Literal

from vit_perception.document import Document, DocumentError, Range
from vit_perception.scenes.settings import ARRANGEMENTS, CAMERAS, SceneSettings
from vit_perception.wording import shown

Part = Literal["train", "test"]
Kind = Literal["composed", "table"]
Chooser = Literal["random", "covering", "pairs"]

_SIDE = Range(64, 4096)
_OBJECTS = Range(1, 100)
_SEED = Range(0, 2**31 - 1)
_WEIGHT = Range(0, 1e6)
_TIMES = Range(1e-3, 1e3)


class RecipeError(ValueError):
    """A setting cannot be used; one line names its place, what was expected and found."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that determines the bytes of a data set, besides the asset folders.

    Part `train`: training objects, recoloured if possible, on training surfaces. Part `test`:
    every object of the folders unchanged, on surfaces that training never uses.
    """

    count: Annotated[int, Range(1, 10_000_000)] = 1000
    seed: Annotated[int, _SEED] = 1
    part: Part = "train"
    kind: Kind = "composed"
    """Cut-outs on backgrounds, or whole tables rendered in 3-D."""
    width: Annotated[int, _SIDE] = 416
    height: Annotated[int, _SIDE] = 416
    fewest: Annotated[int, _OBJECTS] = 1
    most: Annotated[int, _OBJECTS] = 25
    views: Annotated[int, Range(1, 10_000)] = 120
    """Views kept of each object (composed), or pictures of each scene (table)."""
    sprite_seed: Annotated[int, _SEED] = 0
    first: Annotated[int, Range(0, 10_000_000)] = 0
    """Index of the first picture, so that a second folder can continue the first."""
    parametric: Annotated[int, Range(0, 100_000)] = 0
    """Objects made in code that join the training objects."""
    choose: Chooser = "random"
    """How scenes of kind table are filled: see scenes/choice.py."""
    favoured: Annotated[Mapping[str, float], _TIMES] = field(default_factory=dict)
    """Last words of categories to how many times as often `random` draws them: {spoon: 5}."""
    arrangements: Annotated[Mapping[str, float], _WEIGHT] = field(
        default_factory=lambda: SceneSettings().arrangements
    )
    cameras: Annotated[Mapping[str, float], _WEIGHT] = field(
        default_factory=lambda: SceneSettings().cameras
    )
    distractors: Annotated[float, Range(0, 50)] = 0.0
    hard_light: Annotated[float, Range(0, 1)] = 0.2
    depth: bool = True
    """Whether pictures of kind table leave their depth in DIR/depth."""
    class_maps: bool = False
    """Whether pictures of kind table leave the class of each pixel in DIR/class_maps."""

    def scene_settings(self) -> SceneSettings:
        """Returns the settings for pictures of kind table."""
        return SceneSettings(
            arrangements=self.arrangements,
            views=self.views,
            distractors=self.distractors,
            hard_light=self.hard_light,
            cameras=self.cameras,
            depth=self.depth,
            class_maps=self.class_maps,
        )


# Keys of a recipe file that stand for two fields: the fields, and what is between their values.
_PAIRS = {"size": ("width", "height", "x"), "objects": ("fewest", "most", "-")}
_PAIR_OF = {name: key for key, (*names, _) in _PAIRS.items() for name in names}
_WEIGHTED = {"arrangements": ARRANGEMENTS, "cameras": CAMERAS}

KEYS = (*(f.name for f in fields(Recipe) if f.name not in _PAIR_OF), *_PAIRS)
"""The keys of a recipe file: the fields of Recipe, but `size: 640x480` and `objects: 3-15`."""


def load_recipe(path: Path) -> dict[str, object]:
    """Reads the settings of a YAML file; recipe_from checks their values.

    Raises:
        RecipeError: the file is unreadable, not YAML, or has a key that is not in KEYS.
    """
    try:
        document = Document.load(path)
        document.only(KEYS)
    except DocumentError as error:
        raise RecipeError(str(error)) from None
    return document.values


def recipe_from(values: Mapping[str, object], where: Callable[[str], str]) -> Recipe:
    """Makes a recipe of plain values by key; other defaults depend on the part and the kind.

    Args:
        values: by KEYS.
        where: from a key to the beginning of an error's line: the file and key, or the option.

    Raises:
        RecipeError: an unknown key, or a value of another type or range.
    """
    try:
        return _checked(values, where)
    except DocumentError as error:
        raise RecipeError(str(error)) from None


class _Settings(Document):
    """Settings of a file with options laid over them; errors say where each key is from."""

    def __init__(self, values: Mapping[str, object], where: Callable[[str], str]) -> None:
        super().__init__(dict(values), "recipe")
        self._where = where

    def error(self, key: str, expected: str, found: str) -> DocumentError:
        if not key:
            return super().error(key, expected, found)
        where = self._where(_PAIR_OF.get(key, key))
        return DocumentError(f"{where}: expected {expected}, found {found}")


def _checked(values: Mapping[str, object], where: Callable[[str], str]) -> Recipe:
    written = _Settings(values, where)
    plain = {key: value for key, value in values.items() if key not in _PAIRS}
    for key, (*names, separator) in _PAIRS.items():
        if written.has(key):
            plain.update(zip(names, _pair(written, key, separator), strict=True))
    settings = _Settings(plain, where)
    for key, known in _WEIGHTED.items():
        if settings.has(key):
            settings.only(known, key)
    given = settings.fields(Recipe)
    test, table = given.get("part") == "test", given.get("kind") == "table"
    defaults: dict[str, Any] = {"fewest": 3, "most": 15, "choose": "covering"} if test else {}
    if test or table:
        defaults["views"] = 20 if table else 16
    recipe = Recipe(**{**defaults, **given})
    if recipe.fewest > recipe.most:
        found = f"'{recipe.fewest}-{recipe.most}'"
        raise settings.error("objects", "A-B with A <= B", found)
    for key in _WEIGHTED:
        if sum(getattr(recipe, key).values()) <= 0:
            raise settings.error(key, "a weight above 0", "none")
    if recipe.favoured and not (recipe.choose == "random" and table):
        found = f"choose {recipe.choose} and kind {recipe.kind}"
        raise settings.error("favoured", "choose random and kind table", found)
    if recipe.choose == "pairs" and not (test and table):
        found = f"part {recipe.part} and kind {recipe.kind}"
        raise settings.error("choose", "part test and kind table for pairs", found)
    return recipe


def _pair(settings: Document, key: str, separator: str) -> tuple[int, int]:
    """Returns two whole numbers from one text, as in 640x480 and 3-15."""
    text = str(settings.values[key])
    found = re.fullmatch(rf"(\d{{1,5}}){separator}(\d{{1,5}})", text, re.ASCII)
    if found is None:
        raise settings.error(key, f"A{separator}B", shown(settings.values[key]))
    return int(found[1]), int(found[2])
