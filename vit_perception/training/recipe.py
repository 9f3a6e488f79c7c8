# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Training recipes: a frozen dataclass, made of a YAML file or a checkpoint's values."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from vit_perception.document import Document, DocumentError, Range
from vit_perception.perceiver.contract import MAX_PROTOTYPES
from vit_perception.wording import shown

FOLDERS = ("data", "photographs", "photographs_by_name", "photographs_in_part")
FILES = ("held_out", "backbone_weights")
"""Keys with lists of folders, and with a file."""
_COUNT = Range(1, 2**31)
_SHARE = Range(0, 1)


class RecipeError(ValueError):
    """A recipe cannot be used; one line names file, key, what was expected and found."""


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the outcome of a training run.

    Attributes:
        data: data set folders (images/ + annotations.json), sampled in proportion to size.
        photographs: folders of photographs in which all objects are labelled.
        photographs_by_name: the same where other things may be there than the set has names for.
        photographs_in_part: the same where anything may be there outside of the boxes.
        photograph_share: probability that a picture is a photograph. What an object is, the last
            word of its category, is drawn by the root of how many pictures have it.
        held_out: text file of photographs that are never read, FOLDER/FILE a line; empty for none.
        least_box_score: photographs with a box of a lower `box_score` are left out.
        architecture: name in `models.detectors.factory.ARCHITECTURES`.
        backbone: name on the shelf (`models.shelf`); empty for the architecture's own.
        backbone_weights: file or folder of weights that the backbone begins with, by timm's
            names, see `start.read_backbone_weights`; empty for none.
        backbone_licence: their licence and credit, for the model card.
        backbone_rate: share of the learning rate in the backbone.
        frozen: modules of the backbone, by timm's names, that keep weights and statistics.
        activation: of the convolutions, one of `models.layers.ACTIVATIONS`.
        prototypes: of the instance masks; 0 for boxes only.
        size: square network input px; a multiple of 32.
        steps, batch: optimiser steps, and pictures per step.
        texts: phrases per picture (80 in the paper).
        learning_rate, final_learning_rate: AdamW peak, and its share at the end (linear decay).
        warmup: steps of linear warm-up.
        weight_decay: on matrices only; none on biases, norms and scales.
        clip: gradient norm limit.
        ema: decay of the averaged weights that are exported.
        category, name, colour, material, caption: odds of the kind of phrase an object gets:
            its category, any of its names, a name with its colour or material, its caption; their
            sum is 1. An object that has none of a kind is called by its category.
        second: probability that an object gets a second phrase: its category, or, if that is the
            first one, any of its names.
        hard: share of the negatives taken from rivals of the picture's own objects.
        text_noise: largest norm of the Gaussian noise added to text embeddings; each gets a
            uniform share of it.
        repaint: probability of a picture in false colours, asked for by names without colour.
        anything: probability that a picture is also asked for the name for anything, which is
            true of every object: its score tells how surely there is an object.
        class_weight: weight of the class loss (0.5 in the paper).
        contrast: weight of the contrastive loss between region embeddings of things, see
            `contrast`; 0 for none.
        contrast_temperature: of that loss; a lower one dwells on things that are alike.
        mosaic: probability of a picture joined from four.
        close_mosaic: share of the steps, at the end, without mosaic.
        arithmetic: of the network, half (bfloat16) or full (float32). Depthwise convolutions are
            slower in half on a CPU.
        seed: of everything.
        checkpoint_minutes: time between checkpoints.
    """

    SAME: ClassVar[tuple[str, ...]] = (
        "architecture",
        "activation",
        "prototypes",
        "batch",
        "texts",
    )

    data: tuple[str, ...]
    photographs: tuple[str, ...] = ()
    photographs_by_name: tuple[str, ...] = ()
    photographs_in_part: tuple[str, ...] = ()
    photograph_share: Annotated[float, _SHARE] = 0.0
    held_out: str = ""
    least_box_score: Annotated[float, Range(0, 1e3)] = 0.0
    architecture: str = "dosod_nano"
    backbone: str = ""
    backbone_weights: str = ""
    backbone_licence: str = ""
    backbone_rate: Annotated[float, _SHARE] = 1.0
    frozen: tuple[str, ...] = ()
    activation: Literal["silu", "relu"] = "silu"
    prototypes: Annotated[int, Range(0, MAX_PROTOTYPES)] = 0
    size: Annotated[int, Range(32, 8192)] = 320
    steps: Annotated[int, _COUNT] = 5000
    batch: Annotated[int, _COUNT] = 32
    texts: Annotated[int, _COUNT] = 80
    learning_rate: Annotated[float, Range(0, 1)] = 2e-3
    final_learning_rate: Annotated[float, _SHARE] = 0.01
    warmup: Annotated[int, Range(0, 2**31)] = 200
    weight_decay: Annotated[float, Range(0, 1)] = 0.025
    clip: Annotated[float, Range(0, 1e9)] = 10.0
    ema: Annotated[float, _SHARE] = 0.999
    category: Annotated[float, _SHARE] = 0.5
    name: Annotated[float, _SHARE] = 0.2
    colour: Annotated[float, _SHARE] = 0.2
    material: Annotated[float, _SHARE] = 0.04
    caption: Annotated[float, _SHARE] = 0.06
    second: Annotated[float, _SHARE] = 0.0
    hard: Annotated[float, _SHARE] = 0.3
    text_noise: Annotated[float, Range(0, 10)] = 0.3
    repaint: Annotated[float, _SHARE] = 0.0
    anything: Annotated[float, _SHARE] = 0.0
    class_weight: Annotated[float, Range(0, 1e3)] = 0.5
    contrast: Annotated[float, Range(0, 1e3)] = 0.0
    contrast_temperature: Annotated[float, Range(0.01, 10)] = 0.1
    mosaic: Annotated[float, _SHARE] = 0.25
    close_mosaic: Annotated[float, _SHARE] = 0.15
    arithmetic: Literal["half", "full"] = "half"
    seed: Annotated[int, Range(0, 2**31)] = 0
    checkpoint_minutes: Annotated[float, Range(0, 1440)] = 10.0

    @property
    def network(self) -> str:
        """The architecture's name in a bundle, with the backbone if the recipe names one."""
        return f"{self.architecture}-{self.backbone}" if self.backbone else self.architecture

    @property
    def all_photographs(self) -> tuple[str, ...]:
        """The folders of photographs, in the order of their keys."""
        return self.photographs + self.photographs_by_name + self.photographs_in_part

    def as_dict(self) -> dict[str, object]:
        """Returns plain values, for checkpoints and reports."""
        values = asdict(self).items()
        return {key: list(value) if isinstance(value, tuple) else value for key, value in values}


