# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Trained models, of runs and of bundles."""

from __future__ import annotations

import copy
import os
from dataclasses import dataclass, replace
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load

from vit_perception.bundle.bundle import Bundle
from vit_perception.bundle.files import read_verified
from vit_perception.document import Document, DocumentError
from vit_perception.export.calibration import Calibration, calibrate
from vit_perception.input.file import InputError
from vit_perception.input.json_file import parse_json
from vit_perception.models.detectors.dosod import DOSOD
from vit_perception.training.checkpoint import CHECKPOINT, read_checkpoint
from vit_perception.training.failure import TrainingError
from vit_perception.training.recipe import Recipe, recipe_from
from vit_perception.training.run import WEIGHTS_FILE
from vit_perception.training.trainer import build_model
from vit_perception.wording import one_line, shown, shown_path

RECIPE_FILE = "recipe.json"


class ExportError(ValueError):
    """A model cannot be exported; one line."""


@dataclass(frozen=True)
class Trained:
    """A trained model and the recipe that made it.

    Attributes:
        model: in eval mode.
        recipe: of its training.
        steps: that it was trained for.
        calibration: that its weights contain.
    """

    model: DOSOD
    recipe: Recipe
    steps: int
    calibration: Calibration = Calibration()


def load_run(folder: Path) -> Trained:
    """Returns the averaged weights of a training run.

    Raises:
        ExportError, RecipeError: there is no checkpoint, or it is damaged or of another kind.
    """
    path = folder / CHECKPOINT
    if not os.path.isfile(path):
        raise ExportError(
            f"{shown_path(folder)}: expected a training run with {CHECKPOINT}, found none"
        )
    try:
        found = read_checkpoint(path)
    except TrainingError as error:
        raise ExportError(str(error)) from error
    recipe = recipe_from(found.recipe, shown_path(path))
    try:
        text_dimension = found.average["head.text_mlp.0.0.weight"].shape[1]
        model = build_model(recipe, text_dimension)
        model.load_state_dict(found.average)
    except (RuntimeError, LookupError) as error:
        raise ExportError(
            f"{shown_path(path)}: expected weights of {recipe.network}, "
            f"found {one_line(error, 120)}"
        ) from None
    return Trained(model.eval(), recipe, found.step)


def load_bundle_model(bundle: Bundle) -> Trained:
    """Returns the training-form model inside a bundle.

    Raises:
        ExportError: the bundle has no training weights, or they do not fit its architecture.
        RecipeError: its recipe has values that cannot be.
    """
    for file in (WEIGHTS_FILE, RECIPE_FILE):
        if file not in bundle.sha256:
            raise ExportError(
                f"{shown_path(bundle.directory)}: expected {file} in the bundle, found only "
                f"{shown_path(', '.join(sorted(bundle.sha256)))}"
            )
    where = shown_path(bundle.directory / RECIPE_FILE)
    recipe_file = read_verified(bundle.directory, RECIPE_FILE, bundle.sha256[RECIPE_FILE])
    try:
        made = parse_json(recipe_file, where)
    except InputError as error:
        raise ExportError(str(error)) from error
    steps = made.get("steps") if isinstance(made, dict) else None
    if not isinstance(steps, int) or "recipe" not in made:
        raise ExportError(f"{where}: expected recipe and steps, found {shown(made)}")
    recipe = recipe_from(made["recipe"], where)
    weights = read_verified(bundle.directory, WEIGHTS_FILE, bundle.sha256[WEIGHTS_FILE])
    model = build_model(recipe, bundle.text_dimension)
    try:
        model.load_state_dict(load(weights))
    except (RuntimeError, SafetensorError, ValueError) as error:
        raise ExportError(
            f"{shown_path(bundle.directory / WEIGHTS_FILE)}: expected weights of "
            f"{bundle.architecture}, found {one_line(error, 120)}"
        ) from None
    calibration = _calibration(made.get("calibration"), where)
    return Trained(model.eval(), recipe, steps, calibration)


def calibrated(trained: Trained, calibration: Calibration) -> Trained:
    """Returns a copy with other scores."""
    model = copy.deepcopy(trained.model)
    calibrate(model, calibration)
    return replace(trained, model=model, calibration=calibration.after(trained.calibration))


def _calibration(found: object, where: str) -> Calibration:
    if found is None:
        return Calibration()
    document = Document({"calibration": found}, where)
    try:
        return Calibration(
            scale=document.number("calibration.scale", 1e-6, 1e6),
            offset=document.number("calibration.offset", -1e6, 1e6),
        )
    except DocumentError as error:
        raise ExportError(str(error)) from None
