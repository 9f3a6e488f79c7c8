# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Training of a segmenter from class maps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from vit_perception.evaluation.class_map_data import Mapped, load_class_maps
from vit_perception.evaluation.errors import EvaluationError
from vit_perception.models.segmenters.factory import SegmenterError, create_segmenter
from vit_perception.training.class_maps import MapBatch, MapSource
from vit_perception.training.device import default_workers, find_device
from vit_perception.training.loop import Loop
from vit_perception.training.pictures import DataError
from vit_perception.training.rates import decaying_groups
from vit_perception.training.recipe import RecipeError
from vit_perception.training.run import run_folder
from vit_perception.training.segmentation_losses import segmentation_loss
from vit_perception.training.segmenter_recipe import SegmenterRecipe


class SegmenterTrainer(Loop[MapBatch]):
    """A run of a segmenter, see Loop.

    Args:
        recipe: the settings of the run, with the names of the classes.
        pictures: the data, see `class_map_data.load_class_maps`.
        folder: see Loop.
        device: "cpu", a CUDA device, or "auto": CUDA if available, else the CPU.
        workers: see Loop.

    Raises:
        DeviceError, OutputError, RecipeError, TrainingError: one line.
    """

    def __init__(
        self,
        recipe: SegmenterRecipe,
        pictures: list[Mapped],
        folder: Path,
        *,
        device: str = "auto",
        workers: int = 1,
    ) -> None:
        found = find_device(device)
        torch.manual_seed(recipe.seed)
        self.recipe = recipe
        self.source = MapSource(recipe, pictures, len(recipe.classes))
        self.model = build_segmenter(recipe).to(found)
        groups = decaying_groups({1.0: list(self.model.parameters())}, recipe.weight_decay)
        super().__init__(
            recipe, self.model, groups, self.source, folder, device=found, workers=workers
        )

    def losses(self, batch: MapBatch) -> tuple[Tensor, Mapping[str, float]]:
        """Returns the loss of class maps, and its value; see `segmentation_loss`."""
        images = batch.images.to(self.device, memory_format=torch.channels_last)
        half = self.recipe.arithmetic == "half"
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=half):
            logits = self.model(images.float() / 255)
        labels = batch.labels.to(self.device)
        loss = segmentation_loss(logits.float(), labels, self.recipe.overlap)
        return loss, {"classes": float(loss.detach())}


def build_segmenter(recipe: SegmenterRecipe) -> nn.Module:
    """Returns the recipe's network, freshly initialised; the recipe names the classes.

    Raises:
        RecipeError: there is no such network.
    """
    try:
        return create_segmenter(
            recipe.segmenter,
            len(recipe.classes),
            backbone=recipe.backbone,
            size=(recipe.height, recipe.width),
        )
    except SegmenterError as error:
        raise RecipeError(f"recipe: {error}") from None


@contextmanager
def prepared_segmenter(
    recipe: SegmenterRecipe,
    folder: Path,
    *,
    device: str = "auto",
    workers: int | None = None,
    threads: int = 0,
) -> Iterator[SegmenterTrainer]:
    """Yields a trainer that is ready to run or resume; no other process trains in its folder.

    Args: see `run.prepared`.

    Raises:
        DataError, DeviceError, OutputError, RecipeError, TrainingError: one line each.
    """
    found = find_device(device)
    if threads:
        torch.set_num_threads(threads)
    with run_folder(folder):
        try:
            classes, pictures = load_class_maps(recipe.data)
        except EvaluationError as error:
            raise DataError(str(error)) from error
        if recipe.classes and recipe.classes != classes:
            raise RecipeError(
                f"recipe: classes: expected those of the data, {', '.join(classes)}, found "
                f"{', '.join(recipe.classes)}"
            )
        yield SegmenterTrainer(
            replace(recipe, classes=classes),
            pictures,
            folder,
            device=device,
            workers=default_workers(found) if workers is None else workers,
        )