def recipe_from(values: object, where: str) -> Recipe:
    """Makes a recipe of plain values, as `Recipe.as_dict` returns them.

    Args:
        values: a mapping by field name; absent fields keep their defaults.
        where: file of the values, for messages.

    Raises:
        RecipeError: not a mapping, an unknown key, or a value of another type or range.
    """
    try:
        return _checked(Document(values, where))
    except DocumentError as error:
        raise RecipeError(str(error)) from None


def load_recipe(path: Path) -> Recipe:
    """Reads a recipe file; folders and files in it are relative to the file.

    Raises:
        RecipeError: the file is unreadable or not YAML, or see `recipe_from`.
    """
    try:
        recipe = _checked(Document.load(path))
    except DocumentError as error:
        raise RecipeError(str(error)) from None

    def found(name: str) -> str:
        return str((path.parent / name).resolve()) if name else ""

    return replace(
        recipe,
        data=tuple(map(found, recipe.data)),
        photographs=tuple(map(found, recipe.photographs)),
        photographs_by_name=tuple(map(found, recipe.photographs_by_name)),
        photographs_in_part=tuple(map(found, recipe.photographs_in_part)),
        held_out=found(recipe.held_out),
        backbone_weights=found(recipe.backbone_weights),
    )


def _checked(document: Document) -> Recipe:
    recipe = Recipe(**document.fields(Recipe))
    if not recipe.data:
        raise document.error("data", "at least one data set folder", "none")
    if bool(recipe.photograph_share) != bool(recipe.all_photographs):
        raise document.error(
            "photograph_share",
            "a share if there are photographs, and 0 if there are none",
            f"{recipe.photograph_share:g}",
        )
    if recipe.backbone_licence and not recipe.backbone_weights:
        raise document.error("backbone_weights", "weights for backbone_licence", "none")
    for key in ("backbone_weights", "frozen"):
        if getattr(recipe, key) and not recipe.backbone:
            raise document.error("backbone", f"a backbone for {key}", "none")
    if recipe.size % 32:
        raise document.error("size", "a multiple of 32", shown(recipe.size))
    odds = recipe.category + recipe.name + recipe.colour + recipe.material + recipe.caption
    if abs(odds - 1) > 1e-6:
        raise document.error(
            "category, name, colour, material and caption", "a sum of 1", f"{odds:g}"
        )
    return recipe
